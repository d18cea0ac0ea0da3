"""Loads a file into a table of typed rows on disk, and refuses wrong rows before anything is made of them."""

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import duckdb

from analysis.window_files.errors import (
    MissingColumnError,
    Place,
    UnknownNameError,
    WindowFileError,
)
from analysis.window_files.layout import NEEDED, WEIGHT, Check, Layout, checks_of, weight_checks
from analysis.window_files.source import Source, telling

_LATEST_EPOCH_S = 1e11
"""About the year 5000; larger numbers are milliseconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Staged:
    """A file in the table `raw`, whose rowid is the row of the file, from 0.

    Attributes:
        values: columns of numbers that the file has and a metric may use; `raw` has these too.
        weighted: whether the file says weights.
    """

    connection: duckdb.DuckDBPyConnection
    source: Source
    layout: Layout
    values: tuple[str, ...]
    weighted: bool

    @property
    def numbers(self) -> tuple[str, ...]:
        """All columns of numbers in `raw`."""
        return (*self.values, WEIGHT) if self.weighted else self.values

    def place(self, row: int) -> Place:
        """Where a row is, in the file's own words."""
        names = ("run", "window_end", "metric", "variant")
        cells = {name: self.cell(name, row) for name in names if name in self.source.columns}
        only = self.layout.metrics[0]
        return Place(path=self.source.path, row=row + 1, **{"run": "", "metric": only, **cells})

    def cell(self, name: str, row: int) -> str:
        """A cell's text as the file has it, empty where it is."""
        found = self.connection.execute(
            f"SELECT {self.source.cell(name)} FROM {self.source.relation} LIMIT 1 OFFSET {row}",  # noqa: S608
            [self.source.pattern],
        ).fetchone()
        return (found and found[0]) or ""


def stage(connection: duckdb.DuckDBPyConnection, source: Source, layout: Layout) -> Staged:
    """Loads the file and checks every row by itself.

    Raises:
        WindowFileError: something is wrong with the file, see `analysis.window_files.errors`.
    """
    _refuse_without_keys(source, layout)
    staged = Staged(
        connection=connection,
        source=source,
        layout=layout,
        values=tuple(name for name in layout.values if name in source.columns),
        weighted=WEIGHT in source.columns,
    )
    with telling(source.path):
        _load(staged)
    _refuse_unknown(staged)
    _refuse_without_values(staged)
    _refuse_wrong_rows(staged)
    return staged


def _refuse_without_keys(source: Source, layout: Layout) -> None:
    found = f"its columns are {', '.join(source.columns)}"
    for name, says in (("window_end", "when each window ended"), ("variant", "whose each row is")):
        if name not in source.columns:
            msg = f"{source.path}: no column {name!r}, which says {says}; {found}"
            raise MissingColumnError(msg)
    if "metric" not in source.columns and len(layout.metrics) != 1:
        msg = (
            f"{source.path}: no column 'metric', which may be left out only if the experiment measures one; "
            f"it measures {', '.join(layout.metrics) or 'nothing'}; {found}"
        )
        raise MissingColumnError(msg)


def _load(staged: Staged) -> None:
    try:
        _load_from(staged, staged.source.with_numbers(staged.numbers))
    except duckdb.Error:
        # A cell is no number, perhaps: as text, it can be told which.
        _load_from(staged, staged.source)


def _load_from(staged: Staged, source: Source) -> None:
    layout = staged.layout
    columns = [
        f"coalesce({source.cell('run')}, '') AS run" if "run" in source.columns else "'' AS run",
        f"{source.cell('window_end')} AS end_text",
        f"{_epoch_s(source.cell('window_end'))} AS end_s",
        f"{_position(source, 'metric') if 'metric' in source.columns else 0} AS metric",
        f"{_position(source, 'variant')} AS variant",
        *(
            f'{source.bound(name) if name == "le" else source.number(name)} AS "{name}"'
            for name in staged.numbers
        ),
    ]
    parameters: list[object] = [list(layout.variants), source.pattern]
    if "metric" in source.columns:
        parameters.insert(0, list(layout.metrics))
    statement = f"CREATE TEMP TABLE raw AS SELECT {', '.join(columns)} FROM {source.relation}"  # noqa: S608
    staged.connection.execute(statement, parameters)


