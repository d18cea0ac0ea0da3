"""Which events a metric asks for, and what is known of them in the tables. Estimates nothing."""

from analysis.product.totals import Counted
from engine.core.product import Measure, ProductMetric


def measures_of(metric: ProductMetric) -> tuple[Measure, ...]:
    """What is taken of units' events: one thing, of a ratio two."""
    return (metric.measure,) if metric.per is None else (metric.measure, metric.per)


def never_occurs(metric: ProductMetric, counted: Counted) -> bool:
    """Whether an event that the metric asks for was looked for and is nowhere in the tables."""
    return any(counted.events_by_name.get(measure.event) == 0 for measure in measures_of(metric))


def summed_events(metric: ProductMetric, counted: Counted) -> int:
    """Rows of the events of which the metric sums a column."""
    events = {measure.event for measure in measures_of(metric) if measure.value is not None}
    return sum(counted.events_by_name.get(event, 0) for event in events)
