"""Sentences about what a product experiment's answer does to the release that carries it. Decides nothing."""

from engine.core.events import Verb
from engine.core.labels import PHASE_WORDS
from engine.core.numbers import clock_time, duration
from engine.core.run import Run

_WOULD = {
    Verb.PROMOTE: "promote it: {variant} gets all traffic",
    Verb.ROLLBACK: "roll it back: {variant} gets all traffic",
    Verb.STOP: "stop it: {variant} gets all traffic",
}


def because(headline: str, at_s: float) -> str:
    """The reason of an order that carries an answer out, as the log keeps it.

    >>> because("Ship short: orders is better.", 0.0)
    'the product experiment says, as of 1970-01-01 00:00:00 UTC: Ship short: orders is better.'
    """
    return f"the product experiment says, as of {clock_time(at_s)}: {headline}"


def would(run: Run, verb: Verb, variant: str, reason: str) -> str:
    """What an order would do, for a rehearsal."""
    return f"{run.id}: would {_WOULD[verb].format(variant=variant)}; {reason} Nothing was changed."


def ended_so(run: Run, variant: str) -> str:
    """The release has ended as the answer says."""
    return f"{run.id}: already {_phase(run)}, {variant} has all traffic; there is nothing to do."


def ended_otherwise(run: Run, variant: str) -> str:
    """The release has ended, and not as the answer says."""
    return (
        f"{run.id} has ended, {_phase(run)}, so {variant} cannot be given all traffic by it any more. "
        f"`rampwise report {run.id}` tells why it ended; `rampwise launch FILE` begins a new one."
    )


def canary_first(run: Run, variant: str) -> str:
    """The answer came while the release was still looking whether the variant is safe."""
    return (
        f"{run.id} is at {run.weights.given} % and has not begun its test, so {variant} is not given all "
        "traffic yet: first its canary says whether it is safe. The same command promotes it then; "
        f"`rampwise promote {run.id} --reason TEXT` does so now."
    )


def held_too_short(run: Run, variant: str, held_s: float, hold_s: float) -> str:
    """The answer came before the test has lasted as long as its strategy says."""
    return (
        f"{run.id} has held its test for {duration(held_s)} of {duration(hold_s)}, so {variant} is not given "
        "all traffic yet. The same command promotes it then; "
        f"`rampwise promote {run.id} --reason TEXT` does so now."
    )


def goes_on(run: Run) -> str:
    """The answer changes nothing about a release that goes on."""
    return f"{run.id} goes on at {run.weights.given} %; nothing was changed."


def is_over(run: Run) -> str:
    """The answer changes nothing about a release that has ended."""
    return f"{run.id} has ended, {_phase(run)}; there is nothing to do."


def _phase(run: Run) -> str:
    return PHASE_WORDS[run.phase][1]
