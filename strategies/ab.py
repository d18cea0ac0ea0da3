"""The A/B strategy: a fixed split between control and one or several treatments, until one is better.

Pure: it proposes from the plan and what the run has seen; the engine decides whether anything is in the way.
The shares never change while the test runs, but for a treatment that the engine takes out.
"""

from typing import Annotated

from pydantic import AfterValidator, Field

from engine.core.plan import Plan, Policy, Step
from engine.core.proposal import Climb, Finish, Progress, Proposal, Wait
from engine.core.target import Weights
from engine.fields import Duration
from strategies import words
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


class Ab:
    """Splits traffic once and promotes the treatment that is shown to be better."""

    Options = AbOptions

    def plan(self, options: AbOptions) -> Plan:
        """One rung with a share for each treatment."""
        step = Step(
            weight_pct=sum(options.weights),
            hold_s=options.hold,
            floor=options.floor,
            shares=options.weights,
        )
        return Plan(
            strategy="ab",
            steps=(step,),
            needs_better=True,
            horizon_s=_HORIZON_S,
            on_trouble=Policy.HOLD,
        )

    def propose(self, plan: Plan, progress: Progress) -> Proposal:
        """The split, then the end once hold and floor are met and a treatment is better."""
        step = plan.steps[0]
        if progress.step < 0:
            weights = Weights.of(*step.shares)
            return Climb(step=0, weights=weights, reason=f"start with the split {weights}")
        lacks = words.missing(step, progress, at="at this split", arms=("control", "treatment"))
        if lacks:
            return Wait(reason=" and ".join(lacks))
        if progress.better is None:
            return Wait(reason="no treatment is shown to be better yet")
        held = words.held(progress, at="at this split")
        if not progress.inside_margin_at_step:
            return Wait(reason=f"{held}, but an estimate is not inside the margin")
        return Finish(reason=f"{held}; it is better", treatment_index=progress.better)
