"""Where a run stands, in one sentence."""

from engine.core.decision import DecisionKind, Rule
from engine.core.model import Experiment
from engine.core.run import Phase, Run
from engine.core.verdict import Verdict, VerdictKind
from engine.core.wording.decisions import would


def headline(experiment: Experiment, run: Run, verdict: Verdict) -> str:
    """One sentence on where the run stands."""
    if run.phase.ended:
        ending = _SETTLED if run.ended_by is Rule.SETTLED else _ENDINGS[run.phase]
        ended = ending.format(control=experiment.control, treatment=_winner(experiment, run))
        return would(ended) if experiment.mode.value == "observe" else ended
    return _STANDINGS[verdict.kind].format(treatment=experiment.treatment)


def _winner(experiment: Experiment, run: Run) -> str:
    """The treatment that has all traffic, else the first."""
    shares = run.weights.treatments
    return experiment.treatments[shares.index(100) if 100 in shares else 0]


_STANDINGS = {
    VerdictKind.HARMFUL: "Roll back: {treatment} is worse.",
    VerdictKind.NOT_WORSE: "No harm found so far: safe to go on.",
    VerdictKind.BETTER: "{treatment} is better.",
    VerdictKind.UNDECIDED: "Keep waiting: not enough evidence yet.",
    VerdictKind.NO_DATA: "No usable data: traffic is held.",
    VerdictKind.UNTRUSTWORTHY: "Do not trust these results.",
}

_SETTLED = "Promoted and settled: {treatment} has all traffic and kept it."

_ENDINGS = {
    Phase.PROMOTED: "Promoted: {treatment} has all traffic.",
    Phase.ROLLED_BACK: "Rolled back: {control} has all traffic.",
    Phase.STOPPED: "Stopped: {control} has all traffic.",
    Phase.EXPIRED: "Not decided in time: {control} has all traffic.",
    Phase.FAILED: "Failed: look at the events.",
}

DECISION_WORDS = {
    DecisionKind.SHIFT: "Shift",
    DecisionKind.PROMOTE: "Promote",
    DecisionKind.ROLLBACK: "Roll back",
    DecisionKind.STOP: "Stop",
    DecisionKind.HOLD: "Hold",
}
