"""What a run says to an analysis, as the answer's JSON. Pure.

`pass` is said only of a run that goes on, or that ended by being promoted: what somebody else releases must
be shown now. Everything that is neither shown nor taken back is `undecided`, never a pass.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from engine.core import wording as core_wording
from engine.core.decision import BlockerKind, Rule
from engine.core.events import Actor
from engine.core.model import Experiment
from engine.core.run import Phase, Run
from engine.core.verdict import Verdict
from engine.core.wording import analyses as wording
from engine.ports import Snapshot

FORGOTTEN = Actor(user="analysis", host="nobody-asks")
"""Who ends a run that nobody asks for any more."""

LATE_INTERVALS = 3
_SHORTEST_LATE_S = 10.0


class Said(StrEnum):
    """The three answers that success and failure conditions are written for."""

    PASS = "pass"  # noqa: S105 (no password)
    FAIL = "fail"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer.

    Attributes:
        kind: what the evidence says, one of the six verdicts.
        settled: the new colour kept all traffic for long enough; that is no comparison at the same time.
    """

    verdict: Said
    kind: str
    reason: str
    run: str
    settled: bool = False

    def to_plain(self) -> dict[str, Any]:
        """As JSON values; `verdict` is never absent."""
        return {
            "verdict": self.verdict.value,
            "kind": self.kind,
            "reason": self.reason,
            "settled": self.settled,
            "run": self.run,
            "report": f"/r/{self.run}",
        }


def answer(
    experiment: Experiment, snapshot: Snapshot, verdict: Verdict, now_s: float, *, switched: bool
) -> Answer:
    """What to say now.

    Args:
        experiment: of the run.
        snapshot: as stored.
        verdict: of the stored evidence.
        now_s: epoch seconds; a run that nobody ticks passes nobody.
        switched: whether the new colour has all traffic already; its preview is then no longer the question.
    """
    run = snapshot.run
    said, reason = _ended(run) if run.phase.ended else _going_on(experiment, snapshot, verdict, now_s)
    if switched and said is Said.PASS and not run.phase.ended:
        said, reason = Said.UNDECIDED, wording.switched()
    return Answer(
        verdict=said,
        kind=verdict.kind.value,
        reason=reason,
        run=run.id,
        settled=run.ended_by is Rule.SETTLED,
    )


def awaits_rollout(run: Run) -> bool:
    """Whether everything is shown and only somebody's going on is missing: here that is the Rollout."""
    return not run.phase.ended and {each.kind for each in run.blockers} == {BlockerKind.AWAITING_APPROVAL}


def is_over(run: Run, now_s: float, keep_s: float) -> bool:
    """Whether a question of the same key begins a new run; what has failed keeps its word."""
    match run.phase:
        case Phase.STOPPED:
            return was_forgotten(run)
        case Phase.PROMOTED | Phase.EXPIRED | Phase.FAILED:
            return now_s - (run.last_event_s if run.ended_s is None else run.ended_s) > keep_s
        case _:
            return False


def was_forgotten(run: Run) -> bool:
    """Whether it was ended because nobody asked for it, which says nothing about the release."""
    return run.phase is Phase.STOPPED and run.last_actor == str(FORGOTTEN)


def _ended(run: Run) -> tuple[Said, str]:
    match run.phase:
        case Phase.PROMOTED:
            return Said.PASS, run.reason
        case Phase.ROLLED_BACK:
            return Said.FAIL, run.reason
        case Phase.STOPPED if not was_forgotten(run):
            return Said.FAIL, run.reason
        case _:
            return Said.UNDECIDED, run.reason


def _going_on(experiment: Experiment, snapshot: Snapshot, verdict: Verdict, now_s: float) -> tuple[Said, str]:
    if verdict.harm_latched:
        return Said.FAIL, core_wording.harm(experiment, verdict)
    if snapshot.ticked_s is None:
        return Said.UNDECIDED, wording.just_begun()
    silent_s = now_s - snapshot.ticked_s
    if silent_s > max(LATE_INTERVALS * experiment.interval_s, _SHORTEST_LATE_S):
        return Said.UNDECIDED, wording.undriven(silent_s)
    if awaits_rollout(snapshot.run):
        return Said.PASS, wording.shown()
    return Said.UNDECIDED, snapshot.reason
