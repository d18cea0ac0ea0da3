"""Sentences about what a product experiment's answer does to the release that carries it. Decides nothing."""

from collections.abc import Sequence

from engine.core.events import Verb
from engine.core.labels import PHASE_WORDS
from engine.core.numbers import clock_time, duration
from engine.core.plan import Plan
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


def only_watches(run: Run, verb: Verb, variant: str, reason: str) -> str:
    """The run moves no traffic, so there is nothing to carry out."""
    return f"{would(run, verb, variant, reason)} This run only watches."


def not_now(run: Run, variant: str, why: str) -> str:
    """The answer is right, and the run must not carry it out yet."""
    return (
        f"{run.id}: {variant} is not given all traffic yet: {why.rstrip('.')}. The same command does it as "
        "soon as that is over."
    )


def left_to_itself(run: Run, plan: Plan) -> str:
    """The answer is not the one that ends such a run well."""
    return f"{run.id} goes on at {run.weights.given} %: {own_rules(plan)}."


def own_rules(plan: Plan) -> str:
    """The run's strategy asks whether a treatment is safe, and promotes it by what it finds itself."""
    return (
        f"the strategy {plan.strategy} promotes by its own rules, and the product experiment does not; "
        "`strategy: {ab: {canary: …}}` goes on as a test that its answer ends"
    )


def taken_out(run: Run, variant: str) -> str:
    """The variant that won lost its traffic in this run."""
    return (
        f"{run.id} took {variant} out of its test, so it cannot be given all traffic by it any more. "
        f"`rampwise report {run.id}` tells why."
    )


def takes_no_part(treatment: str) -> str:
    """An order names a treatment that has no traffic, or none of several."""
    return f"{treatment} has no traffic in this run" if treatment else "several treatments have traffic"


def old_answer(age_s: float) -> str:
    """The order has waited so long that the answer behind it may be another by now."""
    return f"the answer behind it is {duration(age_s)} old; `rampwise ab conclude FILE` looks again"


def not_at_its_end() -> str:
    """The strategy has something else to do first."""
    return "the run has not come to the end of its test"


def not_harmless(treatment: str) -> str:
    """The run's own metrics do not show that a treatment does no harm."""
    return f"the run's own metrics do not show yet that {treatment} is not worse"


def waits_still(run: Run) -> str:
    """A promotion that an earlier answer ordered was not carried out yet."""
    return (
        "A promotion that an earlier answer asked for still waits for whoever drives the run; "
        f"`rampwise pause {run.id} --reason TEXT` holds it up."
    )


def asks_otherwise(run: Run, fields: Sequence[str]) -> str:
    """The file asks something else than what was declared before anybody was exposed."""
    differing = ", ".join(fields)
    return (
        f"{run.id} was launched to ask something else: its product section differs in {differing}. What "
        "decides must stand before anybody looks: conclude with the file as it was launched "
        f"(`rampwise report {run.id} --format json` has it), or launch this one."
    )


def goes_on(run: Run) -> str:
    """The answer changes nothing about a release that goes on."""
    return f"{run.id} goes on at {run.weights.given} %; nothing was changed."


def is_over(run: Run) -> str:
    """The answer changes nothing about a release that has ended."""
    return f"{run.id} has ended, {_phase(run)}; there is nothing to do."


def _phase(run: Run) -> str:
    return PHASE_WORDS[run.phase][1]
