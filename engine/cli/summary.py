"""One line about each run, from what is stored: who needs help comes first. Asks nobody outside the store."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from analysis import evaluate
from engine import plugins
from engine.core import talk, wording
from engine.core.decision import Blocker, BlockerKind, Rule
from engine.core.model import Experiment, Mode
from engine.core.outcome import exit_code
from engine.core.run import Phase, Run
from engine.core.verdict import Verdict, VerdictKind
from engine.errors import RampwiseError
from engine.ports import Snapshot, Store, StoredRun, Strategy
from engine.progress import progress_of
from engine.wiring import load_experiment

_WORST_FIRST = (
    BlockerKind.TARGET_GONE,
    BlockerKind.CONTROL_UNHEALTHY,
    BlockerKind.TREATMENT_NOT_READY,
    BlockerKind.FOREIGN_WRITER,
    BlockerKind.UNTRUSTWORTHY,
    BlockerKind.CLOCK,
    BlockerKind.NO_DATA,
    BlockerKind.GATE_UNKNOWN,
    BlockerKind.AWAITING_APPROVAL,
    BlockerKind.PAUSED,
    BlockerKind.FREEZE,
    BlockerKind.OUTSIDE_RELEASE_WINDOW,
    BlockerKind.WARM_UP,
)
_UNDRIVEN, _BLOCKED = 1, 2
_WELL = _BLOCKED + len(_WORST_FIRST)
_ENDED = _WELL + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Where one run stands.

    Attributes:
        unreadable: why experiment or evidence cannot be read, empty if they can.
        step: from 1, 0 before the first. steps: how many there are, None if unreadable.
        part: `canary` or `test` of an A/B test that has both, else empty.
        weight_pct: what the engine last gave the treatments together (would have, in observe mode).
        reason: of the latest tick, empty before the first.
        blockers: in force, the most serious first; none after the end.
        data_age_s: since the end of the latest complete window; None before the first and after the end.
        next: what happens next, or what to type.
        driver: the engine that drives it now, None without one.
        exit_code: what `launch --wait` ends with; None while the run goes on.
    """

    id: str
    name: str
    phase: Phase
    mode: Mode
    target: str
    unreadable: str
    step: int
    steps: int | None
    part: str
    weight_pct: int
    verdict: VerdictKind | None
    rule: Rule
    reason: str
    blockers: tuple[Blocker, ...]
    data_until_s: float | None
    data_age_s: float | None
    next: str
    driver: str | None
    launched_s: float
    age_s: float
    ended_s: float | None
    ended_by: Rule | None
    exit_code: int | None


def open_evidence(stored: StoredRun) -> tuple[Experiment, Verdict]:
    """The experiment of a run and what its evidence says. RampwiseError when they cannot be read."""
    experiment = load_experiment(stored)
    evidence = evaluate.Evidence.from_plain(experiment, dict(stored.snapshot.evidence))
    return experiment, evaluate.verdict(experiment, evidence)


def summaries(store: Store, *, now_s: float, ended_too: bool) -> list[Summary]:
    """All runs asked for, trouble first, then the newest first."""
    found = [
        summarize(stored, now_s=now_s, driver=driver_of(store, stored.snapshot.run, now_s))
        for stored in store.runs()
        if ended_too or not stored.snapshot.run.phase.ended
    ]
    return sorted(found, key=_trouble)


def reason_of(snapshot: Snapshot) -> str:
    """Why the run stands where it does: the latest tick's reason, or the log's before the first tick."""
    return snapshot.reason or snapshot.run.reason


def driver_of(store: Store, run: Run, now_s: float) -> str | None:
    """Who drives a run now."""
    lease = None if run.phase.ended else store.holder(run.id, now_s)
    return None if lease is None else lease.owner


def summarize(stored: StoredRun, *, now_s: float, driver: str | None) -> Summary:
    """One run's line."""
    run = stored.snapshot.run
    experiment: Experiment | None = None
    verdict: Verdict | None = None
    unreadable = ""
    try:
        experiment, verdict = open_evidence(stored)
    except RampwiseError as error:
        unreadable = str(error)
    until_s = verdict.data_until_s if verdict else None
    return Summary(
        id=run.id,
        name=run.name,
        phase=run.phase,
        mode=run.mode,
        target=run.target_key,
        unreadable=unreadable,
        step=run.step + 1,
        steps=len(experiment.plan.steps) if experiment else None,
        part=wording.part(experiment.plan, run.step) if experiment else "",
        weight_pct=run.weights.given,
        verdict=verdict.kind if verdict else None,
        rule=run.last_rule,
        reason=reason_of(stored.snapshot),
        blockers=() if run.phase.ended else _worst_first(run.blockers),
        data_until_s=until_s,
        data_age_s=None if until_s is None or run.phase.ended else max(now_s - until_s, 0.0),
        next=_next(experiment, run, verdict, now_s, driver),
        driver=driver,
        launched_s=run.launched_s,
        age_s=max((run.ended_s or now_s) - run.launched_s, 0.0),
        ended_s=run.ended_s,
        ended_by=run.ended_by,
        exit_code=int(exit_code(run)) if run.phase.ended else None,
    )


def _next(
    experiment: Experiment | None, run: Run, verdict: Verdict | None, now_s: float, driver: str | None
) -> str:
    if run.phase.ended:
        return ""
    if experiment is None or verdict is None:
        return talk.unreadable_run(run)
    if driver is None:
        return talk.nobody_drives()
    if run.pending is not None:
        return wording.again(run.pending)
    if run.blockers:
        return talk.unblock(_worst_first(run.blockers))
    strategy = cast("Strategy", plugins.load(plugins.STRATEGIES, experiment.plan.strategy)())
    return talk.proposed(strategy.propose(experiment.plan, progress_of(experiment, run, verdict, now_s)))


def _worst_first(blockers: Sequence[Blocker]) -> tuple[Blocker, ...]:
    return tuple(sorted(blockers, key=lambda blocker: (_WORST_FIRST.index(blocker.kind), blocker.since_s)))


def _trouble(summary: Summary) -> tuple[int, float]:
    """The smaller, the more it needs help; of equals the one that was launched last comes first."""
    rank = _WELL
    if summary.phase.ended:
        rank = _ENDED
    elif summary.unreadable:
        rank = 0
    elif summary.blockers:
        rank = _BLOCKED + _WORST_FIRST.index(summary.blockers[0].kind)
    if summary.driver is None and not summary.phase.ended:
        rank = min(rank, _UNDRIVEN)
    return rank, -summary.launched_s
