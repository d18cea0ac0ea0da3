"""The sentence under the headline: direction, size, unit and limit of what the verdict rests on."""

from typing import assert_never

from engine.core.decision import Rule
from engine.core.model import Experiment, Metric, MetricKind
from engine.core.numbers import duration, percent, times
from engine.core.plan import Stage
from engine.core.run import Run
from engine.core.verdict import Effect, Finding, SplitFinding, Verdict, VerdictKind
from engine.core.wording.blockers import distrust, missing
from engine.core.wording.decisions import counted_as
from engine.core.wording.quantities import behind, bound, gap, is_share, level

_BEFORE_AFTER = {
    Stage.PREVIEW: "probes of the preview",
    Stage.SPLIT: "",
    Stage.SETTLE: "before/after the switch",
}
ENOUGH_PODS = 3
"""Pods per arm from which one of them that is bad stands out."""
_CAUSES = (
    "Usual causes: a cache or a load balancer in front of the split, retries, visitors counted only once they"
    " behave in some way."
)


def summary(experiment: Experiment, run: Run, verdict: Verdict) -> str:
    """One or two sentences on what the verdict rests on."""
    if run.ended_by is Rule.PREVIEW_FAILED:
        return _telling(experiment, verdict, Stage.PREVIEW)
    if any(split.alarm for split in verdict.splits) and not verdict.harm_latched:
        return f"{' '.join(split_off(split) for split in verdict.splits if split.alarm)} {_CAUSES}"
    told_of = [_of_kind(experiment, verdict), _pods(verdict)]
    return " ".join(each for each in told_of if each)


def few_pods(pods: int | None) -> str:
    """What so few pods cannot tell; empty for enough of them, or where nobody counts them."""
    if pods is None or pods >= ENOUGH_PODS:
        return ""
    many = "one pod" if pods == 1 else f"{pods} pods"
    return f"{many} in an arm: a bad node cannot be told from a bad release"


def _pods(verdict: Verdict) -> str:
    """Said of a verdict about the release, by the deciding metric with the fewest pods."""
    if verdict.kind in {VerdictKind.NO_DATA, VerdictKind.UNTRUSTWORTHY}:
        return ""
    known = [each.pods for each in verdict.findings if each.weight > 0 and each.pods is not None]
    caution = few_pods(min(known, default=None))
    return f"{caution[0].upper()}{caution[1:]}." if caution else ""


def _of_kind(experiment: Experiment, verdict: Verdict) -> str:
    match verdict.kind:
        case VerdictKind.HARMFUL:
            return _harmful(experiment, verdict)
        case VerdictKind.BETTER:
            return _better(experiment, verdict)
        case VerdictKind.NOT_WORSE | VerdictKind.UNDECIDED:
            return _telling(experiment, verdict, verdict.stage)
        case VerdictKind.NO_DATA:
            return _no_data(experiment, verdict)
        case VerdictKind.UNTRUSTWORTHY:
            return f"{distrust(verdict)}."
        case _:
            assert_never(verdict.kind)


def split_off(split: SplitFinding) -> str:
    """How one treatment's share is, against the plan; empty before the first window that counts."""
    if split.planned is None or split.seen is None:
        return ""
    visitors = split.control + split.treatment_count
    return (
        f"{split.treatment} against control: planned {percent(split.planned)}, seen {percent(split.seen)}"
        f" of {visitors:,} visitors."
    )


