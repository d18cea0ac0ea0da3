"""Counts of a window as a histogram: classic buckets as they are, native ones on fixed bounds."""

from collections.abc import Iterable
from itertools import pairwise

from analysis.sources.native import BOUNDS_S, bucket_counts
from analysis.sources.series import Components
from engine.core.measure import Histogram, Missing, MissingReason

TOP = "inf"
"""The component of the `+Inf` bucket."""


def classic_histogram(cumulative: Components) -> Histogram:
    """Increments of cumulative buckets as counts per bucket; negative where buckets contradict each other."""
    bounds = sorted(cumulative, key=float)
    below = [0, *(round(cumulative[bound]) for bound in bounds)]
    counts = tuple(upper - lower for lower, upper in pairwise(below))
    return Histogram(bounds_s=tuple(float(bound) for bound in bounds[:-1]), counts=counts)


def native_histogram(cells: Components) -> Histogram:
    """Increments of a native histogram as counts per bucket of `BOUNDS_S`, the same in every window."""
    return Histogram(bounds_s=BOUNDS_S, counts=bucket_counts(cells))


def odd_layout(counts: Iterable[Components]) -> Missing | None:
    """Why these cumulative buckets cannot be compared, if they cannot."""
    layouts = {tuple(sorted(one, key=float)) for one in counts}
    named = " and ".join(sorted(", ".join(layout) for layout in layouts))
    layout = next(iter(layouts))
    detail = ""
    if len(layouts) > 1:
        detail = f"series have different buckets and cannot be compared: {named}"
    elif TOP not in layout:
        detail = f"no +Inf bucket among {named}; does the selector restrict `le`?"
    return Missing(reason=MissingReason.BAD_QUERY, detail=detail) if detail else None
