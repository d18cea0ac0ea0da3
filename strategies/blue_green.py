"""The blue/green strategy: probe the new colour, perhaps bridge with a split, switch all traffic, and settle.

Pure: it proposes from the plan and what the run has seen; the engine decides whether anything is in the way.
The old colour keeps running all the time, so that taking the switch back is one act.
"""

from typing import Annotated, Self, assert_never

from pydantic import AfterValidator, Field, field_validator, model_validator

from engine.core.numbers import duration
from engine.core.plan import Plan, Probes, Stage, Step
from engine.core.proposal import Abandon, Climb, Finish, Progress, Proposal, Wait
from engine.core.target import Weights
from engine.fields import Duration, Percent, PositiveDuration, format_duration
from strategies import words
from strategies.options import StrictOptions, Weight

_LONGEST_ANSWER_S = 2.0
"""Probes share a tick with everything else that a run does."""


def _limit(share: float) -> float:
    if not 0 < share < 1:
        msg = "a percentage over 0% and under 100%"
        raise ValueError(msg)
    return share


def _path(value: str) -> str:
    if not value.startswith("/") or "#" in value or not value.isascii() or not value.isprintable():
        msg = "a path such as /healthz or /buy?item=1"
        raise ValueError(msg)
    return value


Limit = Annotated[Percent, AfterValidator(_limit)]
"""Largest acceptable share of bad probes."""


class LatencyOptions(StrictOptions):
    """What is slow, and how much of it may be."""

    over: PositiveDuration
    """A probe that takes longer is slow; below `timeout`."""
    share: Limit = 0.05
    """Largest acceptable share of slow probes."""


class PreviewOptions(StrictOptions):
    """Probes of the treatment before it has any traffic."""

    path: Annotated[str, AfterValidator(_path)] = "/"
    """What to request."""
    rate: float = Field(default=10.0, gt=0, le=100)
    """Probes per second at most."""
    count: int = Field(default=300, ge=1, le=1_000_000)
    """Probes at most."""
    time_limit: PositiveDuration = 600.0
    """When the preview is given up at the latest."""
    timeout: PositiveDuration = 1.0
    """A probe that takes longer is an error; at most 2s."""
    errors: Limit = 0.05
    """Largest acceptable share of failed probes."""
    latency: LatencyOptions | None = None
    """Largest acceptable share of slow probes; not looked at, if absent."""

    @field_validator("timeout")
    @classmethod
    def _is_short(cls, timeout_s: float) -> float:
        if timeout_s > _LONGEST_ANSWER_S:
            msg = f"a duration of at most {format_duration(_LONGEST_ANSWER_S)}"
            raise ValueError(msg)
        return timeout_s

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.latency and self.latency.over >= self.timeout:
            msg = (
                f"latency.over below the timeout of {format_duration(self.timeout)}, "
                f"not {format_duration(self.latency.over)}"
            )
            raise ValueError(msg)
        if self.count > self.rate * self.time_limit:
            msg = (
                f"at most the {self.rate * self.time_limit:.0f} probes that {self.rate:g} per second for "
                f"{format_duration(self.time_limit)} make, not {self.count}"
            )
            raise ValueError(msg)
        return self


class BridgeOptions(StrictOptions):
    """A split between preview and switch, in which both versions serve at the same time."""

    weight: Weight
    """Traffic of the treatment in whole percent, from 1 to 99."""
    hold: Duration = 300.0
    """How long it lasts at least."""
    floor: int = Field(default=100, ge=1)
    """Trials each arm needs."""


class SettleOptions(StrictOptions):
    """The time after the switch in which it can still be taken back."""

    hold: Duration = 600.0
    """How long it lasts at least."""
    floor: int = Field(default=100, ge=1)
    """Trials the treatment needs."""


class BlueGreenOptions(StrictOptions):
    """Options of the blue/green strategy."""

    preview: PreviewOptions = PreviewOptions()
    """Probes of the treatment before it has any traffic."""
    bridge: BridgeOptions | None = None
    """A split before the switch, for evidence from the same time (recommended); none, if absent."""
    settle: SettleOptions = SettleOptions()
    """The time after the switch in which it can still be taken back."""
    approve: bool = False
    """Whether a person must approve the switch."""


