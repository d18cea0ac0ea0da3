"""What can go wrong between us and a warehouse, told so that it can be mended."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from engine.errors import RampwiseError, Unreachable, UsageError


class WarehouseError(UsageError):
    """The tables cannot be used as they are, or not be reached as asked."""


def missing_table(name: str, where: str, found: list[str]) -> WarehouseError:
    """A table or file is not there."""
    there = f"there are {', '.join(sorted(found)[:20])}" if found else "there are none at all"
    return WarehouseError(
        f"{where}: there is no table `{name}`; {there}. "
        "Name one of them in `data` of the experiment's section `product`."
    )


def missing_column(ours: str, column: str, table: str, found: tuple[str, ...]) -> WarehouseError:
    """A table lacks a column that something needs."""
    return WarehouseError(
        f"{table}: there is no column `{column}` for {ours}; it has {', '.join(found)}. "
        "Name the right one in `data.columns` of the experiment's section `product`."
    )


def no_exposures(table: str, where: str) -> WarehouseError:
    """The table of exposures is empty."""
    return WarehouseError(
        f"{where}: `{table}` has no rows with a unit and a time; nobody was exposed yet, or exposures are "
        "written elsewhere: name their table in `data` of the experiment's section `product`"
    )


def no_events(names: list[str], table: str, where: str) -> WarehouseError:
    """There is not one event that a metric asks for, which is no zero."""
    return WarehouseError(
        f"{where}: `{table}` has no rows of {', '.join(names)} since the first exposure; nothing arrived "
        "yet, or events have other names there: look at the column of names, and at `measure` of the metrics"
    )


@contextmanager
def told(where: str) -> Iterator[None]:
    """Faults of drivers and engines become ours; nothing of them is lost.

    What drivers use that is on its way out elsewhere (Ibis of DuckDB, Spark of pandas) is not ours to mend.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            yield
    except (RampwiseError, KeyboardInterrupt):
        raise
    except Exception as fault:  # Every driver has errors of its own.
        lines = str(fault).strip().splitlines() or [type(fault).__name__]
        raise Unreachable(
            f"{where}: the warehouse gave no answer: {lines[0][:300]}. "
            "Numbers beyond a million million, tables that change their columns, and limits of the server "
            "are usual causes; mend it and look again."
        ) from fault
