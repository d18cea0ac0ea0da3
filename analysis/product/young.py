"""Whether units first exposed on a day have had all their time. Counts and estimates nothing."""

from analysis.product.days import end_of
from engine.core.product import ProductMetric


def over(metric: ProductMetric, day: str, at_s: float) -> bool | None:
    """Whether a metric's time after the first exposure is over for everybody first exposed on a day.

    Args:
        metric: whose time.
        day: ISO date, UTC.
        at_s: time of the look, Unix seconds.

    Returns:
        None for a metric without such a time, which counts until the data end: no day is ever over.
    """
    return None if metric.within_s is None else end_of(day) + metric.within_s <= at_s
