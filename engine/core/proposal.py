"""What passes between a strategy and the engine: progress in, a proposal out."""

from dataclasses import dataclass

from engine.core.target import Weights


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What a strategy may know about the current rung.

    Attributes:
        step: current rung, -1 before the first. step_age_s: time at its weights.
        step_trials: fewest trials of any deciding metric at this rung (control, treatment).
        not_worse: the run's verdict allows promotion now; at a preview it speaks of the probes alone.
        inside_margin_at_step: so do this rung's own estimates, those of `better` alone where there is one.
        better: index of the treatment that is better than control, the one with the most evidence of
            several; None without.
        weight_pct: traffic of all treatments now.
        excess: bad trials of the treatments beyond what control's rate would have made, as estimated, of the
            metric with the most; never below 0.
    """

    step: int
    step_age_s: float
    step_trials: tuple[int, int]
    not_worse: bool
    inside_margin_at_step: bool
    better: int | None = None
    weight_pct: int = 0
    excess: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Climb:
    """The strategy proposes to go to this rung. Giving control's last percent away takes evidence."""

    step: int
    weights: Weights
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finish:
    """The strategy proposes to promote one treatment; `settled` when it has all traffic already."""

    reason: str
    treatment_index: int = 0
    settled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Abandon:
    """The strategy gives up before the treatment had any traffic."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """The strategy proposes to stay; `reason` says what is missing.

    `is_ready`: nothing but the product experiment's word, which the strategy cannot hear.
    """

    reason: str
    is_ready: bool = False


Proposal = Climb | Finish | Abandon | Wait
