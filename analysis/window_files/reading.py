"""Streams a file of windows as blocks of whole runs, in memory that neither the file nor its runs add to."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import NoReturn

import duckdb
import numpy as np

from analysis.window_files.block import RunBlock
from analysis.window_files.errors import WrongBucketsError, WrongRowError
from analysis.window_files.layout import Layout, layout_of
from analysis.window_files.order import (
    Ordered,
    Stretch,
    fetch,
    first_windows,
    put_in_order,
    stretches,
    window_ends,
)
from analysis.window_files.pivot import grid_of, metric_columns, weights
from analysis.window_files.source import open_source
from analysis.window_files.staging import Staged, stage
from engine.core.model import Experiment, MetricKind

_MEMORY = "192MB"
"""What DuckDB may hold; it puts the rest on disk."""


def read_blocks(path: Path, experiment: Experiment, *, max_windows: int = 32_768) -> Iterator[RunBlock]:
    """The runs of a CSV or Parquet file, in the order of their first rows.

    The file is first loaded into a temporary directory, which takes up to about twice its size on disk, and
    sorted there unless it is in order, which takes three times. What is wrong with a row by itself is found
    then, before the first block; what is wrong with a row beside others (duplicates, buckets, weights) with
    the block where it is.

    Args:
        path: the file; its format is told by its content.
        experiment: whose metrics and variants the rows are of.
        max_windows: runs times windows of the longest of them, at most, in one block; a run that is longer by
            itself is a block of its own.

    Raises:
        WindowFileError: something is wrong with the file, see `analysis.window_files.errors`.
    """
    layout = layout_of(experiment)
    with (
        tempfile.TemporaryDirectory(prefix="rampwise-windows-") as scratch,
        _connection(scratch) as connection,
    ):
        staged = stage(connection, open_source(connection, path), layout)
        bounds = {name: _bounds(staged, index) for index, name in enumerate(layout.metrics)}
        ordered = put_in_order(staged)
        for stretch in stretches(ordered, max_windows):
            yield _block(ordered, stretch, bounds)


@contextmanager
def _connection(scratch: str) -> Iterator[duckdb.DuckDBPyConnection]:
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": _MEMORY,
        "temp_directory": scratch,
        "threads": 1,
        "autoinstall_known_extensions": False,
    }
    with duckdb.connect(config=config) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        # It would be drawn on stdout, which is for data.
        connection.execute("SET enable_progress_bar = false")
        yield connection


def _bounds(staged: Staged, index: int) -> Sequence[float]:
    """Bounds of a metric's buckets, ascending: those of its first row's run, window and variant.

    All others are held against them, so that a file of ever new bounds cannot fill the memory.
    """
    kind = staged.layout.kinds[staged.layout.metrics[index]]
    if kind is not MetricKind.DISTRIBUTION or "le" not in staged.values:
        return ()
    first = staged.connection.execute(
        "SELECT rowid, run, end_s, variant FROM raw WHERE metric = ? AND le IS NOT NULL "
        "ORDER BY rowid LIMIT 1",
        [index],
    ).fetchone()
    if first is None:
        return ()
    row, *key = first
    found = staged.connection.execute(
        "SELECT DISTINCT le FROM raw WHERE metric = ? AND run = ? AND end_s = ? AND variant = ? "
        "AND le IS NOT NULL ORDER BY le",
        [index, *key],
    ).fetchall()
    bounds = [bound for (bound,) in found]
    if not np.isinf(bounds[-1]):
        fault = "no row for le +Inf, the count of all trials; expected one as the last bucket"
        raise WrongBucketsError(staged.place(row), fault)
    return bounds


def _block(ordered: Ordered, stretch: Stretch, bounds: dict[str, Sequence[float]]) -> RunBlock:
    def refuse(error: type[WrongRowError], row: int, fault: str) -> NoReturn:
        raise error(ordered.staged.place(row), fault)

    layout: Layout = ordered.staged.layout
    rows = fetch(ordered, stretch)
    run, window, opens = first_windows(rows, stretch)
    shape = (len(layout.variants), len(stretch.runs), stretch.longest)
    grid = grid_of(rows, run, window, shape, refuse)
    end_s = np.full(shape[1:], np.nan)
    end_s[run[opens], window[opens]] = rows["end_s"][opens]
    lengths = np.bincount(run[opens], minlength=len(stretch.runs))
    texts = iter(window_ends(ordered, stretch))
    return RunBlock(
        runs=stretch.runs,
        window_ends=tuple(tuple(islice(texts, length)) for length in lengths.tolist()),
        end_s=end_s,
        lengths=lengths,
        weights=weights(grid, rows),
        metrics={
            name: metric_columns(grid, rows, index, kind, bounds[name])
            for index, (name, kind) in enumerate(layout.kinds.items())
        },
    )
