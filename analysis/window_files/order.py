"""Puts the rows of a file in order of run and time, on disk, and says which rows make up the next block."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.window_files.staging import Staged

_PAGE = 10_000
"""Runs that are planned at once."""

Rows = dict[str, NDArray[Any]]
"""Rows in order by column: row (of the file, from 0), end_s, metric, variant, and numbers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ordered:
    """Where the rows are in order, and a table `runs` with every run's `run`, `rows` and `windows`.

    Attributes:
        table: rows of a run are together in it, in order of time, and runs in that of their first rows.
        run, row: columns of the table that tell runs apart and that say which row of the file it is.
    """

    staged: Staged
    table: str
    run: str
    row: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Consecutive whole runs of an ordered table.

    Attributes:
        runs: their names. rows: how many rows each has.
        start: the first row.
        longest: windows of the longest run.
    """

    runs: tuple[str, ...]
    rows: tuple[int, ...]
    start: int
    longest: int

    @property
    def stop(self) -> int:
        """The row after the last."""
        return self.start + sum(self.rows)


def put_in_order(staged: Staged) -> Ordered:
    """Sorts the staged rows, unless the file has them in order, as most have."""
    staged.connection.execute(
        "CREATE TEMP TABLE named AS SELECT run, min(rowid) AS first FROM raw GROUP BY run"
    )
    ordered = (
        Ordered(staged=staged, table="raw", run="run", row="rowid") if _in_order(staged) else _sorted(staged)
    )
    run = ordered.run
    staged.connection.execute(
        f"CREATE TEMP TABLE runs AS SELECT named.run, rows, windows FROM named JOIN ("  # noqa: S608
        f"SELECT {run}, count(*) AS rows, count(*) FILTER (opens) AS windows FROM ("
        f"SELECT {run}, {_opens(run)} AS opens "
        f"FROM {ordered.table}) GROUP BY {run}) USING ({run}) ORDER BY first"
    )
    return ordered


def _in_order(staged: Staged) -> bool:
    """Whether every run's rows are together and none is earlier than the one before it."""
    found = staged.connection.execute(
        "SELECT count(*) FILTER (new) = (SELECT count(*) FROM named) "
        "AND NOT coalesce(bool_or(earlier), false) "
        "FROM (SELECT coalesce(run <> lag(run) OVER (), true) AS new, "
        "run = lag(run) OVER () AND end_s < lag(end_s) OVER () AS earlier FROM raw)"
    ).fetchone()
    return bool(found and found[0])


def _sorted(staged: Staged) -> Ordered:
    """Sorts by run and time; the row breaks ties, so that a window's first row is its first in the file."""
    numbers = "".join(f', "{name}"' for name in staged.numbers)
    staged.connection.execute(
        "CREATE TEMP TABLE sorted AS "  # noqa: S608
        f"SELECT first, end_s, end_text, raw.rowid AS row, metric, variant{numbers} "
        "FROM raw JOIN named USING (run) ORDER BY first, end_s, row"
    )
    staged.connection.execute("DROP TABLE raw")
    return Ordered(staged=staged, table="sorted", run="first", row="row")


def stretches(ordered: Ordered, max_windows: int) -> Iterator[Stretch]:
    """The file's runs in stretches of which the longest run times their number is within `max_windows`.

    A run that is longer by itself is a stretch of its own.
    """
    names: list[str] = []
    sizes: list[int] = []
    start = longest = 0
    for name, rows, windows in _runs(ordered):
        if names and (len(names) + 1) * max(longest, windows) > max_windows:
            stretch = Stretch(runs=tuple(names), rows=tuple(sizes), start=start, longest=longest)
            yield stretch
            names, sizes, start, longest = [], [], stretch.stop, 0
        names.append(name)
        sizes.append(rows)
        longest = max(longest, windows)
    if names:
        yield Stretch(runs=tuple(names), rows=tuple(sizes), start=start, longest=longest)


def _runs(ordered: Ordered) -> Iterator[tuple[str, int, int]]:
    """Name, rows and windows of every run, a page at a time, as a cursor would hold all of them."""
    start = 0
    while page := ordered.staged.connection.execute(
        "SELECT run, rows, windows FROM runs WHERE rowid >= ? AND rowid < ?", [start, start + _PAGE]
    ).fetchall():
        yield from page
        start += _PAGE


def fetch(ordered: Ordered, stretch: Stretch) -> Rows:
    """The rows of a stretch; empty cells are NaN. DuckDB keeps the order of insertion."""
    numbers = "".join(f', coalesce("{name}", \'nan\'::DOUBLE) AS "{name}"' for name in ordered.staged.numbers)
    return ordered.staged.connection.execute(
        f"SELECT {ordered.row} AS row, end_s, metric, variant{numbers} FROM {ordered.table} "  # noqa: S608
        "WHERE rowid >= ? AND rowid < ?",
        [stretch.start, stretch.stop],
    ).fetchnumpy()


def window_ends(ordered: Ordered, stretch: Stretch) -> list[str]:
    """The ends of all windows of a stretch, as their first rows write them."""
    found = ordered.staged.connection.execute(
        f"SELECT end_text FROM {ordered.table} WHERE rowid >= ? AND rowid < ? QUALIFY {_opens(ordered.run)}",  # noqa: S608
        [stretch.start, stretch.stop],
    ).fetchnumpy()
    texts: list[str] = found["end_text"].tolist()
    return texts


def _opens(run: str) -> str:
    """SQL of whether a row is the first of its window, in a table that is in order."""
    return f"coalesce({run} <> lag({run}) OVER () OR end_s <> lag(end_s) OVER (), true)"


def first_windows(
    rows: Rows, stretch: Stretch
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.intp]]:
    """Per row its run and its window within the run, both from 0, and the first row of every window."""
    run = np.repeat(np.arange(len(stretch.rows)), stretch.rows)
    new_run = np.diff(run, prepend=-1) != 0
    opens = new_run | (np.diff(rows["end_s"], prepend=np.nan) != 0)
    window = np.cumsum(opens) - 1
    return run, window - window[new_run][run], np.flatnonzero(opens)
