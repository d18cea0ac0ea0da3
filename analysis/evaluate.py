"""The one door to the statistics: fold observations into evidence, read the verdict from it. Pure.

Says what is true of the release, with an error rate. What to do about it is `engine.core.decide`'s business.

The evidence of harm is, per treatment, the weighted average of its deciding metrics' e-processes, looked at
after every window; reaching 1/alpha_rollback, divided by the treatment's part of all weights, latches.
Promotion needs every deciding metric's own evidence, now. Many looks, ramps and several metrics need no
further correction (Ville's inequality; averages of e-values are e-values).
"""

from collections.abc import Sequence
from itertools import repeat

from analysis.stats import arms, better, discoveries, split, stages, starts
from analysis.stats import evidence as fold
from analysis.stats.evidence import MetricEvidence, log_e_better
from analysis.stats.findings import finding
from analysis.stats.run_evidence import Evidence, pairs, start
from engine.core.measure import Observation
from engine.core.model import Experiment
from engine.core.plan import Stage
from engine.core.target import Weights
from engine.core.verdict import ArmVerdict, Finding, Verdict

__all__ = ["Evidence", "probed", "start", "update", "verdict"]

_STARTS_PER_HORIZON = 32


def update(experiment: Experiment, evidence: Evidence, observations: Sequence[Observation]) -> Evidence:
    """Evidence after more windows: consecutive, in order, and each given exactly once over the run.

    With a window that is a new start, step totals begin again, and harm may have begun there.
    """
    for observation in observations:
        evidence = _after(experiment, evidence, observation)
    return evidence


def probed(experiment: Experiment, evidence: Evidence) -> int:
    """How many probes have been answered, or not answered, so far."""
    return max(
        (
            int(state.treatment.total)
            for metric, state in zip(experiment.metrics, evidence.metrics, strict=True)
            if metric.stage is Stage.PREVIEW
        ),
        default=0,
    )


def verdict(experiment: Experiment, evidence: Evidence) -> Verdict:
    """What the evidence says now."""
    winners = _better(experiment, evidence)
    latched = {arm.culprit for arm in evidence.arms if arm.harm_latched}
    findings = discoveries.marked(
        finding(
            experiment, metric, state, is_culprit=metric.name in latched, is_better=metric.name in winners
        )
        for metric, state in zip(experiment.metrics, evidence.metrics, strict=True)
    )
    said = tuple(
        _arm_verdict(experiment, evidence, findings, winners, index)
        for index in range(len(experiment.treatments))
    )
    return Verdict(
        kind=arms.run_kind(
            [said[index].kind for index in _live(experiment, evidence.weights)],
            harm_latched=evidence.harm_latched,
            alarm=any(one.alarm for one in evidence.splits),
        ),
        findings=findings,
        log_e_harm=evidence.log_e_harm,
        harm_latched=evidence.harm_latched,
        culprit=evidence.culprit or arms.suspect(pairs(experiment, evidence.metrics)),
        alpha_rollback=experiment.alpha_rollback,
        alpha_promote=experiment.alpha_promote,
        windows=evidence.windows,
        windows_read=evidence.windows_read,
        data_until_s=evidence.data_until_s,
        arms=said,
        splits=tuple(
            split.finding(experiment, metric, state)
            for metric, state in zip(experiment.splits, evidence.splits, strict=True)
        ),
        stage=evidence.stage,
    )


