"""The strategy `two_step`: a little traffic, then more, each for the same time. Pure: it only proposes."""

from typing import ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from engine.core.plan import Plan, Step
from engine.core.proposal import Climb, Finish, Progress, Proposal, Wait
from engine.core.target import Weights
from engine.fields import Duration


class TwoStepOptions(BaseModel):
    """What stands under `strategy: {two_step: ...}`."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    first: int = Field(default=10, ge=1, le=99)
    second: int = Field(default=50, ge=1, le=99)
    pause: Duration = 300.0
    floor: int = Field(default=100, ge=1)

    @model_validator(mode="after")
    def _climbs(self) -> Self:
        if self.second <= self.first:
            msg = f"a second step above the first, not {self.second} after {self.first}"
            raise ValueError(msg)
        return self


class TwoStep:
    """A canary of two rungs."""

    Options: ClassVar[type[TwoStepOptions]] = TwoStepOptions

    def plan(self, options: TwoStepOptions) -> Plan:
        """Both rungs; `strategy` is the name of the entry point."""
        weights = (options.first, options.second)
        steps = (Step(weight_pct=pct, hold_s=options.pause, floor=options.floor) for pct in weights)
        return Plan(strategy="two_step", steps=tuple(steps))

    def propose(self, plan: Plan, progress: Progress) -> Proposal:
        """On after the pause; the end takes evidence, of the whole run and of the last rung alone."""
        if progress.step < 0:
            return _climb(plan, 0, "begin")
        step = plan.steps[progress.step]
        if progress.step_age_s < step.hold_s:
            return Wait(reason=f"paused {progress.step_age_s:.0f} of {step.hold_s:.0f} s")
        if min(progress.step_trials) < step.floor:
            return Wait(reason=f"{min(progress.step_trials)} of {step.floor} trials")
        if progress.step + 1 < len(plan.steps):
            return _climb(plan, progress.step + 1, "the pause is over")
        if not (progress.not_worse and progress.inside_margin_at_step):
            return Wait(reason="the evidence does not yet say not worse")
        return Finish(reason="the pause is over; not worse")


def _climb(plan: Plan, step: int, why: str) -> Climb:
    weight_pct = plan.steps[step].weight_pct
    return Climb(step=step, weights=Weights.of(weight_pct), reason=f"{why}; next is {weight_pct} %")
