"""What somebody is told: a title of a few words, and one line with the reason and its numbers.

Every text is one line, because it goes into subjects, chats and headers.
"""

from collections.abc import Sequence

from engine.core.decision import DecisionKind, Rule
from engine.core.events import Actor
from engine.core.model import Experiment, Mode, NoticeKind
from engine.core.plan import Stage
from engine.core.run import Act, Run
from engine.core.wording.decisions import would
from engine.core.wording.steps import place

Told = tuple[str, str]
"""A title and a sentence."""

NOTICE_WORDS = {
    NoticeKind.LAUNCHED: ("▶", "launched"),
    NoticeKind.NEEDS_APPROVAL: ("?", "needs a person"),
    NoticeKind.BLOCKED: ("‖", "blocked"),
    NoticeKind.ROLLBACK: ("✖", "rollback"),
    NoticeKind.PROMOTED: ("✔", "promoted"),
    NoticeKind.STOPPED: ("■", "stopped"),
}
"""Icon and word of each kind; never the colour alone."""

_DONE = {
    DecisionKind.ROLLBACK: "rolled back",
    DecisionKind.STOP: "stopped",
    DecisionKind.PROMOTE: "promoted",
}
_NOUNS = {
    DecisionKind.ROLLBACK: "rollback",
    DecisionKind.STOP: "stop",
    DecisionKind.PROMOTE: "promotion",
    DecisionKind.SHIFT: "shift",
}


def notice_launched(experiment: Experiment, run: Run, actor: Actor) -> Told:
    """A run began."""
    treatments = " and ".join(experiment.treatments)
    plan = experiment.plan
    steps = [place(plan, number) for number, step in enumerate(plan.steps) if step.stage is Stage.SPLIT]
    ramp = f" ({', '.join(steps)})" if steps else ""
    sentence = (
        f"{treatments} against {experiment.control} on {run.target_key}, {plan.strategy}{ramp},"
        f" launched by {actor}."
    )
    return _told(experiment, "launched", _in_mode(run.mode, sentence))


def notice_done(experiment: Experiment, before: Run, act: Act) -> Told:
    """An act was done (would have been, in observe mode); `before` is the run that had it to do."""
    reason = before.pending_reason or before.reason
    done = _done(experiment, before, act)
    if before.mode is Mode.OBSERVE:
        return _told(experiment, f"would be {done} (observe mode)", would(reason))
    return _told(experiment, f"{done}, {_traffic(experiment, act)}", reason)


def notice_not_done(experiment: Experiment, act: Act, reason: str, why: str) -> Told:
    """An act was decided, and the target did not do it."""
    noun = _NOUNS[act.kind]
    because = f" It was decided because: {reason}" if reason else ""
    sentence = f"The {noun} was decided but could not be done: {why}; it is tried at every tick.{because}"
    return _told(experiment, f"{noun} not done", sentence)


def notice_blocked(experiment: Experiment, run: Run, troubles: Sequence[str]) -> Told:
    """Something new forbids giving traffic."""
    sentence = f"Traffic stays at {run.weights}: {'; '.join(troubles)}."
    return _told(experiment, f"blocked at {run.weights.given} %", sentence)


def notice_paused(experiment: Experiment, run: Run, actor: Actor, reason: str) -> Told:
    """A person paused the run."""
    sentence = (
        f"Paused by {actor}: {reason}. Traffic stays at {run.weights}, and harm still rolls back;"
        f" `rampwise resume {run.id} --reason TEXT` goes on."
    )
    return _told(experiment, f"paused at {run.weights.given} %", sentence)


def notice_needs_approval(experiment: Experiment, causes: Sequence[str]) -> Told:
    """The run waits for a person."""
    return _told(experiment, "needs a person", "; ".join(causes))


def for_a_person(run: Run, reason: str) -> str:
    """A run that is overdue waits, with what to type."""
    return f"{reason} `rampwise promote {run.id} --reason TEXT` or `rampwise rollback {run.id} --reason TEXT`"


def _done(experiment: Experiment, before: Run, act: Act) -> str:
    if act.kind is DecisionKind.SHIFT:
        gone = (
            name
            for index, name in enumerate(experiment.treatments)
            if before.weights.share(index) > 0 and act.weights.share(index) == 0
        )
        return f"rid of {' and '.join(gone)}"
    return "promoted and settled" if act.rule is Rule.SETTLED else _DONE[act.kind]


def _traffic(experiment: Experiment, act: Act) -> str:
    if act.weights.control == 100:
        return f"{experiment.control} has all traffic"
    if 100 in act.weights.treatments:
        return f"{experiment.treatments[act.weights.treatments.index(100)]} has all traffic"
    return f"traffic is {act.weights}"


def _in_mode(mode: Mode, sentence: str) -> str:
    return f"{sentence} It only observes and moves no traffic." if mode is Mode.OBSERVE else sentence


def _told(experiment: Experiment, what: str, sentence: str) -> Told:
    return f"{experiment.name}: {_one_line(what)}", _one_line(sentence)


def _one_line(text: str) -> str:
    return " ".join(text.split())
