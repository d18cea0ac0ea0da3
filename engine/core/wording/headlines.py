"""Where a run stands: one sentence, or in its place why the results are no verdict."""

from engine.core.decision import DecisionKind, Rule
from engine.core.model import Experiment
from engine.core.numbers import duration
from engine.core.run import Phase, Run
from engine.core.verdict import Verdict, VerdictKind
from engine.core.wording.decisions import would

STALE_INTERVALS = 6
"""Data older than so many intervals are no picture of now."""


def headline(experiment: Experiment, run: Run, verdict: Verdict) -> str:
    """One sentence on where the run stands."""
    if run.phase.ended:
        by_rule = None if run.ended_by is None else _ENDINGS_BY_RULE.get(run.ended_by)
        ending = by_rule or _ENDINGS[run.phase]
        ended = ending.format(control=experiment.control, treatment=_winner(experiment, run))
        return would(ended) if experiment.mode.value == "observe" else ended
    if verdict.kind is VerdictKind.NO_DATA and verdict.windows_read == 0:
        return "Just launched: nothing is measured yet."
    better = next((arm.treatment for arm in verdict.arms if arm.kind is VerdictKind.BETTER), "")
    return _STANDINGS[verdict.kind].format(treatment=better or experiment.treatment)


def distrusted(experiment: Experiment, run: Run, verdict: Verdict, *, data_age_s: float | None) -> str:
    """Why the results are no verdict, to be said in its place; empty where they are one.

    Harm is a verdict in any case: safety does not wait for clean data.
    """
    if verdict.harm_latched or run.ended_by is Rule.HARM:
        return ""
    return _broken(run, verdict) or _out_of_date(experiment, run, verdict, data_age_s)


def _broken(run: Run, verdict: Verdict) -> str:
    """What is wrong with the data, whenever they were read."""
    if any(split.alarm for split in verdict.splits):
        return "Do not trust these results: traffic is not split as planned."
    if verdict.kind is VerdictKind.UNTRUSTWORTHY or run.ended_by is Rule.UNTRUSTWORTHY_TOO_LONG:
        return "Do not trust these results: the data break an assumption."
    if run.ended_by is Rule.BLIND_TOO_LONG:
        return "No verdict: usable data did not come in time."
    return ""


def _out_of_date(experiment: Experiment, run: Run, verdict: Verdict, data_age_s: float | None) -> str:
    """Why the data are no picture of now, while the run lasts."""
    if run.phase.ended or verdict.windows_read == 0:
        return ""
    if verdict.kind is VerdictKind.NO_DATA:
        return "No usable data: traffic is held."
    if data_age_s is not None and data_age_s > STALE_INTERVALS * experiment.interval_s:
        return f"Do not read this as now: the newest data are {duration(data_age_s)} old."
    return ""


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

_ENDINGS_BY_RULE = {
    Rule.SETTLED: "Promoted and settled: {treatment} has all traffic and kept it.",
    Rule.PREVIEW_FAILED: "Rolled back before any traffic: the preview of {treatment} failed.",
    Rule.SUPERSEDED: "Stood back: somebody else ended this release on the target, which is left as it is.",
}

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

RULE_WORDS = {
    Rule.GATE_CLOSED: "by the flag",
    Rule.STOPPED: "stopped by a person",
    Rule.SUPERSEDED: "because somebody else ended this release on the target",
    Rule.FOREIGN_WRITER: "because somebody else moved traffic",
    Rule.ROLLED_BACK: "rolled back by a person",
    Rule.TREATMENT_UNHEALTHY: "for a variant that could not serve",
    Rule.HARM: "for harm",
    Rule.ARM_HARMFUL: "for harm by one of the treatments",
    Rule.PREVIEW_FAILED: "for a preview that failed",
    Rule.HORIZON: "for lack of time",
    Rule.BLIND_TOO_LONG: "for lack of data",
    Rule.UNTRUSTWORTHY_TOO_LONG: "for lack of data to be trusted",
    Rule.BLOCKED: "because something is in the way",
    Rule.PROMOTED: "promoted by a person",
    Rule.CONCLUDED: "on the product experiment's answer",
    Rule.FLOORS_MET: "as the plan says",
    Rule.EVIDENCE: "on evidence",
    Rule.SETTLED: "because it kept all traffic without harm",
    Rule.NOT_YET: "because the time has not come",
}
"""Each rule as the reason of a decision, after what was done."""