def told(experiment: Experiment, metric: Metric, finding: Finding) -> str:
    """One metric: both rates, the difference with its confidence sequence, and the limit."""
    name = metric.measure or metric.name
    where = _BEFORE_AFTER[metric.stage]
    name = f"{name} ({where})" if where else name
    treatment = experiment.treatments[metric.treatment_index]
    if metric.kind is MetricKind.DISTRIBUTION and metric.slo_s is None:
        return f"{name}: {metric.unit}s of {treatment} against {experiment.control}"
    likely = _likely(finding.effect)
    counted = _counted(metric)
    if metric.kind is MetricKind.THRESHOLD:
        arm = finding.treatment
        rate = f"{percent(arm.rate)}{counted} with {treatment} ({behind(metric, arm.bad, arm.total)}{likely})"
        return f"{name}: {rate}; the limit is {percent(metric.limit)}"
    harmful = finding.verdict is VerdictKind.HARMFUL
    limit = bound(metric, metric.tolerance if harmful else metric.margin)
    less = "" if not metric.higher_is_better else " fewer" if is_share(metric) else " less"
    return (
        f"{name}: {level(metric, finding.treatment.rate)}{counted} with {treatment} against"
        f" {level(metric, finding.control.rate)} with {experiment.control}"
        f" ({gap(metric, finding.difference)}{likely});"
        f" {'tolerated is' if harmful else 'the margin is'} {limit}{less}"
    )


def _counted(metric: Metric) -> str:
    """What a share is a share of, and of which kind; nothing of what is no share."""
    if not is_share(metric):
        return ""
    trials = "probes" if metric.stage is Stage.PREVIEW else f"{metric.unit}s"
    if metric.slo_s is not None:
        return f" of {trials} slower than {metric.slo_s * 1000:g} ms"
    return f" of {trials} {counted_as(metric)}"


def _likely(effect: Effect) -> str:
    form = percent if effect.measure == "share" else times
    match effect.low, effect.high:
        case None, None:
            return ""
        case None, high:
            return f", likely at most {form(high)}"
        case low, None:
            return f", likely at least {form(low)}"
        case _:
            return f", likely {form(effect.low)} to {form(effect.high)}"


def _harmful(experiment: Experiment, verdict: Verdict) -> str:
    culprits = [arm.culprit for arm in verdict.arms if arm.harm_latched and arm.culprit]
    names = culprits or [verdict.culprit]
    return " ".join(f"{_of(experiment, verdict, name)}." for name in names if name)


def _better(experiment: Experiment, verdict: Verdict) -> str:
    shown = [_of(experiment, verdict, arm.better_by) for arm in verdict.arms if arm.better_by]
    held = sum(
        finding.weight > 0 and finding.verdict in {VerdictKind.NOT_WORSE, VerdictKind.BETTER}
        for finding in verdict.findings
    )
    rest = f" {held} deciding metric{'' if held == 1 else 's'} held." if held else ""
    return " ".join(f"{each}." for each in shown) + rest


def _telling(experiment: Experiment, verdict: Verdict, stage: Stage) -> str:
    """The metric that is nearest to its limit, and how many there are."""
    deciding = [each for each in verdict.findings if each.weight > 0 and each.stage is stage]
    if not deciding:
        return ""
    nearest = min(deciding, key=lambda each: each.log_e_promote)
    first = f"{_of(experiment, verdict, nearest.metric)}."
    within = sum(each.verdict in {VerdictKind.NOT_WORSE, VerdictKind.BETTER} for each in deciding)
    if len(deciding) == 1:
        return first
    if within == len(deciding):
        return f"All {within} deciding metrics are within their margins. Nearest to one: {first}"
    if stage is Stage.SETTLE:
        return f"Nearest to its limit: {first}"
    return f"{within} of {len(deciding)} deciding metrics are shown to be within their margins. Next: {first}"


def _no_data(experiment: Experiment, verdict: Verdict) -> str:
    lacking = [each for each in verdict.findings if each.missing is not None and each.weight > 0]
    if not lacking:
        return f"The first window of {duration(experiment.interval_s)} is not over."
    names = ", ".join(dict.fromkeys(each.measure or each.metric for each in lacking))
    first = lacking[0].missing
    why = "" if first is None else missing(first.reason)
    return f"No data for {names}: {why}."


def _of(experiment: Experiment, verdict: Verdict, name: str) -> str:
    return told(experiment, experiment.metric(name), verdict.finding(name))
