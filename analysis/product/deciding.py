"""What to do after a look: ship, keep control, keep running, or trust nothing. Pure rules; estimates nothing.

Nothing ships without evidence: a variant needs an objective that is claimed to be better, none that is
claimed to be worse, and every guardrail not worse by its margin. A grave fault forbids every other answer.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from math import fsum

from analysis.product.looks import ended, may_claim
from analysis.product.result import Answer, Effect, Fault, Outcome, ProductRule, Standing
from analysis.product.totals import ALL, Totals
from engine.core.model import Role
from engine.core.product import ProductPlan

_WORSE = (ProductRule.GUARDRAIL_WORSE, ProductRule.OBJECTIVE_WORSE)
_HARMLESS = (Standing.BETTER, Standing.NOT_WORSE)


def answer(
    plan: ProductPlan, totals: Totals, effects: Sequence[Effect], faults: Iterable[Fault], at_s: float
) -> Answer:
    """The decision and its rule.

    Args:
        plan: the experiment.
        totals: what was found.
        effects: of all units, with their claims.
        faults: what is wrong.
        at_s: time of the look.
    """
    undecided = Outcome.KEEP_CONTROL if ended(plan, at_s) else Outcome.KEEP_RUNNING
    if any(fault.grave for fault in faults):
        return Answer(outcome=Outcome.DO_NOT_TRUST, rule=ProductRule.FAULT)
    if not _has_data(plan, totals):
        return Answer(outcome=undecided, rule=ProductRule.NO_DATA)
    if not may_claim(plan, at_s):
        return Answer(outcome=Outcome.KEEP_RUNNING, rule=ProductRule.BEFORE_THE_END)
    alone = [_of_one(plan, _of_variant(effects, name), undecided) for name in plan.treatments]
    return _of_all(plan, effects, alone, undecided)


def _of_all(
    plan: ProductPlan, effects: Sequence[Effect], alone: Sequence[Answer], undecided: Outcome
) -> Answer:
    """One answer out of those of the treatments, each as if it were the only one.

    Who wins is shipped. Control is kept when all have lost; until then one that lost is named, and the others
    run on.
    """
    winners = [each for each in alone if each.outcome is Outcome.SHIP]
    if winners:
        return max(winners, key=lambda each: _merit(plan, _of_variant(effects, each.variant)))
    losers = [each for each in alone if each.rule in _WORSE]
    if losers:
        worst = min(losers, key=lambda each: (_doubt_of(effects, each), each.variant))
        return worst if len(losers) == len(alone) else replace(worst, outcome=undecided)
    unclear = [each for each in alone if each.rule is ProductRule.GUARDRAIL_UNCLEAR]
    return min(unclear or alone, key=lambda each: (each.variant, each.metric))


def _of_one(plan: ProductPlan, effects: Sequence[Effect], undecided: Outcome) -> Answer:
    """The answer if there were only this treatment."""
    guardrails = [each for each in effects if plan.metric(each.metric).role is Role.GUARDRAIL]
    objectives = [each for each in effects if plan.metric(each.metric).role is Role.OBJECTIVE]
    better = _claimed(objectives, Standing.BETTER)
    unclear = [each for each in guardrails if each.standing not in _HARMLESS]
    if harmful := _claimed(guardrails, Standing.WORSE):
        return _by(Outcome.KEEP_CONTROL, ProductRule.GUARDRAIL_WORSE, harmful)
    if worse := _claimed(objectives, Standing.WORSE):
        return _by(Outcome.KEEP_CONTROL, ProductRule.OBJECTIVE_WORSE, worse)
    if better and unclear:
        return _by(undecided, ProductRule.GUARDRAIL_UNCLEAR, unclear)
    if better:
        return _by(Outcome.SHIP, ProductRule.OBJECTIVE_BETTER, better)
    over = undecided is Outcome.KEEP_CONTROL
    return Answer(outcome=undecided, rule=ProductRule.ENDED_UNDECIDED if over else ProductRule.NOT_YET)


def _claimed(effects: Iterable[Effect], standing: Standing) -> list[Effect]:
    return [each for each in effects if each.claimed and each.standing is standing]


def _by(outcome: Outcome, rule: ProductRule, effects: Iterable[Effect]) -> Answer:
    """Decided by the effect with the strongest evidence."""
    strongest = min(effects, key=lambda each: (_doubt(each), each.metric))
    return Answer(outcome=outcome, rule=rule, variant=strongest.variant, metric=strongest.metric)


def _merit(plan: ProductPlan, effects: Iterable[Effect]) -> tuple[int, float, str]:
    """By which the best of several winners is found: how many objectives it improves, and by how much."""
    objectives = [each for each in effects if plan.metric(each.metric).role is Role.OBJECTIVE]
    won = _claimed(objectives, Standing.BETTER)
    return len(won), fsum(abs(each.relative) for each in won if each.relative is not None), won[0].variant


def _doubt_of(effects: Iterable[Effect], decided: Answer) -> float:
    mine = _of_variant(effects, decided.variant)
    return min(_doubt(each) for each in mine if each.metric == decided.metric)


def _doubt(effect: Effect) -> float:
    """The smaller, the stronger the evidence."""
    return 1.0 if effect.p_value is None else effect.p_value


def _of_variant(effects: Iterable[Effect], variant: str) -> list[Effect]:
    return [each for each in effects if each.variant == variant]


def _has_data(plan: ProductPlan, totals: Totals) -> bool:
    """Whether there are units to compare at all."""
    units = {variant: count for (variant, part), count in totals.units.items() if part == ALL}
    return bool(units.get(plan.control)) and any(units.get(variant) for variant in plan.treatments)
