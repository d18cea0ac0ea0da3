"""Before the start: how many units and days a product experiment takes, and what it finds in a few weeks.

From what is known of the metrics without the experiment. Reads no table and decides nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import sqrt

from analysis.product.anytime import scale_of
from analysis.product.power import error_for, error_of, level, smallest_found, sought, units_for
from engine.core.product import Method, ProductMetric, ProductPlan

WEEKS = (1, 2, 4)
"""After which it is told what would be found: whole ones, because days of the week differ."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """What is known of a metric's numbers of units as they are now.

    Attributes:
        mean: over units. deviation: standard deviation over units (of a ratio: of the linearised number).
        explained: share of the variance that the time before explains (CUPED), as a fraction below 1.
    """

    mean: float
    deviation: float
    explained: float = 0.0

    @classmethod
    def of_rate(cls, rate: float, explained: float = 0.0) -> "Baseline":
        """Of a conversion with this share of units.

        >>> Baseline.of_rate(0.2).deviation
        0.4
        """
        return cls(mean=rate, deviation=sqrt(rate * (1.0 - rate)), explained=explained)

    @property
    def variance(self) -> float:
        """That is left after adjustment."""
        return self.deviation**2 * (1.0 - self.explained)


@dataclass(frozen=True, slots=True, kw_only=True)
class Smallest:
    """What is found after so many weeks, with the plan's power; `relative` None for a mean of 0."""

    weeks: int
    difference: float
    relative: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """What one metric takes with one method.

    Attributes:
        units: of all variants together, until the plan's effect (a guardrail's margin) is found. days: the
            same in days. Both None where there is nothing to find, or nobody comes.
    """

    metric: str
    method: Method
    units: int | None
    days: float | None
    smallest: tuple[Smallest, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductForecast:
    """What a product experiment takes, by metric and method.

    Attributes:
        units_per_day: new ones, of all variants together.
    """

    units_per_day: float
    needs: tuple[Need, ...]


def plan_for(plan: ProductPlan, units_per_day: float, baselines: Mapping[str, Baseline]) -> ProductForecast:
    """Units, days and smallest effects of every metric with a baseline, for all methods side by side.

    Args:
        plan: the experiment, whose method is compared with the others.
        units_per_day: of all variants together; 0 or more.
        baselines: by name of the metric.

    Returns:
        Metrics in the plan's order. Units keep coming at the same rate, and never come again.
    """
    needs = tuple(
        _need(replace(plan, method=method), metric, units_per_day, baselines[metric.name])
        for metric in plan.metrics
        if metric.name in baselines
        for method in Method
    )
    return ProductForecast(units_per_day=units_per_day, needs=needs)


def _need(plan: ProductPlan, metric: ProductMetric, rate: float, baseline: Baseline) -> Need:
    units = _units(plan, metric, baseline)
    return Need(
        metric=metric.name,
        method=plan.method,
        units=units,
        days=units / rate if units is not None and rate else None,
        smallest=tuple(_smallest(plan, metric, rate, baseline, weeks) for weeks in WEEKS) if rate else (),
    )


def _units(plan: ProductPlan, metric: ProductMetric, baseline: Baseline) -> int | None:
    difference = sought(plan, metric, baseline.mean)
    if not difference:
        return None
    scale = scale_of(baseline.mean, sqrt(baseline.variance))
    standard_error = error_for(plan, difference, scale, level(plan, metric))
    return units_for(plan, baseline.variance, standard_error)


def _smallest(
    plan: ProductPlan, metric: ProductMetric, rate: float, baseline: Baseline, weeks: int
) -> Smallest:
    standard_error = error_of(plan, baseline.variance, rate * 7 * weeks)
    scale = scale_of(baseline.mean, sqrt(baseline.variance))
    difference = smallest_found(plan, standard_error, scale, level(plan, metric))
    relative = difference / abs(baseline.mean) if baseline.mean else None
    return Smallest(weeks=weeks, difference=difference, relative=relative)
