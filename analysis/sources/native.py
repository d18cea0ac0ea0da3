"""Native histograms on one fixed resolution, whatever resolution the client or server chose.

Buckets of a native histogram end at powers of 2^(2^-schema). All are merged into cells that end at powers of
2^(1/4) (schema 2, 19 % wide), so that windows, pods and arms compare although a client changes its schema.
A histogram that is coarser is refused: nothing here interpolates. Counts only; knows no arms and no windows.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from engine.core.measure import Missing, MissingReason

COUNT = "count"
"""The component with the number of observations; no other shape of counter has it."""
SUM = "sum"
"""The component with the sum of the observations."""
ZERO = "zero"
"""The cell of everything around zero."""

_PER_DOUBLING = 4
_LOWEST, _HIGHEST = -44, 24
_ROUNDING = 1e-6

BOUNDS_S = tuple(float(f"{2 ** (k / _PER_DOUBLING):.4g}") for k in range(_LOWEST, _HIGHEST + 1))
"""Upper bounds of a latency's buckets in seconds, 0.49 ms to 64 s, to the four digits that name them."""

Cells = Mapping[str, int | float]
"""Observations per cell, only where there are any, and `COUNT` and `SUM`: of all time, or increments."""


def parse_native(histogram: Mapping[str, Any], series: str) -> Cells | Missing:
    """One sample of a native histogram as Prometheus' HTTP API writes it.

    Args:
        histogram: `count`, `sum` and `buckets` (rows of boundary rule, lower, upper, count), numbers as text.
        series: whose sample it is, for the detail.

    Raises:
        KeyError, TypeError, ValueError: the answer has another form than Prometheus documents.
    """
    cells: dict[str, int | float] = {}
    for _, lower, upper, count in histogram.get("buckets") or ():
        cell = _cell(str(lower), str(upper))
        if cell is None:
            return _too_coarse(series, str(lower), str(upper))
        cells[cell] = cells.get(cell, 0) + float(count)
    cells[COUNT] = float(histogram["count"])
    for cell, observed in cells.items():
        if not math.isfinite(observed) or observed < 0 or observed != round(observed):
            detail = f"{series} has a bucket with {observed:g} observations; a count is a whole number"
            return Missing(reason=MissingReason.NOT_A_NUMBER, detail=detail)
        cells[cell] = round(observed)
    total = float(histogram["sum"])
    if not math.isfinite(total):
        detail = f"{series} has the sum {histogram['sum']}: it observed something that is no number"
        return Missing(reason=MissingReason.NOT_A_NUMBER, detail=detail)
    return cells | {SUM: total}


def bucket_counts(cells: Cells) -> tuple[int, ...]:
    """Observations per bucket of `BOUNDS_S`, one more entry for those above the last bound."""
    counts = [0] * (len(BOUNDS_S) + 1)
    for cell, count in _only_cells(cells):
        counts[_position(cell)] += round(count)
    return tuple(counts)


def spans(cells: Cells) -> list[tuple[float, float, float]]:
    """Per cell its lower and upper end and the observations in it."""
    return [(*_span(cell), count) for cell, count in _only_cells(cells)]


def nearest_bounds_s(value_s: float, bounds_s: Sequence[float] = BOUNDS_S) -> tuple[float, float]:
    """The two bounds nearest to a value, ascending.

    >>> nearest_bounds_s(0.3)
    (0.25, 0.2973)
    """
    near, next_near = sorted(bounds_s, key=lambda bound_s: abs(bound_s - value_s))[:2]
    return min(near, next_near), max(near, next_near)


def _only_cells(cells: Cells) -> Iterator[tuple[str, int | float]]:
    return ((cell, count) for cell, count in cells.items() if cell not in {COUNT, SUM})


@lru_cache(maxsize=8192)
def _cell(lower: str, upper: str) -> str | None:
    """The cell that holds a whole bucket: its sign and number; None where there is none."""
    low, high = float(lower), float(upper)
    if not (math.isfinite(low) and math.isfinite(high)):
        return None
    if low <= 0 <= high:
        return ZERO if max(-low, high) <= 2 ** (_LOWEST / _PER_DOUBLING) else None
    sign, inner, outer = ("+", low, high) if low > 0 else ("-", -high, -low)
    number = math.ceil(_PER_DOUBLING * math.log2(outer) - _ROUNDING)
    fits = _PER_DOUBLING * math.log2(inner) >= number - 1 - _ROUNDING
    return f"{sign}{number}" if fits else None


def _position(cell: str) -> int:
    if cell == ZERO or cell[0] == "-":
        return 0
    return min(max(int(cell[1:]) - _LOWEST, 0), len(BOUNDS_S))


def _span(cell: str) -> tuple[float, float]:
    if cell == ZERO:
        return 0.0, 0.0
    number = int(cell[1:])
    inner, outer = 2 ** ((number - 1) / _PER_DOUBLING), 2 ** (number / _PER_DOUBLING)
    return (inner, outer) if cell[0] == "+" else (-outer, -inner)


def _too_coarse(series: str, lower: str, upper: str) -> Missing:
    detail = (
        f"{series} has a bucket from {lower} to {upper}, too wide to compare; a native histogram needs"
        " schema 2 or finer (a bucket factor of at most 1.18): allow it more buckets"
    )
    return Missing(reason=MissingReason.BAD_QUERY, detail=detail)
