"""Count, sum and sum of squares of one arm's values in one window. Knows no series and no windows.

Buckets tell a spread only roughly: values count as their bucket's midpoint, but with no less variance than
if they lay evenly in their buckets (a twelfth of the squared width), so that values in one bucket still have
a spread. Values above the last bound of a classic histogram lie, by convention, at 1.25 times that bound.
"""

from collections.abc import Sequence
from itertools import pairwise

from analysis.sources.native import COUNT, SUM, spans
from analysis.sources.series import Components
from engine.core.measure import Histogram, Moments

ABOVE_LAST = 1.25
"""Where values above the last bound of a classic histogram are taken to lie, as a multiple of the bound."""

_ROUNDING = 1e-3


def counted_moments(count: float, total: float, squares: float | None) -> Moments | None:
    """Increments of counters as moments.

    Returns:
        None where no `count` values have this sum and this sum of squares (Cauchy-Schwarz, with room for
        rounding in long-running counters).
    """
    if squares is not None and squares * count < total**2 * (1 - _ROUNDING):
        return None
    return Moments(count=round(count), sum=float(total), sum_sq=None if squares is None else float(squares))


def bucket_moments(histogram: Histogram) -> Moments:
    """Moments of a classic histogram: the sum is by midpoints, as its bounds tell nothing finer."""
    first, last = histogram.bounds_s[:1], histogram.bounds_s[-1:]
    if not histogram.total or not first:
        return Moments(count=histogram.total, sum=0.0, sum_sq=0.0)
    ends = [(min(0.0, first[0]), first[0]), *pairwise(histogram.bounds_s), (last[0] * ABOVE_LAST,) * 2]
    pairs = zip(ends, histogram.counts, strict=True)
    mean, variance = _mean_and_variance([(lower, upper, count) for (lower, upper), count in pairs])
    return _moments(histogram.total, mean * histogram.total, variance)


def native_moments(cells: Components) -> Moments:
    """Moments of a native histogram: its own count and sum; buckets tell only the spread around the mean."""
    count, total, rows = round(cells[COUNT]), float(cells[SUM]), spans(cells)
    if not count or not any(observed for _, _, observed in rows):
        return Moments(count=count, sum=total, sum_sq=0.0)
    _, variance = _mean_and_variance(rows)
    return _moments(count, total, variance)


def _moments(count: int, total: float, variance: float) -> Moments:
    return Moments(count=count, sum=total, sum_sq=count * variance + total**2 / count)


def _mean_and_variance(rows: Sequence[tuple[float, float, float]]) -> tuple[float, float]:
    """Of values in buckets, each with its lower end, upper end and count."""
    seen = sum(count for _, _, count in rows)
    mean = sum(count * (lower + upper) / 2 for lower, upper, count in rows) / seen
    between = sum(count * ((lower + upper) / 2 - mean) ** 2 for lower, upper, count in rows) / seen
    within = sum(count * (upper - lower) ** 2 / 12 for lower, upper, count in rows) / seen
    return mean, max(between, within)
