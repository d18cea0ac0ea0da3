"""Which effects may be claimed although many were looked for. Decides nothing and estimates nothing.

Families, each with the plan's alpha: what objectives gain or lose (over metrics and treatments); which
guardrails are worse; and, of all confirmatory dimensions together, what objectives do in their parts. That a
guardrail is not worse needs no correction: shipping needs all of them, and an intersection of tests has the
level of each (Berger, 1982). Quality metrics, exploratory dimensions and series are shown, never claimed.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from analysis.product.result import Effect, Standing
from analysis.stats.discoveries import e_bh
from engine.core.model import Role
from engine.core.product import Correction, ProductPlan

_DIFFERENT = (Standing.BETTER, Standing.WORSE)


def with_claims(plan: ProductPlan, effects: Sequence[Effect]) -> tuple[Effect, ...]:
    """The effects of all units, marked where they may be claimed."""
    objectives = _rejected(plan, effects, lambda each: _role(plan, each) is Role.OBJECTIVE)
    guardrails = _rejected(plan, effects, lambda each: _role(plan, each) is Role.GUARDRAIL)
    marked = objectives | guardrails
    return tuple(
        replace(each, claimed=index in marked or each.standing is Standing.NOT_WORSE)
        for index, each in enumerate(effects)
    )


def with_part_claims(plan: ProductPlan, effects: Sequence[Effect]) -> tuple[Effect, ...]:
    """The effects in parts of the units, marked where a confirmatory dimension may claim them."""
    confirmatory = {each.column for each in plan.dimensions if each.confirmatory}
    marked = _rejected(
        plan,
        effects,
        lambda each: _role(plan, each) is Role.OBJECTIVE and each.slice.dimension in confirmatory,
    )
    return tuple(replace(each, claimed=index in marked) for index, each in enumerate(effects))


def holm(p_values: Sequence[float | None], alpha: float) -> tuple[bool, ...]:
    """Which null hypotheses Holm's procedure rejects: the chance of a single false one is at most alpha.

    With p-values that hold at any time, it holds at any time. One that could not be tested (None) counts as a
    question asked. Source: Holm, Scandinavian Journal of Statistics 6 (1979), 65-70.

    >>> holm([0.04, 0.01, None], 0.05)
    (False, True, False)
    """
    tested = sorted((p, index) for index, p in enumerate(p_values) if p is not None)
    rejected: set[int] = set()
    for step, (p, index) in enumerate(tested):
        if p > alpha / (len(p_values) - step):
            break
        rejected.add(index)
    return tuple(index in rejected for index in range(len(p_values)))


def _rejected(
    plan: ProductPlan, effects: Sequence[Effect], belongs: Callable[[Effect], bool]
) -> frozenset[int]:
    """Indices of the family's effects whose difference may be claimed."""
    family = [index for index, each in enumerate(effects) if belongs(each)]
    if plan.correction is Correction.E_BH:
        found = e_bh([_log_e(effects[index]) for index in family], plan.alpha)
    else:
        found = holm([effects[index].p_value for index in family], plan.alpha)
    pairs = zip(family, found, strict=True)
    return frozenset(index for index, real in pairs if real and effects[index].standing in _DIFFERENT)


def _log_e(effect: Effect) -> float:
    """An effect without evidence bets nothing: its e-value is 0."""
    return -float("inf") if effect.evidence is None else effect.evidence


def _role(plan: ProductPlan, effect: Effect) -> Role:
    return plan.metric(effect.metric).role
