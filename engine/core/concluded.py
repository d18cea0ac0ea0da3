"""What a product experiment's answer may promote: less than a person may. Pure.

It says which treatment is better, and nothing else. Whatever else a promotion by evidence takes, this one
takes too: nothing is in the way, hold and floor of the test are met, and the run's own metrics are not worse.
"""

from engine.core.arms import stage_of
from engine.core.decision import Blocker
from engine.core.events import CONCLUDED, Command, Verb
from engine.core.facts import Facts
from engine.core.model import Experiment
from engine.core.ordered import chosen
from engine.core.proposal import Wait
from engine.core.run import Run
from engine.core.verdict import Finding, VerdictKind
from engine.core.wording import concluding as wording

ANSWER_LASTS_S = 600.0
"""An order that has waited longer is refused: the answer behind it is as old, and may be another by now."""

_HARMLESS = frozenset({VerdictKind.NOT_WORSE, VerdictKind.BETTER})


def concluded_arm(
    experiment: Experiment, run: Run, facts: Facts, blockers: tuple[Blocker, ...]
) -> int | None:
    """Index of the treatment that an answer promotes now; None without an answer, or when it may not yet."""
    order = facts.order
    if order is None or order.verb is not Verb.PROMOTE or order.source != CONCLUDED:
        return None
    return None if not_yet(experiment, run, facts, order, blockers) else chosen(experiment, run, order)


def not_yet(
    experiment: Experiment, run: Run, facts: Facts, order: Command, blockers: tuple[Blocker, ...]
) -> str:
    """Why an answer is not carried out by this promotion now; empty where it is."""
    arm = chosen(experiment, run, order)
    age_s = facts.now_s - order.at_s
    if arm is None:
        return wording.takes_no_part(order.treatment)
    if not experiment.plan.product_decides:
        return wording.own_rules(experiment.plan)
    if age_s > ANSWER_LASTS_S:
        return wording.old_answer(age_s)
    return "; ".join(blocker.detail for blocker in blockers) or _lacking(experiment, run, facts, arm)


def _lacking(experiment: Experiment, run: Run, facts: Facts, arm: int) -> str:
    """What the test lacks besides the answer."""
    if not isinstance(facts.proposal, Wait):
        return wording.not_at_its_end()
    if not facts.proposal.is_ready:
        return facts.proposal.reason
    if not _is_harmless(experiment, run, facts, arm):
        return wording.not_harmless(experiment.treatments[arm])
    return ""


def _is_harmless(experiment: Experiment, run: Run, facts: Facts, arm: int) -> bool:
    """Whether a treatment is in its test and the run's own metrics speak for it, whatever a strategy says."""
    verdict = facts.verdict
    is_last = run.step == len(experiment.plan.steps) - 1
    if not is_last or run.weights.share(arm) == 0 or verdict.stage is not stage_of(experiment, run.step):
        return False
    by_arm = [each.kind for each in verdict.arms]
    kinds = [verdict.kind] if len(experiment.treatments) == 1 else by_arm[arm : arm + 1]
    inside = (each.inside_margin_at_step is True for each in verdict.findings if _decides(each, arm, facts))
    return not _HARMLESS.isdisjoint(kinds) and all(inside)


def _decides(finding: Finding, arm: int, facts: Facts) -> bool:
    """Whether a metric decides about a treatment at this stage."""
    return finding.weight > 0 and finding.treatment_index == arm and finding.stage is facts.verdict.stage
