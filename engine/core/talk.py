"""What the command line says about runs, events and commands, in whole sentences. Nothing in here decides.

Sentences about evidence and decisions are in `wording`; these say where a run stands and what to type.
"""

from collections.abc import Sequence
from typing import assert_never

from engine.core import wording
from engine.core.decision import Blocker
from engine.core.events import (
    Applied,
    Commanded,
    Decided,
    Freeze,
    Intended,
    Launched,
    Observed,
    Payload,
    Verb,
)
from engine.core.labels import PHASE_WORDS
from engine.core.letter import Letter, LetterState
from engine.core.measure import Missing, Observation
from engine.core.numbers import clock_time, percent, times
from engine.core.proposal import Abandon, Climb, Finish, Proposal, Wait
from engine.core.run import Run
from engine.core.verdict import Effect

# -- what comes next ---------------------------------------------------------------------------------------


def nobody_drives() -> str:
    """A run goes on only while an engine ticks it."""
    return "nobody drives it; start `rampwise serve`"


def unreadable_run(run: Run) -> str:
    """A run whose experiment cannot be read any more."""
    return f"cannot be read: `rampwise status {run.id}` says why"


def unblock(blockers: Sequence[Blocker]) -> str:
    """What has to go before traffic is given; the first of several in full."""
    more = f" (and {len(blockers) - 1} more)" if len(blockers) > 1 else ""
    return f"holds until this ends: {blockers[0].detail}{more}"


def proposed(proposal: Proposal) -> str:
    """What the strategy would do at the next tick."""
    match proposal:
        case Climb(weights=weights):
            return f"goes to {weights.given} % at the next tick"
        case Finish():
            return "promotes at the next tick"
        case Abandon(reason=reason):
            return f"gives up: {reason}"
        case Wait(reason=reason):
            return f"waits: {reason}"
        case _:
            assert_never(proposal)


# -- a run -------------------------------------------------------------------------------------------------


def standing(run: Run) -> str:
    """Phase and weight as one phrase."""
    icon, word = PHASE_WORDS[run.phase]
    return f"{icon} {word} at {run.weights.given} %"


def likely_between(effect: Effect) -> str:
    """The confidence sequence of an effect, open ends included."""
    if effect.low is None and effect.high is None:
        return "anything yet"
    form = percent if effect.measure == "share" else times
    if effect.low is None:
        return f"≤ {form(effect.high)}"
    if effect.high is None:
        return f"≥ {form(effect.low)}"
    return f"{form(effect.low)} … {form(effect.high)}"


def has_ended(run: Run, verb: Verb) -> str:
    """Why a command to a finished run makes no sense."""
    when = "" if run.ended_s is None else f" on {clock_time(run.ended_s)}"
    _, word = PHASE_WORDS[run.phase]
    return (
        f"run {run.id} has ended ({word}{when}), it cannot be told to {verb.value}. "
        f"`rampwise report {run.id}` tells its story; `rampwise launch FILE` begins a new one."
    )


def has_ended_so(run: Run) -> str:
    """A command asked for the end that a run has had already."""
    return f"{run.id}: already {PHASE_WORDS[run.phase][1]}; there is nothing to do."


# -- people's commands -------------------------------------------------------------------------------------

_DONE = {
    Verb.PROMOTE: "promoted: all traffic goes to the treatment",
    Verb.ROLLBACK: "rolled back: all traffic goes to control",
    Verb.STOP: "stopped: all traffic goes to control",
    Verb.PAUSE: "paused: traffic stays as it is; taking it away is never blocked",
    Verb.RESUME: "goes on",
    Verb.APPROVE: "this step is approved",
}


def command_done(run_id: str, verb: Verb) -> str:
    """A command took effect."""
    return f"{run_id}: {_DONE[verb]}."


def command_refused(run_id: str, verb: Verb, why: str) -> str:
    """A command was refused."""
    return f"{run_id}: {verb.value} was refused: {why}"


