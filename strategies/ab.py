"""The A/B strategy: a fixed split between control and one or several treatments, until one is better.

Pure: it proposes from the plan and what the run has seen; the engine decides whether anything is in the way.
The shares never change while the test runs, but for a treatment that the engine takes out. A canary may come
before it: it asks whether the treatments do harm, at rising shares, and goes on as the test, which asks
whether one is better.

What the canary's windows say counts for the test too. Evidence compares the arms within each window, given
how many trials each had there, and is multiplied over windows: under "not better" every factor has a mean of
at most 1 at any share, so that a ramp cannot make a treatment look better, whatever the rate does meanwhile.
How long the test lasts and what its own estimates say is asked of its own windows alone.
"""

from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from engine.core.plan import Plan, Policy, Step
from engine.core.proposal import Climb, Finish, Progress, Proposal, Wait
from engine.core.wording import place
from engine.fields import Duration
from strategies import ramp, words
from strategies.options import StrictOptions, Weight

_HORIZON_S = 14 * 86400.0
_EACH = "each treatment's share, such as [50] or [25, 25]"


def _leave_control_something(weights: tuple[int, ...]) -> tuple[int, ...]:
    if not weights:
        raise ValueError(_EACH)
    if sum(weights) >= 100:
        msg = f"{_EACH}, below 100 together, because control needs the rest; not {sum(weights)}"
        raise ValueError(msg)
    return weights


class AbOptions(StrictOptions):
    """Options of the A/B strategy."""

    weights: Annotated[tuple[Weight, ...], AfterValidator(_leave_control_something)] = Field(
        default=(50,), json_schema_extra={"minItems": 1}
    )
    """Share of each treatment in whole percent, in the target's order; control has the rest."""
    hold: Duration = 86400.0
    """How long the test lasts at least; begins again when a treatment is taken out."""
    floor: int = Field(default=100, ge=1)
    """Trials each arm needs."""
    canary: ramp.RampOptions | None = None
    """Steps before the test, with the weight of all treatments together; none, if absent."""

    @model_validator(mode="after")
    def _canary_leads_to_the_test(self) -> Self:
        if self.canary is None:
            return self
        last, test = self.canary.steps[-1].weight, sum(self.weights)
        if last >= test:
            msg = f"canary steps below the test's {test} %, all treatments together, not {last}"
            raise ValueError(msg)
        self.canary.rungs(self.weights)
        return self


class Ab:
    """Splits traffic, perhaps after a canary, and promotes the treatment that is shown to be better."""

    Options = AbOptions

    def plan(self, options: AbOptions) -> Plan:
        """The canary's rungs if there is one, and one for the test, each with a share for each treatment."""
        test = Step(
            weight_pct=sum(options.weights), hold_s=options.hold, floor=options.floor, shares=options.weights
        )
        rungs = () if options.canary is None else options.canary.rungs(options.weights)
        return Plan(
            strategy="ab",
            steps=(*rungs, test),
            needs_better=True,
            horizon_s=_HORIZON_S,
            on_trouble=Policy.HOLD,
            canary_steps=len(rungs),
        )

    def propose(self, plan: Plan, progress: Progress) -> Proposal:
        """Up the canary to the test, then the end once hold and floor are met and a treatment is better."""
        if progress.step < 0:
            return _start(plan)
        step, at = plan.steps[progress.step], _at(plan, progress.step)
        lacks = words.missing(step, progress, at=at, arms=("control", "treatment"))
        if lacks:
            return Wait(reason=" and ".join(lacks))
        if progress.step < plan.canary_steps:
            following = f"the {place(plan, progress.step + 1)}"
            return ramp.next_rung(plan, progress, at=at, following=following)
        return _end(plan, progress, at)


def _start(plan: Plan) -> Climb:
    weights = ramp.weights_of(plan.steps[0])
    first = f"the {place(plan, 0)}" if plan.canary_steps else f"the split {weights}"
    return Climb(step=0, weights=weights, reason=f"start with {first}")


def _at(plan: Plan, number: int) -> str:
    return f"in the {place(plan, number)}" if plan.canary_steps else "at this split"


def _end(plan: Plan, progress: Progress, at: str) -> Proposal:
    """Promotion of what is better, or what the evidence lacks for it; one judge says what is better."""
    if plan.product_decides:
        return Wait(reason=words.product_decides(), is_ready=True)
    if progress.better is None:
        return Wait(reason="no treatment is shown to be better yet")
    held = words.held(progress, at=at)
    if not progress.inside_margin_at_step:
        return Wait(reason=f"{held}, but an estimate is not inside the margin")
    return Finish(reason=f"{held}; it is better", treatment_index=progress.better)
