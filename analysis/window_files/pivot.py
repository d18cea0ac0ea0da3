"""Rows of a stretch of runs to arrays by run, window and variant, and what only shows when rows meet.

Pure: takes rows, gives arrays or the fault it found. Absent values are NaN throughout.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from analysis.window_files.block import Floats, MetricColumns
from analysis.window_files.errors import (
    DuplicateRowError,
    WrongBucketsError,
    WrongRowError,
    WrongWeightError,
)
from analysis.window_files.layout import NEEDED, WEIGHT, columns_of
from analysis.window_files.order import Rows
from engine.core.model import MetricKind

Indices = NDArray[np.int64]
Refuse = Callable[[type[WrongRowError], int, str], NoReturn]
"""Raises an error about a row of the file (counted from 0)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """Where rows go.

    Attributes:
        shape: variants, runs, windows of the longest run.
        cell: per row the flat index into an array of this shape.
        refuse: raises about a row.
    """

    shape: tuple[int, int, int]
    cell: Indices
    refuse: Refuse

    @property
    def size(self) -> int:
        """Number of cells."""
        return int(np.prod(self.shape))


def grid_of(rows: Rows, run: Indices, window: Indices, shape: tuple[int, int, int], refuse: Refuse) -> Grid:
    """The grid of a stretch; `run` and `window` are per row, from 0."""
    _, runs, windows = shape
    cell = (rows["variant"].astype(np.int64) * runs + run) * windows + window
    return Grid(shape=shape, cell=cell, refuse=refuse)


def metric_columns(
    grid: Grid, rows: Rows, index: int, kind: MetricKind, bounds: Sequence[float]
) -> MetricColumns:
    """One metric's arrays.

    Args:
        grid: of the stretch.
        rows: of the stretch.
        index: the metric's in the rows.
        kind: the metric's.
        bounds: of the metric's buckets in this file, ascending, the last one infinite; () if it has none.
    """
    own = np.flatnonzero(rows["metric"] == index)
    if kind is MetricKind.DISTRIBUTION:
        return _buckets(grid, rows, own, np.asarray(bounds or (np.inf,)))
    _refuse_twice(grid, rows, own, grid.cell[own], grid.size)
    columns = {
        name: _scattered(grid.cell[own], rows[name][own], grid.size).reshape(grid.shape)
        if name in rows
        else np.full(grid.shape, np.nan)
        for name in columns_of(kind)
    }
    present = np.logical_and.reduce([~np.isnan(columns[name]) for name in NEEDED[kind]])
    return _by_variant(columns, present)


def weights(grid: Grid, rows: Rows) -> Floats:
    """Planned percent per treatment, shape (runs, windows, treatments), NaN where the file has none.

    With one treatment the control's rows may say the treatment's weight as well; with several they are not
    read. All rows of a window must agree.
    """
    variants, runs, windows = grid.shape
    shape = (variants - 1, runs, windows)
    if WEIGHT not in rows:
        return np.moveaxis(np.full(shape, np.nan), 0, -1)
    given = ~np.isnan(rows[WEIGHT])
    own = np.flatnonzero(given if variants == 2 else given & (rows["variant"] > 0))
    cell = grid.cell[own] - runs * windows * (rows["variant"][own] > 0)
    planned = _scattered(cell, rows[WEIGHT][own], int(np.prod(shape)))
    other = np.flatnonzero(planned[cell] != rows[WEIGHT][own])
    if other.size:
        row = own[other[0]]
        says = f"weight is {rows[WEIGHT][row]:g} here and {planned[cell[other[0]]]:g} in another row"
        grid.refuse(
            WrongWeightError, int(rows["row"][row]), f"{says}; it is the treatment's percent in every row"
        )
    _refuse_more_than_all(grid, rows, planned.reshape(shape))
    return np.moveaxis(planned.reshape(shape), 0, -1)


def _refuse_more_than_all(grid: Grid, rows: Rows, planned: Floats) -> None:
    total = np.nansum(planned, axis=0).ravel()
    over = np.flatnonzero(total[grid.cell % total.size] > 100)
    if over.size:
        row = over[0]
        says = f"the treatments' weights add up to {total[grid.cell[row] % total.size]:g}"
        grid.refuse(WrongWeightError, int(rows["row"][row]), f"{says}; expected at most 100")


