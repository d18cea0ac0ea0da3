"""Rows of a replay on stdout, one by one as they come, so that any number of runs can be printed."""

import csv
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import TYPE_CHECKING

from engine.cli.replaying import Form
from engine.core.numbers import clock_time

if TYPE_CHECKING:
    from analysis.replay import Row
    from engine.redeciding import Again

SCHEMA = "rampwise.dev/replay/v1"
COLUMNS = ("run", "outcome", "decided_at", "windows", "treatment_total", "rule")
DIFFERENCES = ("seq", "at", "what", "recorded", "again")
_LOOKED_AT = 500
"""Rows of which a table's columns get their width; a wider cell later moves its own row only."""

_Row = Mapping[str, str | int | float]


def put_rows(form: Form, rows: "Iterable[Row]") -> None:
    """Print the rows of runs in the form asked for."""
    _PRINTERS[form]("runs", COLUMNS, map(_of_run, rows))


def put_differences(form: Form, found: "Iterable[Again]") -> None:
    """Print what a run's log says otherwise; a table only if there is anything."""
    _PRINTERS[form]("differences", DIFFERENCES, map(_of_event, found))


def _of_run(row: "Row") -> _Row:
    total = row.treatment_total
    return {
        "run": row.run,
        "outcome": row.outcome.value,
        "decided_at": row.decided_at,
        "windows": row.windows,
        "treatment_total": int(total) if total.is_integer() else total,
        "rule": row.rule.value,
    }


def _of_event(each: "Again") -> _Row:
    return {
        "seq": each.seq,
        "at": clock_time(each.at_s),
        "what": each.what,
        "recorded": each.recorded,
        "again": each.again,
    }


def _put_csv(_: str, columns: Sequence[str], rows: Iterator[_Row]) -> None:
    rows = _begun(rows)
    writer = csv.DictWriter(sys.stdout, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)


def _put_json(name: str, _: Sequence[str], rows: Iterator[_Row]) -> None:
    """One object with its schema and all rows, a line each."""
    rows = _begun(rows)
    sys.stdout.write(f'{{"schema": "{SCHEMA}", "{name}": [')
    for place, row in enumerate(rows):
        sys.stdout.write(f"{',' if place else ''}\n  {json.dumps(row, ensure_ascii=False)}")
    sys.stdout.write("\n]}\n")


def _begun(rows: Iterator[_Row]) -> Iterator[_Row]:
    """The same rows, the first one made: what is wrong with a file is known before anything is written."""
    return chain(list(islice(rows, 1)), rows)


def _put_table(_: str, columns: Sequence[str], rows: Iterator[_Row]) -> None:
    first = list(islice(rows, _LOOKED_AT))
    if not first:
        return
    widths = {name: max([len(name), *(len(str(row[name])) for row in first)]) for name in columns}
    _put_line({name: name.upper() for name in columns}, first[0], widths)
    for row in chain(first, rows):
        _put_line(row, row, widths)


def _put_line(cells: _Row, like: _Row, widths: Mapping[str, int]) -> None:
    """One line; columns of numbers, as in the row `like`, are flush right."""
    line = [
        f"{cell:<{widths[name]}}" if isinstance(like[name], str) else f"{cell:>{widths[name]}}"
        for name, cell in cells.items()
    ]
    sys.stdout.write("  ".join(line).rstrip() + "\n")


_PRINTERS: Mapping[Form, Callable[[str, Sequence[str], Iterator[_Row]], None]] = {
    Form.CSV: _put_csv,
    Form.JSON: _put_json,
    Form.TABLE: _put_table,
}
