"""What carries traffic, as the target reports it: split, health, and the version that guards writes."""

from collections.abc import Mapping
from dataclasses import dataclass

from engine.core.model import Arm, Selector


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """Whole percent per arm, summing to 100.

    >>> Weights.of(20)
    Weights(control=80, treatment=20)
    """

    control: int
    treatment: int

    def __post_init__(self) -> None:
        if self.control + self.treatment != 100 or min(self.control, self.treatment) < 0:
            msg = f"weights are whole percent adding up to 100, not {self.control}/{self.treatment}"
            raise ValueError(msg)

    @classmethod
    def of(cls, treatment_pct: int) -> "Weights":
        """The weights that give the treatment this share."""
        return cls(control=100 - treatment_pct, treatment=treatment_pct)

    def __str__(self) -> str:
        return f"{self.control}/{self.treatment}"


ALL_TO_CONTROL = Weights(control=100, treatment=0)
ALL_TO_TREATMENT = Weights(control=0, treatment=100)


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """Whether an arm can serve; ready_since_s is when its last instance became ready (epoch seconds)."""

    ready: bool
    ready_since_s: float | None
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetState:
    """What the target really does now. `version` changes with every change of the target."""

    weights: Weights
    control: Health
    treatment: Health
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetGone:
    """The target gave no usable answer."""

    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RouterSeries:
    """The router's own counters for one target, for the presets `http_errors` and `http_latency`.

    Attributes:
        requests: counter of all requests of both arms. errors: the same counter, failed requests only.
        buckets: the latency histogram's `_bucket` counter of both arms.
        arm_labels: per arm the label values that tell its series apart.
    """

    requests: Selector
    errors: Selector
    buckets: Selector
    arm_labels: Mapping[Arm, Mapping[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetFacts:
    """What a target knows about itself without asking the outside.

    Attributes:
        key: identity of the thing that carries traffic; one run at a time owns a key.
        control, treatment: variant names. arm_labels: how application series of the arms are told apart.
        router: the router's series, or None where the router exports none.
        source_options: options of the default metric source, such as its URL; empty if unknown.
    """

    key: str
    control: str
    treatment: str
    arm_labels: Mapping[Arm, Mapping[str, str]]
    router: RouterSeries | None
    source_options: Mapping[str, object]
