"""The file as a relation of DuckDB: which columns it has, and its cells as SQL.

Nothing of the user's becomes SQL text but a Parquet file's column names, which are quoted: columns of a CSV
go by position, and the path is a parameter.
"""

import csv
import glob
import textwrap
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb

from analysis.window_files.errors import MissingColumnError, UnreadableFileError

_PARQUET_MAGIC = b"PAR1"
_BUFFER_BYTES = 8_000_000
"""Of a CSV at once; several are held."""
_HEADER_LIMIT = 1_000_000
"""Characters; a longer first line is none of column names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of the file: how SQL calls it, and whether its cells are text or doubles, or neither."""

    sql: str
    text: bool = False
    double: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A file that can be queried.

    Attributes:
        path: as given, for messages.
        relation: SQL after FROM; its one parameter is `pattern`.
        columns: by name, in the file's order.
        csv: whether it is one; its cells are text.
    """

    path: Path
    relation: str
    columns: dict[str, Column]
    csv: bool = False

    @property
    def pattern(self) -> str:
        """The path as DuckDB takes it: absolute (never an address), and with wildcards taken literally."""
        return glob.escape(str(self.path.absolute()))

    def with_numbers(self, names: Collection[str]) -> "Source":
        """The same file, whose columns of these names are numbers.

        A CSV is read sooner so, but not at all if such a cell is neither a number nor empty.
        """
        if not self.csv:
            return self
        columns = {
            name: Column(sql=column.sql, double=True) if name in names else column
            for name, column in self.columns.items()
        }
        return replace(self, relation=_csv_relation(columns.values()), columns=columns)

    def cell(self, name: str) -> str:
        """SQL of a cell's text; NULL if it is empty."""
        column = self.columns[name]
        return f"nullif({column.sql}, '')" if column.text else f"CAST({column.sql} AS VARCHAR)"

    def number(self, name: str) -> str:
        """SQL of a cell as a double: NULL if empty, not finite if it is no finite number."""
        if self.columns[name].double:
            return self.columns[name].sql
        return (
            f"CASE WHEN {self._value(name)} IS NULL THEN NULL WHEN isfinite({self._double(name)}) "
            f"THEN {self._double(name)} ELSE 'inf'::DOUBLE END"
        )

    def bound(self, name: str) -> str:
        """SQL of a bucket's bound: NULL if empty, -infinity or no number if unreadable."""
        if self.columns[name].double:
            return self.columns[name].sql
        return (
            f"CASE WHEN {self._value(name)} IS NULL THEN NULL WHEN isnan({self._double(name)}) "
            f"THEN '-inf'::DOUBLE ELSE coalesce({self._double(name)}, '-inf'::DOUBLE) END"
        )

    def _value(self, name: str) -> str:
        return self.cell(name) if self.columns[name].text else self.columns[name].sql

    def _double(self, name: str) -> str:
        return f"TRY_CAST({self._value(name)} AS DOUBLE)"


def open_source(connection: duckdb.DuckDBPyConnection, path: Path) -> Source:
    """Looks at the file's beginning.

    Raises:
        UnreadableFileError: there is no such file, or it is neither CSV nor Parquet.
        MissingColumnError: it has no column names, or two of the same.
    """
    try:
        with path.open("rb") as stream:
            magic = stream.read(len(_PARQUET_MAGIC))
    except OSError as error:
        msg = f"{path}: cannot be read: {error.strerror or error}"
        raise UnreadableFileError(msg) from error
    return _parquet(connection, path) if magic == _PARQUET_MAGIC else _csv(path)


def _parquet(connection: duckdb.DuckDBPyConnection, path: Path) -> Source:
    relation = "read_parquet(?, hive_partitioning=false)"
    source = Source(path=path, relation=relation, columns={})
    with telling(path):
        rows = connection.execute(f"DESCRIBE SELECT * FROM {relation}", [source.pattern]).fetchall()  # noqa: S608
    for name, kind, *_ in rows:
        quoted = '"' + name.replace('"', '""') + '"'
        moment = kind.startswith("TIMESTAMP")
        # A moment has no text of its own; this is how ISO 8601 writes it.
        sql = f"replace(CAST({quoted} AS VARCHAR), ' ', 'T')" if moment else quoted
        source.columns[name] = Column(sql=sql, text=moment or kind == "VARCHAR", double=kind == "DOUBLE")
    return source


def _csv(path: Path) -> Source:
    # Named by position, so that names of the file are never part of a statement.
    columns = {name: Column(sql=f"c{index}", text=True) for index, name in enumerate(_header(path))}
    return Source(path=path, relation=_csv_relation(columns.values()), columns=columns, csv=True)


def _csv_relation(columns: Iterable[Column]) -> str:
    listed = ", ".join(f"'{column.sql}': '{'DOUBLE' if column.double else 'VARCHAR'}'" for column in columns)
    return (
        "read_csv(?, auto_detect=false, header=true, delim=',', quote='\"', escape='\"', "
        f"hive_partitioning=false, buffer_size={_BUFFER_BYTES}, columns={{{listed}}})"
    )


def _header(path: Path) -> list[str]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            line = stream.readline(_HEADER_LIMIT)
            names = [name.strip() for name in next(csv.reader([line]), [])]
    except (UnicodeDecodeError, csv.Error) as error:
        msg = f"{path}: neither Parquet nor CSV in UTF-8: {error}"
        raise UnreadableFileError(msg) from error
    twice = sorted({name for name in names if names.count(name) > 1})
    if not names or twice:
        fault = f"has column {twice[0]!r} twice" if twice else "has no line of column names"
        msg = f"{path}: {fault}; the first line of a CSV names its columns"
        raise MissingColumnError(msg)
    return names


@contextmanager
def telling(path: Path) -> Iterator[None]:
    """Turns errors of DuckDB while it reads a file into what a user can act on."""
    try:
        yield
    except duckdb.Error as error:
        msg = f"{path}: cannot be read: {_found(str(error))}"
        raise UnreadableFileError(msg) from error


def _found(text: str) -> str:
    """What DuckDB found, without its advice about its own options."""
    found = text.split("Possible ", 1)[0].split("LINE 1:", 1)[0]
    return textwrap.shorten(found.removeprefix("Invalid Input Error: "), 300)