class BlueGreen:
    """Gives the treatment nothing, perhaps a part, then everything, and watches whether it keeps it."""

    Options = BlueGreenOptions

    def plan(self, options: BlueGreenOptions) -> Plan:
        """Preview, bridge if there is one, settling; approval is asked for before the switch."""
        bridge, settle = options.bridge, options.settle
        steps = [
            Step(
                weight_pct=0,
                hold_s=0.0,
                floor=0,
                approve=options.approve and bridge is None,
                stage=Stage.PREVIEW,
            )
        ]
        if bridge:
            steps.append(
                Step(
                    weight_pct=bridge.weight,
                    hold_s=bridge.hold,
                    floor=bridge.floor,
                    approve=options.approve,
                )
            )
        steps.append(Step(weight_pct=100, hold_s=settle.hold, floor=settle.floor, stage=Stage.SETTLE))
        return Plan(strategy="blue_green", steps=tuple(steps), probes=_probes(options.preview))

    def propose(self, plan: Plan, progress: Progress) -> Proposal:
        """On as soon as a stage shows what it must; given up when the preview does not show it in time."""
        if progress.step < 0:
            return Climb(step=0, weights=Weights.of(0), reason="start with probes of the preview")
        step = plan.steps[progress.step]
        match step.stage:
            case Stage.PREVIEW:
                return _after_preview(plan, progress)
            case Stage.SPLIT:
                return _after_bridge(plan, progress)
            case Stage.SETTLE:
                return _after_settling(step, progress)
            case _:
                assert_never(step.stage)


def _probes(preview: PreviewOptions) -> Probes:
    latency = preview.latency
    return Probes(
        path=preview.path,
        rate_per_s=preview.rate,
        count=preview.count,
        time_limit_s=preview.time_limit,
        timeout_s=preview.timeout,
        error_limit=preview.errors,
        slow_s=latency.over if latency else None,
        slow_limit=latency.share if latency else None,
    )


def _climb(plan: Plan, progress: Progress, reason: str) -> Climb:
    """To the next step."""
    weight_pct = plan.steps[progress.step + 1].weight_pct
    return Climb(
        step=progress.step + 1,
        weights=Weights.of(weight_pct),
        reason=f"{reason}; next is {weight_pct} %",
    )


def _after_preview(plan: Plan, progress: Progress) -> Proposal:
    """Passed, given up, or waiting; what has passed may wait for a person as long as it takes."""
    probes, sent = plan.probes, progress.step_trials[1]
    if progress.not_worse:
        return _climb(plan, progress, f"the preview passed with {sent} probes")
    if probes is None:
        return Wait(reason="nothing probes the preview")
    asked = f"{sent} of {probes.count} probes"
    if sent >= probes.count:
        return Abandon(reason=f"{asked} did not show that the preview is within its limits")
    if progress.step_age_s >= probes.time_limit_s:
        age = duration(progress.step_age_s)
        return Abandon(reason=f"{asked} in {age} did not show that the preview is within its limits")
    return Wait(reason=f"{asked} of the preview so far")


def _after_bridge(plan: Plan, progress: Progress) -> Proposal:
    """The switch, which takes the evidence that promotion takes elsewhere."""
    step = plan.steps[progress.step]
    at = f"at {step.weight_pct} %"
    lacks = words.missing(step, progress, at=at, arms=("control", "treatment"))
    if lacks:
        return Wait(reason=" and ".join(lacks))
    held = words.held(progress, at=at)
    if not progress.not_worse:
        return Wait(reason=f"{held}, but the evidence does not yet say not worse")
    if not progress.inside_margin_at_step:
        return Wait(reason=f"{held}, but the estimate of this step alone is not inside the margin")
    return _climb(plan, progress, f"{held}; not worse, also at this step alone")


def _after_settling(step: Step, progress: Progress) -> Proposal:
    """The end, once nothing took the switch back for long enough."""
    lacks = words.missing(step, progress, at="after the switch", arms=("treatment",))
    if lacks:
        return Wait(reason=" and ".join(lacks))
    trials = progress.step_trials[1]
    held = f"held {duration(progress.step_age_s)} after the switch with {trials} trials"
    return Finish(reason=f"{held}, and nothing took it back", settled=True)
