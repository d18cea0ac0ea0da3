"""Which statistics a metric gets: from its declaration to a method and a monitor. Reads no data."""

from functools import lru_cache
from math import inf
from typing import assert_never

from analysis.stats import prior, starts
from analysis.stats.buckets import BucketsMethod
from analysis.stats.increments import Method
from analysis.stats.monitor import Monitor
from analysis.stats.one_sample import OneSampleMethod
from analysis.stats.trials import TrialsMethod
from analysis.stats.values import ValuesMethod
from engine.core.model import Metric, MetricKind, Role
from engine.core.plan import Stage

_COUNTED = {MetricKind.PROPORTION, MetricKind.COUNT, MetricKind.DISTRIBUTION}

_OBSERVED_SWING = 0.4


def asks_better(metric: Metric) -> bool:
    """Whether the metric can be better: an objective, compared while both arms serve."""
    if metric.role is not Role.OBJECTIVE or metric.stage is not Stage.SPLIT:
        return False
    return metric.kind is not MetricKind.THRESHOLD and (
        metric.kind is not MetricKind.DISTRIBUTION or metric.slo_s is not None
    )


def method_of(metric: Metric, bounds: int = 0) -> Method:
    """The metric's statistics; a distribution needs to know how many finite bucket bounds there are."""
    match metric.kind:
        case MetricKind.PROPORTION | MetricKind.COUNT | MetricKind.ASSIGNMENT:
            return _trials(metric)
        case MetricKind.DISTRIBUTION:
            return BucketsMethod(
                bounds=bounds,
                tolerance=metric.tolerance,
                objective=_trials(metric) if metric.slo_s is not None else None,
                higher_is_better=metric.higher_is_better,
            )
        case MetricKind.MEAN | MetricKind.RATIO | MetricKind.GAUGE:
            return ValuesMethod(
                tolerance=metric.tolerance,
                margin=metric.margin,
                effect_ratio=prior.declared_ratio(metric),
                higher_is_better=metric.higher_is_better,
                asks_better=asks_better(metric),
            )
        case MetricKind.THRESHOLD:
            return OneSampleMethod(limit=metric.limit if metric.limit is not None else 0.5)
        case _:
            assert_never(metric.kind)


@lru_cache(maxsize=1024)
def _monitor(metric: "_Same", bounds: int, first_start: float) -> Monitor:
    declared = metric.metric
    return Monitor(
        method=method_of(declared, bounds),
        # Probes are the engine's own requests, sent one by one: they are independent.
        dispersion=1.0 if declared.stage is Stage.PREVIEW else declared.dispersion,
        first_start=first_start,
        ratio_matters=declared.kind in _COUNTED,
        most_swing=_most_swing(declared),
        watches_gross=_watches_gross(declared),
        higher_is_better=declared.higher_is_better,
    )


def _watches_gross(metric: Metric) -> bool:
    """Where harm is a matter of ratios; see `gross`."""
    is_ratio = metric.kind in {MetricKind.PROPORTION, MetricKind.COUNT} and not metric.tolerance.absolute
    return is_ratio and metric.stage is Stage.SPLIT


def _most_swing(metric: Metric) -> float:
    """An observed variance has the swings in it already: all that is missing is how long they last."""
    if metric.stage is not Stage.SPLIT:
        return 0.0
    return _OBSERVED_SWING if metric.kind in {MetricKind.RATIO, MetricKind.GAUGE} else inf


class _Same:
    """A metric that is equal only to itself: metrics hold mappings and have no hash."""

    __slots__ = ("metric",)

    def __init__(self, metric: Metric) -> None:
        self.metric = metric

    def __hash__(self) -> int:
        return id(self.metric)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.metric is self.metric


def monitor_of(metric: Metric, bounds: int = 0, first_start: float = starts.FIRST) -> Monitor:
    """How the metric is watched; the same object for the same metric, because methods prepare arrays."""
    return _monitor(_Same(metric), bounds, first_start)


def _trials(metric: Metric) -> TrialsMethod:
    return TrialsMethod(
        tolerance=metric.tolerance,
        margin=metric.margin,
        effect_ratio=prior.declared_ratio(metric),
        higher_is_better=metric.higher_is_better,
        asks_better=asks_better(metric),
        of_trials=metric.kind is not MetricKind.COUNT,
    )
