"""How a release goes: the plan that a strategy makes of its options, step by step. Values only.

Weights are whole percent, shares are fractions, times are seconds.
"""

from dataclasses import dataclass
from enum import StrEnum


class Stage(StrEnum):
    """Which comparison a step of the plan allows."""

    PREVIEW = "preview"
    """The treatment has no traffic and is probed."""
    SPLIT = "split"
    """Control and treatment serve at the same time."""
    SETTLE = "settle"
    """The treatment has all traffic and can still lose it."""


class Policy(StrEnum):
    """What to do when evidence cannot be had in time. No policy promotes."""

    ROLLBACK = "rollback"
    HOLD = "hold"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One rung of the plan; below 100 % but when settling, because promotion is the 100.

    Attributes:
        weight_pct: traffic of all treatments together. shares: of each, where there are several.
    """

    weight_pct: int
    hold_s: float
    floor: int
    approve: bool = False
    stage: Stage = Stage.SPLIT
    shares: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Probes:
    """Requests of the engine's own to a treatment that has no traffic yet: bounded in rate, number and time.

    Attributes:
        path: what to request. timeout_s: of one request, which is bad when it takes longer.
        error_limit: largest acceptable share of failed probes.
        slow_s, slow_limit: largest acceptable share of probes slower than this; None where only errors count.
    """

    path: str
    rate_per_s: float
    count: int
    time_limit_s: float
    timeout_s: float
    error_limit: float
    slow_s: float | None = None
    slow_limit: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """How many bad trials more than control's rate would have made a release may cost.

    Attributes:
        excess: bad trials, above 0.
        expected: at 1, 2, ... % of traffic, up to the last step's, their mean number until a release with the
            declared effect is rolled back; never falling. Empty until it is computed (see `engine.wiring`).
    """

    excess: float
    expected: tuple[float, ...] = ()

    def most_pct(self, spent: float) -> int:
        """The largest weight at which what was spent and what is expected stay inside; 0 where none does."""
        return sum(spent + each <= self.excess for each in self.expected)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a strategy made of its options: the rungs and what the end needs.

    Attributes:
        needs_better: promotion takes an objective that is better, not only guardrails that are not worse.
        horizon_s, on_trouble: what the experiment has if it declares no horizon, `on_blind` and
            `on_untrustworthy` of its own.
        budget: what a ramp may cost; its steps are then the most that it gives. None where steps are fixed.
        canary_steps: how many first steps are the canary of an A/B test, which is the last step; 0 without.
        product_decides: the product experiment of the same document says which treatment is better, whatever
            objectives the run has; a person, or `rampwise ab conclude`, then ends the run.
    """

    strategy: str
    steps: tuple[Step, ...]
    probes: Probes | None = None
    needs_better: bool = False
    horizon_s: float = 86400.0
    on_trouble: Policy = Policy.ROLLBACK
    budget: Budget | None = None
    canary_steps: int = 0
    product_decides: bool = False

    def has(self, stage: Stage) -> bool:
        """Whether any step is of this stage."""
        return any(step.stage is stage for step in self.steps)