def _scattered(cell: Indices, values: Floats, size: int) -> Floats:
    scattered = np.full(size, np.nan)
    scattered[cell] = values
    return scattered


def _by_variant(columns: Mapping[str, Floats], present: NDArray[np.bool_]) -> MetricColumns:
    """Columns of shape (variants, runs, windows, …) taken apart; what is not present is NaN."""
    for values in columns.values():
        values[~present] = np.nan
    control, *treatments = [
        {name: values[variant] for name, values in columns.items()} for variant in range(present.shape[0])
    ]
    return MetricColumns(control=control, treatments=tuple(treatments), present=np.moveaxis(present, 0, -1))


def _refuse_twice(grid: Grid, rows: Rows, own: Indices, place: Indices, places: int) -> None:
    """Raises if two rows have the same place, of so many."""
    if np.bincount(place, minlength=places).max(initial=0) < 2:
        return
    order = np.argsort(place, kind="stable")
    again = order[1:][np.diff(place[order]) == 0]
    late = again[np.argmin(rows["row"][own[again]])]
    early = rows["row"][own[place == place[late]]].min()
    fault = f"the same run, window_end, metric and variant as row {early + 1}; expected each once"
    grid.refuse(DuplicateRowError, int(rows["row"][own[late]]), fault)


def _buckets(grid: Grid, rows: Rows, own: Indices, bounds: Floats) -> MetricColumns:
    if "le" in rows:
        own = own[~np.isnan(rows["le"][own])]
    if not own.size:
        counts = np.full((*grid.shape, bounds.size), np.nan)
        return _distribution(counts, np.zeros(grid.shape, dtype=np.bool_), bounds)
    les = rows["le"][own]
    bucket = np.minimum(np.searchsorted(bounds, les), bounds.size - 1)
    unknown = np.flatnonzero(bounds[bucket] != les)
    if unknown.size:
        fault = f"le {les[unknown[0]]:g} is none of the metric's buckets, which are {_listed(bounds)}"
        grid.refuse(WrongBucketsError, int(rows["row"][own[unknown[0]]]), fault)
    place = grid.cell[own] * bounds.size + bucket
    _refuse_twice(grid, rows, own, place, grid.size * bounds.size)
    _refuse_incomplete(grid, rows, own, bucket, bounds)
    cumulative = _scattered(place, rows["count"][own], grid.size * bounds.size).reshape(*grid.shape, -1)
    present = np.logical_not(np.isnan(cumulative).any(axis=-1))
    counts = np.diff(cumulative, axis=-1, prepend=0.0)
    _refuse_falling(grid, rows, own, bucket, counts)
    return _distribution(counts, present, bounds)


def _distribution(counts: Floats, present: NDArray[np.bool_], bounds: Floats) -> MetricColumns:
    columns = _by_variant({"counts": counts}, present)
    return MetricColumns(
        control=columns.control,
        treatments=columns.treatments,
        present=columns.present,
        bounds=tuple(bounds[:-1].tolist()),
    )


def _refuse_incomplete(grid: Grid, rows: Rows, own: Indices, bucket: Indices, bounds: Floats) -> None:
    """Raises unless every variant and window has either no bucket or all of them."""
    seen = np.bincount(grid.cell[own], minlength=grid.size)[grid.cell[own]]
    short = np.flatnonzero(seen < bounds.size)
    if not short.size:
        return
    row = short[0]
    has = set(bucket[grid.cell[own] == grid.cell[own[row]]].tolist())
    lacking = _listed(bounds[[index for index in range(bounds.size) if index not in has]])
    fault = f"no row for le {lacking}; expected all buckets of the metric: {_listed(bounds)}"
    grid.refuse(WrongBucketsError, int(rows["row"][own[row]]), fault)


def _refuse_falling(grid: Grid, rows: Rows, own: Indices, bucket: Indices, counts: Floats) -> None:
    flat = counts.reshape(grid.size, -1)
    falling = np.flatnonzero(flat[grid.cell[own], bucket] < 0)
    if falling.size:
        row = own[falling[0]]
        fault = (
            f"count is {rows['count'][row]:.0f} up to le {rows['le'][row]:g}, less than below; "
            "counts are cumulative over le"
        )
        grid.refuse(WrongBucketsError, int(rows["row"][row]), fault)


def _listed(bounds: Floats) -> str:
    return ", ".join("+Inf" if np.isinf(bound) else f"{bound:g}" for bound in bounds)
