"""How much traffic a metric's trials are, and what share of them goes wrong: given, or learned from history.

Reads nothing itself; windows come from `analysis.sources.history`.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from engine.core.measure import HistogramReading, Missing, Reading, TrialsReading, Window
from engine.core.model import Metric, MetricKind
from engine.core.plan import Stage

_HOUR_S = 3600.0
_HOURS = 24
_RAREST = 1e-9
"""An error-free service is planned as one that is nearly so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """What a metric's trials are like.

    Attributes:
        rate_per_s: trials of all variants per second, on average.
        base_rate: control's share of bad trials (of good ones where more is better), in (0, 1).
        quietest_per_s: the same in the quietest hour of the day; None where only an average is known.
    """

    rate_per_s: float
    base_rate: float
    quietest_per_s: float | None = None

    def __post_init__(self) -> None:
        """Raises ValueError without traffic, or where nearly all trials are bad."""
        if self.rate_per_s <= 0.0:
            raise ValueError("a rate above 0, such as 50/s")
        if not 0.0 <= self.base_rate < 0.95:
            raise ValueError("a share of bad trials from 0% to 95%, such as 1%")
        object.__setattr__(self, "base_rate", max(self.base_rate, _RAREST))

    @property
    def slowdown(self) -> float | None:
        """How many times longer everything takes in the quietest hour, where it is known."""
        quietest = self.quietest_per_s
        return None if quietest is None or quietest <= 0.0 else self.rate_per_s / quietest


@dataclass(frozen=True, slots=True, kw_only=True)
class NoFlow:
    """History says nothing of a metric; `reason` is why, of most windows."""

    reason: str


def is_planned(metric: Metric) -> bool:
    """Whether the metric is a share of bad trials that decides while both arms serve."""
    if not metric.decides or metric.stage is not Stage.SPLIT or metric.weight <= 0.0:
        return False
    return metric.kind is MetricKind.PROPORTION or (
        metric.kind is MetricKind.DISTRIBUTION and metric.slo_s is not None
    )


def as_read(metric: Metric) -> Metric:
    """The metric as history is asked for it: before a release an arm may have no series, without fault."""
    return replace(metric, stage=Stage.SETTLE)


def flow_of(metric: Metric, past: Iterable[tuple[Window, Mapping[str, Reading]]]) -> Flow | NoFlow:
    """Rate and base rate from past windows: of all variants together how many, of control how many bad.

    Args:
        metric: a proportion, or a distribution with an objective that is one of its bucket bounds.
        past: windows with readings, as `read_history` gives them.
    """
    by_hour: dict[int, list[float]] = defaultdict(lambda: [0.0, 0.0])
    bad = total = 0
    reasons: list[str] = []
    for window, readings in past:
        counted = _counted(metric, readings[metric.name])
        if isinstance(counted, str):
            reasons.append(counted)
            continue
        of_bad, of_control, of_all = counted
        bad, total = bad + of_bad, total + of_control
        hour = by_hour[int(window.start_s // _HOUR_S) % _HOURS]
        hour[0] += of_all
        hour[1] += window.end_s - window.start_s
    if total == 0:
        return NoFlow(reason=max(set(reasons), key=reasons.count) if reasons else "there were no trials")
    trials, seconds = (sum(hour[part] for hour in by_hour.values()) for part in (0, 1))
    return Flow(
        rate_per_s=trials / seconds,
        base_rate=bad / total,
        quietest_per_s=min(hour[0] / hour[1] for hour in by_hour.values()),
    )


def _counted(metric: Metric, reading: Reading) -> tuple[int, int, int] | str:
    """Control's bad trials, its trials, and those of both arms; or why there are none."""
    match reading:
        case Missing():
            return reading.detail
        case TrialsReading(control=control, treatment=treatment):
            return control.bad, control.total, control.total + treatment.total
        case HistogramReading(control=control, treatment=treatment) if metric.slo_s in control.bounds_s:
            return control.above(metric.slo_s or 0.0), control.total, control.total + treatment.total
        case _:
            return f"no bucket ends at the objective of {metric.name}"
