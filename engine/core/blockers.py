"""What forbids giving the treatment more traffic, and since when. It never forbids taking traffic away."""

from collections.abc import Iterator

from engine.core import wording
from engine.core.arms import live_arms, stage_of
from engine.core.decision import Blocker, BlockerKind
from engine.core.facts import Facts
from engine.core.gate import GateStatus
from engine.core.measure import Missing, MissingReason
from engine.core.model import Arm, Experiment, Mode
from engine.core.proposal import Climb, Finish
from engine.core.release_window import is_open
from engine.core.run import Phase, Run
from engine.core.target import TargetState, Weights
from engine.core.verdict import VerdictKind

BLIND = frozenset({BlockerKind.NO_DATA, BlockerKind.TARGET_GONE})
"""Blind time is one clock, whatever the cause: these share their `since_s`."""

DISTRUST = frozenset({BlockerKind.UNTRUSTWORTHY, BlockerKind.CLOCK})
"""Likewise for evidence that must not be believed."""

_CLOCK_SLACK_S = 1.0
_INVISIBLE = {MissingReason.NO_SERIES, MissingReason.STALE}


def find_blockers(experiment: Experiment, run: Run, facts: Facts) -> tuple[Blocker, ...]:
    """All blockers in force, each with the time since which it (or its group) has been."""
    around = [*_from_people(experiment, run, facts), *_from_target(experiment, run, facts)]
    return (
        *(_since(run, facts.now_s, kind, detail) for kind, detail in around),
        *(
            _since(run, facts.now_s, kind, detail, arm)
            for arm in live_arms(experiment, run)
            for kind, detail in _from_treatment(experiment, run, facts, arm)
        ),
        *(_since(run, facts.now_s, kind, detail) for kind, detail in _from_data(experiment, run, facts)),
    )


def _since(run: Run, now_s: float, kind: BlockerKind, detail: str, arm: int = 0) -> Blocker:
    """The blocker with the time since which it, or its group, has been; each treatment has its own clock."""
    group = next((group for group in (BLIND, DISTRUST) if kind in group), frozenset({kind}))
    # While the clock is set back, its time would make a new blocker look old once the clock is right again.
    begins_s = now_s if kind is BlockerKind.CLOCK else max(now_s, run.last_event_s)
    earlier = [
        before.since_s
        for before in run.blockers
        if before.kind in group and (before.kind is not kind or before.treatment_index == arm)
    ]
    return Blocker(kind=kind, detail=detail, since_s=min(earlier, default=begins_s), treatment_index=arm)


def _from_people(experiment: Experiment, run: Run, facts: Facts) -> Iterator[tuple[BlockerKind, str]]:
    if facts.gate.status is GateStatus.UNKNOWN:
        yield BlockerKind.GATE_UNKNOWN, wording.gate_unknown(facts.gate)
    if run.phase is Phase.PAUSED:
        yield BlockerKind.PAUSED, wording.paused(run)
    moves_on = isinstance(facts.proposal, Climb | Finish)
    if (
        moves_on
        and run.step >= 0
        and experiment.plan.steps[run.step].approve
        and run.step not in run.approved
    ):
        yield BlockerKind.AWAITING_APPROVAL, wording.awaiting_approval(experiment, run)
    if run.weights.control == 0:
        return  # nothing is left to give, so no window or freeze is in the way of settling
    if not is_open(experiment.windows, facts.now_s):
        yield BlockerKind.OUTSIDE_RELEASE_WINDOW, wording.outside_release_window(experiment, facts.now_s)
    if facts.freeze is not None:
        yield BlockerKind.FREEZE, wording.frozen(facts.freeze)


def _from_target(experiment: Experiment, run: Run, facts: Facts) -> Iterator[tuple[BlockerKind, str]]:
    target = facts.target
    if not isinstance(target, TargetState):
        yield BlockerKind.TARGET_GONE, target.detail
        return
    if experiment.mode is Mode.ACT and not _is_own(run, target.weights):
        yield BlockerKind.FOREIGN_WRITER, wording.foreign_writer(run, target)
    if not target.control.ready:
        yield BlockerKind.CONTROL_UNHEALTHY, wording.not_ready(experiment.control, target.control)