def _after(experiment: Experiment, evidence: Evidence, observation: Observation) -> Evidence:
    window = observation.window
    origin_s = window.start_s if evidence.origin_s is None else evidence.origin_s
    passed = (window.start_s - origin_s) / experiment.horizon_s
    period = max(evidence.period, int(passed * _STARTS_PER_HORIZON))
    states = _with_window(experiment, evidence, observation, is_new_period=period > evidence.period)
    measured = pairs(experiment, states)
    own = arms.by_arm(measured, len(evidence.arms))
    weighted = [arms.weighted_log_e(each) for each in own]
    said = tuple(map(arms.after_window, evidence.arms, weighted, own, repeat(experiment.alpha_rollback)))
    latched = all(arm.harm_latched for arm in said)
    weights = observation.weights or evidence.weights
    live = _live(experiment, weights)
    return Evidence(
        metrics=states,
        windows=evidence.windows + _any_counted(evidence.metrics, states),
        windows_read=evidence.windows_read + 1,
        origin_s=origin_s,
        period=period,
        log_e_harm=arms.log_sum(weighted),
        harm_latched=latched,
        culprit=evidence.culprit or (arms.leading(said, measured) if latched else ""),
        data_until_s=window.end_s if _all_measured(measured, observation, live) else evidence.data_until_s,
        stage=observation.stage,
        weights=weights,
        arms=said,
        splits=tuple(
            [
                split.with_window(metric, state, observation, experiment.split_tolerance)
                for metric, state in zip(experiment.splits, evidence.splits, strict=True)
            ]
        ),
    )


def _with_window(
    experiment: Experiment, evidence: Evidence, observation: Observation, *, is_new_period: bool
) -> tuple[MetricEvidence, ...]:
    states = evidence.metrics
    if observation.new_start:
        states = tuple(map(fold.at_new_step, experiment.metrics, states))
    if observation.new_start or is_new_period:
        part = starts.AT_CHANGE if observation.new_start else starts.ON_GRID
        states = tuple(stages.at_new_start(*pair, part) for pair in pairs(experiment, states))
    return tuple(
        [
            stages.with_window(experiment, metric, state, observation)
            for metric, state in zip(experiment.metrics, states, strict=True)
        ]
    )


def _arm_verdict(
    experiment: Experiment,
    evidence: Evidence,
    findings: Sequence[Finding],
    winners: Sequence[str],
    index: int,
) -> ArmVerdict:
    arm = evidence.arms[index]
    own = arms.by_arm(pairs(experiment, evidence.metrics), len(evidence.arms))[index]
    names = {metric.name for metric, _ in own}
    at_stage = {metric.name for metric, _ in arms.at_stage(own, evidence.stage)}
    won = next((name for name in winners if name in names), "")
    alarm = any(
        state.alarm
        for metric, state in zip(experiment.splits, evidence.splits, strict=True)
        if metric.treatment_index == index
    )
    return ArmVerdict(
        treatment=experiment.treatments[index],
        kind=arms.kind_of(
            [found for found in findings if found.metric in at_stage],
            harm_latched=arm.harm_latched,
            alarm=alarm,
            better=won != "",
        ),
        harm_latched=arm.harm_latched,
        log_e_harm=arm.log_e_harm,
        culprit=arm.culprit or arms.suspect(own),
        better_by=won,
    )


def _better(experiment: Experiment, evidence: Evidence) -> tuple[str, ...]:
    """Objectives that are better by Holm over treatments and objectives, the clearest first."""
    log_es = {
        metric.name: log_e
        for metric, state in pairs(experiment, evidence.metrics)
        if (log_e := log_e_better(metric, state)) is not None and better.may_promote(experiment, metric)
    }
    return better.rejected(log_es, experiment.alpha_promote)


def _live(experiment: Experiment, weights: Weights | None) -> tuple[int, ...]:
    """Indices of the treatments that have traffic, or of all while none is known to have any."""
    if not experiment.more_treatments:
        return (0,)
    every = tuple(range(len(experiment.treatments)))
    return tuple(i for i in every if weights is not None and weights.share(i) > 0) or every


def _any_counted(before: Sequence[MetricEvidence], after: Sequence[MetricEvidence]) -> bool:
    return any(new.windows > old.windows for old, new in zip(before, after, strict=True))


def _all_measured(measured: arms.Pairs, observation: Observation, live: Sequence[int]) -> bool:
    return all(
        state.missing is None and not state.distrust
        for metric, state in arms.at_stage(measured, observation.stage)
        if metric.treatment_index in live
    )