def _position(source: Source, name: str) -> str:
    """SQL of a name's place in a list that is a parameter; NULL if it is not in it."""
    return f"(list_position(?::VARCHAR[], {source.cell(name)}) - 1)::USMALLINT"


def _epoch_s(text: str) -> str:
    """SQL of a time's epoch seconds; NULL if it is none. Without a zone it is UTC, the session's."""
    return (
        f"CASE WHEN {text} LIKE '____-%' THEN epoch(TRY_CAST({text} AS TIMESTAMPTZ)) "
        f"ELSE TRY_CAST({text} AS DOUBLE) END"
    )


def _refuse_unknown(staged: Staged) -> None:
    layout = staged.layout
    for name, known in (("variant", layout.variants), ("metric", layout.metrics)):
        row = _first(staged, f"{name} IS NULL")
        if row is not None:
            fault = f"the experiment has no such {name}; {_near(staged.cell(name, row), known)}"
            raise UnknownNameError(staged.place(row), fault)


def _near(word: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(word, known, n=1)
    return f"did you mean '{near[0]}'?" if near else f"it has {', '.join(known)}"


def _refuse_without_values(staged: Staged) -> None:
    rows = staged.connection.execute("SELECT DISTINCT metric FROM raw ORDER BY metric").fetchall()
    for (index,) in rows:
        name = staged.layout.metrics[index]
        kind = staged.layout.kinds[name]
        missing = [column for column in NEEDED[kind] if column not in staged.source.columns]
        if missing:
            msg = (
                f"{staged.source.path}: no column {missing[0]!r}; metric '{name}' is a {kind}, which needs "
                f"{' and '.join(NEEDED[kind])}; the columns are {', '.join(staged.source.columns)}; "
                f"add {' and '.join(missing)}"
            )
            raise MissingColumnError(msg)


def _refuse_wrong_rows(staged: Staged) -> None:
    """Raises for the first wrong row of the file; one scan finds the first of every check."""
    checks = list(_checks(staged))
    wanted = ", ".join(f"min(rowid) FILTER (WHERE {condition})" for condition, _ in checks)
    firsts = staged.connection.execute(f"SELECT {wanted} FROM raw").fetchone() or ()  # noqa: S608
    wrong = [(row, check) for row, (_, check) in zip(firsts, checks, strict=True) if row is not None]
    if wrong:
        row, check = min(wrong, key=lambda each: each[0])
        raise _wrong_row(staged, row, check)


def _checks(staged: Staged) -> Iterator[tuple[str, Check]]:
    """Every check with the SQL of the rows that fail it."""
    yield (
        f"end_s IS NULL OR abs(end_s) > {_LATEST_EPOCH_S}",
        Check(column="window_end", wrong="", right="expected an ISO 8601 time or epoch seconds"),
    )
    if staged.weighted:
        yield from ((check.wrong, check) for check in weight_checks())
    for index, kind in enumerate(staged.layout.kinds.values()):
        if all(name in staged.source.columns for name in NEEDED[kind]):
            yield from (
                (f"metric = {index} AND ({check.wrong})", check) for check in checks_of(kind, staged.values)
            )


def _wrong_row(staged: Staged, row: int, check: Check) -> WindowFileError:
    found = staged.cell(check.column, row)
    fault = f"{check.column} is {found or 'empty'}; {check.right}"
    return check.error(staged.place(row), fault)


def _first(staged: Staged, condition: str) -> int | None:
    found = staged.connection.execute(f"SELECT min(rowid) FROM raw WHERE {condition}").fetchone()  # noqa: S608
    return found[0] if found else None
