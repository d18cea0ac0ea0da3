"""When each arm gets how many trials, if nothing ends the run: the plan's steps in time. Knows no rule."""

from dataclasses import dataclass, replace

import numpy as np

from analysis.design.rules import Floats
from analysis.design.traffic import Leg, Traffic
from engine.core.model import Experiment
from engine.core.plan import Stage, Step

_MOST_ERRORS = 6000.0
"""Up to so many bad trials the walk looks after every one, which is exact; beyond, at windows."""
_MOST_LOOKS = 5000.0
_MOST_PLANNED = 200_000.0
"""A run is planned up to so many bad trials, or twice those before its last step: nearly all end by then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """A step as planned for one treatment.

    Attributes:
        number: of the step in the plan, from 0. weight_pct: the treatment's. control_pct: control's.
        seconds: how long it lasts: hold and floors, the last one up to the horizon.
        least_s: how long hold and floors take at the least.
    """

    number: int
    weight_pct: int
    control_pct: int
    hold_s: float
    floor: int
    seconds: float
    least_s: float

    @property
    def share(self) -> float:
        """The treatment's share of both arms, in (0, 1)."""
        return self.weight_pct / (self.weight_pct + self.control_pct)


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """All phases of a run that nothing ends.

    Attributes:
        rate_per_s: trials of all variants per second.
        complete: whether the last step is reached, and held, before the horizon.
        swapped: requests are control's, because the rules count a fall of good trials (see `questions`).
    """

    rate_per_s: float
    phases: tuple[Phase, ...]
    complete: bool
    swapped: bool = False

    def per_s(self, phase: Phase) -> float:
        """The treatment's trials per second."""
        return self.rate_per_s * phase.weight_pct / 100.0

    def traffic(self, base_rate: float, interval_s: float) -> Traffic:
        """Legs for the walk. It looks after every error; where they are many, once a window or less often."""
        legs = tuple(self._leg(phase) for phase in self.phases)
        last = self.phases[-1]
        held = last.least_s / last.seconds * legs[-1].treatment_requests
        traffic = Traffic(legs=legs, floor_requests=min(held, legs[-1].treatment_requests))
        total = traffic.total_requests
        if base_rate * total <= _MOST_ERRORS:
            return traffic
        looks_s = max(interval_s, self.seconds / _MOST_LOOKS)
        per_look = min(total, total / self.seconds * looks_s)
        return Traffic(legs=legs, floor_requests=traffic.floor_requests, requests_per_look=per_look)

    @property
    def seconds(self) -> float:
        """From launch to the horizon."""
        return float(sum(phase.seconds for phase in self.phases))

    def up_to_errors(self, base_rate: float) -> "Schedule":
        """The same, but no further than what it takes to see how nearly all runs end."""
        per_s = base_rate * self.rate_per_s
        before_s = self.seconds - self.phases[-1].seconds
        most_s = max(_MOST_PLANNED / per_s, 2.0 * (before_s + self.phases[-1].least_s))
        if self.seconds <= most_s:
            return self
        last = replace(self.phases[-1], seconds=most_s - before_s)
        return replace(self, phases=(*self.phases[:-1], last))

    def time_at(self, walked: Floats) -> Floats:
        """Seconds since launch by which the walk has gone so many requests (control's where swapped)."""
        legs = [self._leg(phase).treatment_requests for phase in self.phases]
        at_s: Floats = np.interp(walked, np.append(0.0, np.cumsum(legs)), self._bends_s)
        return at_s

    def treatment_by(self, seconds: Floats) -> Floats:
        """Treatment trials by so many seconds after launch."""
        given = [phase.seconds * self.per_s(phase) for phase in self.phases]
        served: Floats = np.interp(seconds, self._bends_s, np.append(0.0, np.cumsum(given)))
        return served

    @property
    def _bends_s(self) -> Floats:
        return np.append(0.0, np.cumsum([phase.seconds for phase in self.phases]))

    def _leg(self, phase: Phase) -> Leg:
        pct, share = phase.weight_pct, phase.share
        if self.swapped:
            pct, share = phase.control_pct, 1.0 - share
        return Leg(share=share, treatment_requests=self.rate_per_s * pct / 100.0 * phase.seconds)


def schedule_of(
    experiment: Experiment, rate_per_s: float, treatment_index: int = 0, *, swapped: bool = False
) -> Schedule:
    """The steps that split traffic, each as long as hold and floors take, the last one up to the horizon.

    Raises:
        ValueError: no step gives this treatment and control traffic at the same time.
    """
    left_s, phases, complete = experiment.horizon_s, list[Phase](), False
    steps = [(number, step) for number, step in enumerate(experiment.plan.steps) if step.stage is Stage.SPLIT]
    for number, step in steps:
        is_last = number == steps[-1][0]
        phase = _phase(number, step, rate_per_s, treatment_index, left_s, is_last=is_last)
        phases.append(phase)
        left_s -= phase.seconds
        complete = is_last and phase.least_s < phase.seconds
        if left_s <= 0.0:
            break
    if not phases:
        raise ValueError("no step gives both variants traffic at the same time")
    return Schedule(rate_per_s=rate_per_s, phases=tuple(phases), complete=complete, swapped=swapped)


def only_step(schedule: Schedule, phase: Phase) -> Schedule:
    """The same time all spent at one step."""
    whole = replace(phase, seconds=schedule.seconds, least_s=0.0)
    return replace(schedule, phases=(whole,), complete=True)


def _phase(
    number: int, step: Step, rate_per_s: float, treatment_index: int, left_s: float, *, is_last: bool
) -> Phase:
    weight_pct = step.shares[treatment_index] if step.shares else step.weight_pct
    control_pct = 100 - step.weight_pct
    smaller = min(weight_pct, control_pct) / 100.0
    least_s = max(step.hold_s, step.floor / (rate_per_s * smaller))
    return Phase(
        number=number,
        weight_pct=weight_pct,
        control_pct=control_pct,
        hold_s=step.hold_s,
        floor=step.floor,
        seconds=left_s if is_last else min(least_s, left_s),
        least_s=min(least_s, left_s),
    )
