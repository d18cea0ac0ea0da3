"""Treatments that were taken out of an experiment while the others go on. Pure; estimates nothing.

From then on nobody is exposed to them. Among the others nothing changes where a hash divides units: each
keeps its share of them. So the split, the other checks, the answer and the forecast are of those that remain.
One that left is compared with a control that went on without it: its numbers are shown, and nothing is
claimed of them.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from analysis.product.result import Effect
from engine.core.product import ProductPlan

Claiming = Callable[[Sequence[Effect]], tuple[Effect, ...]]
"""Marks which effects may be claimed: `claims.with_claims` or `claims.with_part_claims`."""


def gone(plan: ProductPlan, left: frozenset[str]) -> tuple[str, ...]:
    """Those of the plan's treatments that left, in its order; none when no treatment remained."""
    out = tuple(name for name in plan.treatments if name in left)
    return out if len(out) < len(plan.treatments) else ()


def deciding_of(plan: ProductPlan, out: Sequence[str]) -> ProductPlan:
    """The plan of control and the treatments that remain."""
    return replace(plan, shares=tuple(each for each in plan.shares if each.variant not in out))


def remaining(effects: Sequence[Effect], out: Sequence[str], claiming: Claiming) -> tuple[Effect, ...]:
    """All effects, claimed only of treatments that remain.

    Those that left count as questions asked, without evidence: what made them leave came from the same data,
    so that nobody who remains has it easier for that.
    """
    asked = [_without_evidence(each) if each.variant in out else each for each in effects]
    marked = claiming(asked)
    return tuple(
        replace(effect, claimed=mark.claimed and effect.variant not in out)
        for effect, mark in zip(effects, marked, strict=True)
    )


def _without_evidence(effect: Effect) -> Effect:
    return replace(effect, p_value=None, evidence=None)
