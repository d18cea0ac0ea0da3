"""What the metrics of one treatment say together, and of several treatments one by one. Decides nothing.

A treatment's e-process is the weighted average of its deciding metrics' e-processes. It crosses at
1/(alpha_rollback W), W being the sum of their weights. The weights of all deciding metrics add up to 1, so W
is 1 for one treatment and 1/K for each of K equally weighted ones: it crosses at K/alpha_rollback, and by the
union bound the probability that any harmless treatment ever crosses is at most alpha_rollback. The metrics of
every stage take part at their weights; those of a stage that has not begun count as 1.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from math import exp, log

from analysis.stats.evidence import MetricEvidence
from analysis.stats.mixture import LOG_NOTHING
from engine.core.model import Metric
from engine.core.plan import Stage
from engine.core.verdict import Finding, VerdictKind

Pairs = Sequence[tuple[Metric, MetricEvidence]]
"""Metrics with their evidence."""

_SHOWN = {VerdictKind.NOT_WORSE, VerdictKind.BETTER}


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmEvidence:
    """Harm of one treatment.

    Attributes:
        log_e_harm: log of its e-process, now.
        culprit: the metric that gave most of it when it latched, empty before.
    """

    log_e_harm: float = 0.0
    harm_latched: bool = False
    culprit: str = ""


def after_window(before: ArmEvidence, weighted: float, pairs: Pairs, alpha_rollback: float) -> ArmEvidence:
    """One treatment's harm with its metrics' present evidence; once crossed, it stays so.

    `weighted` is the log of the sum of their weighted e-values.
    """
    part = sum([metric.weight for metric, _ in pairs if metric.decides]) or 1.0
    crossed = weighted >= -log(alpha_rollback)
    return ArmEvidence(
        log_e_harm=max(LOG_NOTHING, weighted - log(part)),
        harm_latched=before.harm_latched or crossed,
        culprit=before.culprit or (suspect(pairs) if crossed else ""),
    )


def weighted_log_e(pairs: Pairs) -> float:
    """Log of the sum of weighted e-values; a metric whose assumptions fail contributes nothing."""
    return log_sum([logged for logged, _ in _weighted(pairs)])


def log_sum(logs: Sequence[float]) -> float:
    """Log of the sum of the numbers of which these are the logs."""
    if len(logs) < 2:
        return max(LOG_NOTHING, *logs) if logs else LOG_NOTHING
    top = max(logs)
    return max(LOG_NOTHING, top + log(sum([exp(logged - top) for logged in logs])))


def suspect(pairs: Pairs) -> str:
    """The metric with the largest weighted evidence of harm, empty when none has any."""
    logs = [(logged, name) for logged, name in _weighted(pairs, above=0.0)]
    return max(logs, key=lambda entry: entry[0])[1] if logs else ""


def leading(said: Sequence[ArmEvidence], pairs: Pairs) -> str:
    """Of the treatments' culprits the one with the most evidence now."""
    culprits = {arm.culprit for arm in said}
    return suspect([(m, s) for m, s in pairs if m.name in culprits]) or said[0].culprit


def by_arm(pairs: Pairs, treatments: int) -> list[Pairs]:
    """The metrics of each of so many treatments."""
    if treatments == 1:
        return [pairs]
    return [[(m, s) for m, s in pairs if m.treatment_index == index] for index in range(treatments)]


def at_stage(pairs: Pairs, stage: Stage) -> list[tuple[Metric, MetricEvidence]]:
    """The metrics that decide at this stage."""
    return [(metric, state) for metric, state in pairs if metric.decides and metric.stage is stage]


def kind_of(findings: Sequence[Finding], *, harm_latched: bool, alarm: bool, better: bool) -> VerdictKind:
    """What the deciding findings of one treatment at one stage say together, the worst first.

    `alarm`: its visitors are not split as planned. `better`: one of its objectives is.
    """
    if harm_latched:
        return VerdictKind.HARMFUL
    kinds = {found.verdict for found in findings}
    if alarm or VerdictKind.UNTRUSTWORTHY in kinds:
        return VerdictKind.UNTRUSTWORTHY
    if VerdictKind.NO_DATA in kinds:
        return VerdictKind.NO_DATA
    if not kinds or not kinds <= _SHOWN:
        return VerdictKind.UNDECIDED
    return VerdictKind.BETTER if better else VerdictKind.NOT_WORSE


def run_kind(live: Collection[VerdictKind], *, harm_latched: bool, alarm: bool) -> VerdictKind:
    """What the treatments that take part say together. `alarm`: visitors are not split as planned."""
    kinds = set(live)
    if harm_latched:
        return VerdictKind.HARMFUL
    if alarm or VerdictKind.UNTRUSTWORTHY in kinds:
        return VerdictKind.UNTRUSTWORTHY
    for kind in (VerdictKind.NO_DATA, VerdictKind.BETTER):
        if kind in kinds:
            return kind
    return kinds.pop() if len(kinds) == 1 else VerdictKind.UNDECIDED


def _weighted(pairs: Pairs, above: float = LOG_NOTHING) -> list[tuple[float, str]]:
    """Log of weight times e-value per deciding metric with a log e-value above `above`."""
    return [
        (log(metric.weight) + state.log_e_harm, metric.name)
        for metric, state in pairs
        if metric.decides and metric.weight > 0.0 and not state.distrust and state.log_e_harm > above
    ]
