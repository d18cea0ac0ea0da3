"""A ramp: rungs of rising weight, each held for a time and until both arms had enough trials.

Canaries and the canary of an A/B test climb it alike. Pure, and no strategy of its own: what comes after the
last rung is the strategy's business.
"""

from itertools import pairwise
from math import gcd
from typing import Annotated

from pydantic import BeforeValidator, Field, field_validator

from engine.core.plan import Plan, Step
from engine.core.proposal import Climb, Progress
from engine.core.target import Weights
from engine.fields import Duration
from strategies import words
from strategies.options import StrictOptions, Weight, a_weight


def _step(value: object) -> object:
    if isinstance(value, dict):
        return value
    return {"weight": a_weight(value)}


class StepOptions(StrictOptions):
    """One step of the ramp; a bare number is its weight."""

    weight: Weight
    """Traffic of the treatment in whole percent, from 1 to 99."""
    hold: Duration | None = None
    """How long to stay at least; that of the strategy, if absent."""
    floor: int | None = Field(default=None, ge=1)
    """Trials each arm needs at this step; that of the strategy, if absent."""
    approve: bool = False
    """Whether a person must approve before the run goes on from this step, also to promotion."""


Steps = tuple[Annotated[StepOptions, BeforeValidator(_step)], ...]
"""Steps of a ramp; numbers stand for steps without options of their own."""


def steps_of(*weights_pct: int) -> tuple[StepOptions, ...]:
    """Steps without options of their own."""
    return tuple(StepOptions(weight=weight_pct) for weight_pct in weights_pct)


class RampOptions(StrictOptions):
    """Options of a ramp."""

    steps: Steps = Field(default_factory=lambda: steps_of(1, 5, 20), json_schema_extra={"minItems": 1})
    """Weights in ascending order, as numbers or with options of their own."""
    hold: Duration = 300.0
    """How long every step lasts at least."""
    floor: int = Field(default=100, ge=1)
    """Trials each arm needs at every step."""

    @field_validator("steps")
    @classmethod
    def _is_a_ramp(cls, steps: tuple[StepOptions, ...]) -> tuple[StepOptions, ...]:
        if not steps:
            msg = "at least one step, such as [1, 5, 20, 50]"
            raise ValueError(msg)
        for before, after in pairwise(steps):
            if after.weight <= before.weight:
                msg = f"weights in ascending order, not {after.weight} after {before.weight}"
                raise ValueError(msg)
        return steps

    def rungs(self, treatments: tuple[int, ...] = ()) -> tuple[Step, ...]:
        """The rungs that these options mean.

        Args:
            treatments: weights in whose ratio several treatments divide each rung; empty for the one
                treatment of a plan without shares.

        Raises:
            ValueError: a rung does not divide into whole percents in this ratio.
        """
        return tuple(
            Step(
                weight_pct=step.weight,
                hold_s=self.hold if step.hold is None else step.hold,
                floor=self.floor if step.floor is None else step.floor,
                approve=step.approve,
                shares=divided(step.weight, treatments) if treatments else (),
            )
            for step in self.steps
        )


def divided(weight_pct: int, ratio: tuple[int, ...]) -> tuple[int, ...]:
    """Whole percents in exactly this ratio, summing to `weight_pct`; ValueError where there are none.

    Only nearly would not do: users who are exposed at a rung count as exposed for good, and treatments in
    other proportions than planned look like a fault of the split.

    >>> divided(20, (25, 25)), divided(8, (30, 10))
    ((10, 10), (6, 2))
    """
    least = sum(ratio) // gcd(*ratio)
    if weight_pct % least:
        msg = (
            f"weights that divide into whole percents as {'/'.join(map(str, ratio))} do, "
            f"that is multiples of {least}, not {weight_pct}"
        )
        raise ValueError(msg)
    return tuple(weight_pct // least * (size // gcd(*ratio)) for size in ratio)


def weights_of(step: Step) -> Weights:
    """The split of a rung."""
    return Weights.of(*(step.shares or (step.weight_pct,)))


def next_rung(plan: Plan, progress: Progress, *, at: str, following: str) -> Climb:
    """To the step after this one, whose hold and floor are met.

    Args:
        plan: which has such a step.
        progress: where the run stands.
        at: where that is, in words, such as `at 20 %`.
        following: where it goes, in words.
    """
    number = progress.step + 1
    return Climb(
        step=number,
        weights=weights_of(plan.steps[number]),
        reason=f"{words.held(progress, at=at)}; next is {following}",
    )
