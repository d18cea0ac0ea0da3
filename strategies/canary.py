"""The canary strategy: a ramp of steps, each held for a time and until both arms had enough trials.

Pure: it proposes from the plan and what the run has seen; the engine decides whether anything is in the way.
"""

from itertools import pairwise
from typing import Annotated

from pydantic import BeforeValidator, Field, field_validator

from engine.core.plan import Plan, Step
from engine.core.proposal import Climb, Finish, Progress, Proposal, Wait
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


class CanaryOptions(StrictOptions):
    """Options of the canary strategy."""

    steps: tuple[Annotated[StepOptions, BeforeValidator(_step)], ...] = Field(
        default_factory=lambda: tuple(StepOptions(weight=weight) for weight in (1, 5, 20, 50)),
        json_schema_extra={"minItems": 1},
    )
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


class Canary:
    """Gives the treatment a little traffic, then more, as long as nothing speaks against it."""

    Options = CanaryOptions

    def plan(self, options: CanaryOptions) -> Plan:
        """The rungs that these options mean."""
        steps = tuple(
            Step(
                weight_pct=step.weight,
                hold_s=options.hold if step.hold is None else step.hold,
                floor=options.floor if step.floor is None else step.floor,
                approve=step.approve,
            )
            for step in options.steps
        )
        return Plan(strategy="canary", steps=steps)

    def propose(self, plan: Plan, progress: Progress) -> Proposal:
        """The next rung once hold and floor are met, the end once the evidence is there, else waiting."""
        if progress.step < 0:
            first = plan.steps[0]
            return Climb(
                step=0, weights=Weights.of(first.weight_pct), reason=f"start at {first.weight_pct} %"
            )
        step = plan.steps[progress.step]
        lacks = words.missing(step, progress, at=_at(step), arms=("control", "treatment"))
        if lacks:
            return Wait(reason=" and ".join(lacks))
        if progress.step + 1 < len(plan.steps):
            after = plan.steps[progress.step + 1]
            return Climb(
                step=progress.step + 1,
                weights=Weights.of(after.weight_pct),
                reason=f"{words.held(progress, at=_at(step))}; next is {after.weight_pct} %",
            )
        return _end(step, progress)


def _at(step: Step) -> str:
    return f"at {step.weight_pct} %"


def _end(step: Step, progress: Progress) -> Proposal:
    """Promotion from the last step, or what the evidence lacks for it."""
    held = words.held(progress, at=_at(step))
    if not progress.not_worse:
        return Wait(reason=f"{held}, but the evidence does not yet say not worse")
    if not progress.inside_margin_at_step:
        return Wait(reason=f"{held}, but the estimate of this step alone is not inside the margin")
    return Finish(reason=f"{held}; not worse, also at this step alone")
