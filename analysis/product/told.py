"""What one method says of one contrast: the part of an effect that depends on the method. Decides nothing."""

from dataclasses import dataclass

from analysis.product.result import Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """As in `Effect`, whose attributes these become."""

    interval: Interval
    relative_interval: Interval | None
    p_value: float
    evidence: float | None = None
    evidence_not_worse: float | None = None
    p_not_worse: float | None = None
