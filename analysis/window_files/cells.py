"""One arm's reading as the columns that a window file would have for it. Reads nothing."""

from collections.abc import Mapping
from math import nan

from engine.core.measure import EventsReading, Histogram, Measured, Moments, Quotient, Trials
from engine.core.model import Arm

Cells = Mapping[str, float | tuple[int, ...]]
"""Column name to value; a histogram has its counts per bucket, not cumulative, as `counts`."""


def cells_of(reading: Measured, arm: Arm) -> Cells:
    """The columns of one arm in one window; a sum of squares that is not known is not a number."""
    if isinstance(reading, EventsReading):
        return {"count": reading.treatment if arm is Arm.TREATMENT else reading.control}
    match reading.treatment if arm is Arm.TREATMENT else reading.control:
        case Trials(bad=bad, total=total):
            return {"bad": bad, "total": total}
        case Histogram(counts=counts):
            return {"counts": counts}
        case Moments(count=count, sum=added, sum_sq=squares):
            return {"count": count, "sum": added, "sum_sq": nan if squares is None else squares}
        case Quotient(numerator=numerator, denominator=denominator):
            return {"numerator": numerator, "denominator": denominator, "value": numerator}
