"""What passes between a strategy and the engine: progress in, a proposal out."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What a strategy may know about the current rung.

    Attributes:
        step: current rung, -1 before the first. step_age_s: time at its weights.
        step_trials: fewest trials of any deciding metric at this rung (control, treatment).
        not_worse: the run's verdict allows promotion now.
        inside_margin_at_step: so do this rung's own estimates.
    """

    step: int
    step_age_s: float
    step_trials: tuple[int, int]
    not_worse: bool
    inside_margin_at_step: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Climb:
    """The strategy proposes to go to this rung."""

    step: int
    treatment_pct: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finish:
    """The strategy proposes to promote."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """The strategy proposes to stay; `reason` says what is missing."""

    reason: str


Proposal = Climb | Finish | Wait