def command_waits(run_id: str, verb: Verb, driver: str | None) -> str:
    """A command was recorded and is not done yet."""
    return (
        f"{run_id}: {verb.value} is recorded and not done yet ({driven_by(driver)}). It will be done at "
        "the next tick. If traffic must go back to control now: `rampwise target reset FILE`."
    )


def act_waits(run_id: str, verb: Verb, why: str, *, is_repeated: bool = True) -> str:
    """A command was accepted, but traffic has not moved yet."""
    again = (
        "It is tried again at every tick, as long as somebody drives the run."
        if is_repeated
        else "The same command tries again."
    )
    return f"{run_id}: {verb.value} was accepted, but traffic has not moved yet: {why}. {again}"


def driven_by(driver: str | None) -> str:
    """Who drives a run."""
    return nobody_drives() if driver is None else f"{driver} drives it"


def frozen_now(freeze: Freeze | None) -> str:
    """Whether releases are frozen."""
    if freeze is None:
        return "Not frozen."
    return f"Frozen by {freeze.actor} since {clock_time(freeze.since_s)}: {freeze.reason}"


def left_undriven(run_id: str) -> str:
    """Nobody drives the run any more after this process."""
    return (
        f"{run_id} goes on only while somebody drives it: start `rampwise serve`. "
        f"`rampwise status {run_id}` shows it, `rampwise stop {run_id} --reason TEXT` ends it."
    )


# -- notices -----------------------------------------------------------------------------------------------


def letter_state(letter: Letter) -> str:
    """Whether a notice has arrived, and why not."""
    words = {
        LetterState.WAITING: "◌ waits",
        LetterState.DELIVERED: "✔ delivered",
        LetterState.GIVEN_UP: "✖ given up",
    }
    word = words[letter.state]
    return f"{word}: {letter.detail}" if letter.detail else word


def undelivered(letters: Sequence[Letter]) -> str:
    """How many notices of a run have not arrived, and the latest reason; empty when all have."""
    open_ones = [letter for letter in letters if letter.state is not LetterState.DELIVERED]
    if not open_ones:
        return ""
    given_up = sum(letter.state is LetterState.GIVEN_UP for letter in open_ones)
    counts = [f"{len(open_ones) - given_up} wait"] if len(open_ones) > given_up else []
    counts += [f"{given_up} given up"] if given_up else []
    why = next((letter for letter in reversed(open_ones) if letter.detail), None)
    reason = "" if why is None else f"; {why.sink}: {why.detail}"
    run_id = open_ones[0].notice.run_id
    return f"{' and '.join(counts)}{reason}; `rampwise notices {run_id} --undelivered` shows them"


# -- events ------------------------------------------------------------------------------------------------


def kind_of(payload: Payload) -> str:
    """One word for what an event is."""
    return type(payload).__name__.lower()


def event(payload: Payload) -> str:
    """What an event says, in a few words."""
    match payload:
        case Launched(name=name, target_key=target_key, mode=mode):
            return f"{name} on {target_key}, mode {mode}"
        case Observed(observations=observations):
            return _observed(observations)
        case Decided(decision=decision):
            to = f" {decision.weights}" if decision.weights else ""
            return f"{wording.DECISION_WORDS[decision.kind]}{to}"
        case Intended(act=act):
            return f"act {act.number}: {act.weights}"
        case Applied(act_number=number, ok=ok, weights=weights):
            found = f", the target routes {weights}" if weights else ""
            return f"act {number} {'done' if ok else 'not done'}{found}"
        case Commanded(verb=verb, refused=refused):
            return f"{verb} {f'refused: {refused}' if refused else 'accepted'}"
        case _:
            assert_never(payload)


def _observed(observations: Sequence[Observation]) -> str:
    first, last = observations[0].window.index, observations[-1].window.index
    readings = [reading for each in observations for reading in each.readings.values()]
    gone = sum(isinstance(reading, Missing) for reading in readings)
    which = f"window {first}" if first == last else f"windows {first}–{last}"
    return f"{which}: {len(readings) - gone} of {len(readings)} readings measured"