def _is_own(run: Run, seen: Weights) -> bool:
    """Whether the run brought these weights about.

    A target may pass weights of its own choice on its way to those of an act that has no result yet.
    """
    if run.pending is None:
        return seen == run.weights
    ends = (run.weights, run.pending.weights)
    arms = range(max(len(each.treatments) for each in (*ends, seen)))
    return all(
        min(each.share(arm) for each in ends) <= seen.share(arm) <= max(each.share(arm) for each in ends)
        for arm in arms
    )


def _from_treatment(
    experiment: Experiment, run: Run, facts: Facts, arm: int
) -> Iterator[tuple[BlockerKind, str]]:
    """What is wrong with one treatment that takes part."""
    if not isinstance(facts.target, TargetState):
        return
    variant = experiment.treatments[arm]
    if arm >= len(facts.target.treatments):
        yield BlockerKind.TREATMENT_NOT_READY, wording.unknown_to_the_target(variant)
        return
    health = facts.target.treatments[arm]
    if not health.ready:
        yield BlockerKind.TREATMENT_NOT_READY, wording.not_ready(variant, health)
    elif invisible := _invisible_treatment(experiment, run, facts, arm):
        yield BlockerKind.TREATMENT_NOT_READY, wording.invisible(variant, invisible)
    elif facts.now_s < (warm_s := (health.ready_since_s or 0.0) + experiment.warm_up_s):
        yield BlockerKind.WARM_UP, wording.warming_up(variant, warm_s - facts.now_s)


def _invisible_treatment(experiment: Experiment, run: Run, facts: Facts, arm: int) -> str:
    """The metric whose treatment series are gone although traffic is routed there, or nothing."""
    if not _had_traffic(experiment, run, arm) or facts.trouble is not None:
        return ""
    return next(
        (
            name
            for name, missing in facts.missing.items()
            if missing.arm is Arm.TREATMENT
            and missing.reason in _INVISIBLE
            and experiment.metric(name).treatment_index == arm
        ),
        "",
    )


def _had_traffic(experiment: Experiment, run: Run, arm: int) -> bool:
    """Whether the latest window began with the present weights, and these give the treatment something.

    The window in which traffic began may have been over before the first request came.
    """
    latest_start_s = run.launched_s + (run.windows_done - 1) * experiment.interval_s
    return run.weights.share(arm) > 0 and latest_start_s >= run.step_since_s


def _is_expected(
    experiment: Experiment, run: Run, metric: str, missing: Missing, counts_control: bool
) -> bool:
    """Whether what is missing should be there: it is this stage's, and of a treatment that has traffic."""
    if experiment.metric(metric).stage is not stage_of(experiment, run.step):
        return False
    treatment_index = experiment.metric(metric).treatment_index
    if missing.arm is Arm.TREATMENT:
        return _had_traffic(experiment, run, treatment_index)
    if missing.arm is Arm.CONTROL and not run.weights.given and not counts_control:
        return False
    return treatment_index in live_arms(experiment, run)


def _from_data(experiment: Experiment, run: Run, facts: Facts) -> Iterator[tuple[BlockerKind, str]]:
    if facts.trouble is not None:
        yield BlockerKind.NO_DATA, wording.no_data("all metrics", facts.trouble)
    else:
        # A target that gives no answer blocks by itself.
        counts_control = not isinstance(facts.target, TargetState) or facts.target.counts_control
        expected = {
            name: missing
            for name, missing in facts.missing.items()
            if _is_expected(experiment, run, name, missing, counts_control)
        }
        for name, missing in expected.items():
            yield BlockerKind.NO_DATA, wording.no_data(name, missing)
        if not expected and facts.verdict.windows_read == 0:
            yield BlockerKind.NO_DATA, wording.no_window_yet()
    if facts.unread:
        yield BlockerKind.NO_DATA, wording.catching_up(facts.unread)
    if facts.verdict.kind is VerdictKind.UNTRUSTWORTHY:
        yield BlockerKind.UNTRUSTWORTHY, wording.distrust(facts.verdict)
    if facts.now_s < run.last_event_s - _CLOCK_SLACK_S:
        yield BlockerKind.CLOCK, wording.clock_set_back(run.last_event_s - facts.now_s)
