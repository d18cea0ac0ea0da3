"""What a product experiment's answer means for the release that carries it. Decides, and carries nothing out.

Taking traffic away is held up by nothing. Whether it may be given to everybody already is the engine's
business (see `engine.core.concluded`). Where the data are not to be trusted, or there are none, nothing is
concluded from them.
"""

from dataclasses import dataclass

from analysis.product.result import Analysis, Outcome, ProductRule
from analysis.report.product.answers import headline, outcome_of
from engine.core.events import Verb
from engine.core.model import Mode
from engine.core.wording import concluding as wording
from engine.product.releasing import Release

_WORSE = frozenset({ProductRule.GUARDRAIL_WORSE, ProductRule.OBJECTIVE_WORSE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be asked of the run.

    Attributes:
        treatment: which one to promote, as the run calls it; empty where that leaves no question.
        variant: who has all traffic then, as the experiment calls it.
    """

    verb: Verb
    treatment: str
    variant: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NothingToDo:
    """The run is, or goes on, as the answer says; `text` tells it."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NotYet:
    """The answer is to be carried out later; `text` says why and when."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Impossible:
    """The answer cannot be carried out any more; `text` says why, and what to do."""

    text: str


Conclusion = Order | NothingToDo | NotYet | Impossible


def conclusion(analysis: Analysis, release: Release) -> Conclusion:
    """What is to be done about a release by what one look says.

    Args:
        analysis: the look.
        release: the run that carries the experiment.
    """
    run, verb = release.run, _verb(analysis)
    if verb is None:
        return NothingToDo(text=wording.is_over(run) if run.phase.ended else wording.goes_on(run))
    variant = analysis.answer.variant if verb is Verb.PROMOTE else release.control
    reason = wording.because(headline(analysis), analysis.at_s)
    if run.mode is Mode.OBSERVE:
        return NothingToDo(text=wording.only_watches(run, verb, variant, reason))
    if run.phase.ended:
        is_so = release.everybody_has() == variant
        return (
            NothingToDo(text=wording.ended_so(run, variant))
            if is_so
            else Impossible(text=wording.ended_otherwise(run, variant))
        )
    if verb is Verb.PROMOTE:
        return _promotion(release, variant, reason)
    return Order(verb=verb, treatment="", variant=variant, reason=reason)


def _promotion(release: Release, variant: str, reason: str) -> Conclusion:
    """What is to be done to give a variant to everybody."""
    run = release.run
    if not release.plan.product_decides:
        return NotYet(text=wording.left_to_itself(run, release.plan))
    arm = release.treatments.index(variant)
    if run.weights.given > 0 and run.weights.share(arm) == 0:
        return Impossible(text=wording.taken_out(run, variant))
    treatment = release.named[arm] if len(release.named) > 1 else ""
    return Order(verb=Verb.PROMOTE, treatment=treatment, variant=variant, reason=reason)


def _verb(analysis: Analysis) -> Verb | None:
    """What the answer asks for; None where it changes nothing."""
    rule = analysis.answer.rule
    match outcome_of(analysis):
        case Outcome.SHIP:
            return Verb.PROMOTE
        case Outcome.KEEP_CONTROL if rule in _WORSE:
            return Verb.ROLLBACK
        case Outcome.KEEP_CONTROL if rule is not ProductRule.NO_DATA:
            return Verb.STOP
        case _:
            return None
