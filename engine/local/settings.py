"""How one version of the sample service behaves. Values only; imported by the service, so it stays light."""

import math
import random
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Self

LONGEST_DELAY_S = 30.0
_NORMAL_P99 = 2.3263478740408408


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Behaviour of a version; rates and shares are fractions, times are what their names say.

    Attributes:
        error_rate: share of requests answered with 500; a little by default, so that errors have a ratio.
        latency_p50_ms, latency_p99_ms: median and 99th percentile of a lognormal latency.
        tail_share, tail_ms: this share of requests takes at least this long.
        slow_start_s, slow_start_factor: latency is so many times longer for so long after the start.
        conversion_rate: share of visits to `/buy` that convert.
        ready_after_s: the version is not ready, and answers 503, for so long after the process started.
    """

    error_rate: float = 0.005
    latency_p50_ms: float = 12.0
    latency_p99_ms: float = 40.0
    tail_share: float = 0.0
    tail_ms: float = 800.0
    slow_start_s: float = 0.0
    slow_start_factor: float = 10.0
    conversion_rate: float = 0.1
    ready_after_s: float = 0.0

    def __post_init__(self) -> None:
        for field in fields(self):
            _check_number(field.name, getattr(self, field.name))
        for name in ("error_rate", "tail_share", "conversion_rate"):
            if getattr(self, name) > 1:
                raise ValueError(f"{name} is a share between 0 and 1, not {getattr(self, name):g}")
        if not 0 < self.latency_p50_ms <= self.latency_p99_ms:
            raise ValueError(
                f"latency_p99_ms ({self.latency_p99_ms:g}) must not be below latency_p50_ms"
                f" ({self.latency_p50_ms:g}), which must be above 0"
            )

    def changed(self, changes: Mapping[str, object]) -> Self:
        """These settings with some replaced. ValueError names an unknown or impossible one.

        The median alone moves the 99th percentile along, so that one number is enough to slow a version.
        """
        known = {field.name for field in fields(self)}
        for name, value in changes.items():
            if name not in known:
                raise ValueError(f"no setting {name}; there are {', '.join(sorted(known))}")
            _check_number(name, value)
        numbers: dict[str, float] = {name: float(str(value)) for name, value in changes.items()}
        if "latency_p50_ms" in numbers and "latency_p99_ms" not in numbers:
            numbers["latency_p99_ms"] = self.latency_p99_ms * numbers["latency_p50_ms"] / self.latency_p50_ms
        return replace(self, **numbers)

    def to_plain(self) -> dict[str, float]:
        """By name, ready for JSON."""
        return asdict(self)

    def delay_s(self, age_s: float, rng: random.Random) -> float:
        """One request's latency, `age_s` after the process started."""
        sigma = math.log(self.latency_p99_ms / self.latency_p50_ms) / _NORMAL_P99
        delay_ms = self.latency_p50_ms * math.exp(rng.gauss(0.0, sigma))
        if rng.random() < self.tail_share:
            delay_ms = max(delay_ms, self.tail_ms)
        if age_s < self.slow_start_s:
            delay_ms *= self.slow_start_factor
        return min(delay_ms / 1000, LONGEST_DELAY_S)


def _check_number(name: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        raise ValueError(f"{name} is a number of at least 0, not {value!r}")
