"""Functions that query engines have, and Ibis has no name for."""

from typing import Any

import ibis
import ibis.expr.types as ir


def _function(name: str, takes: str, gives: str) -> Any:
    """An engine's function of one argument."""

    def called(_argument: Any) -> Any: ...

    return ibis.udf.scalar.builtin(called, name=name, signature=((takes,), gives))


epoch_us = _function("epoch_us", "timestamp", "int64")
"""Microseconds since 1970, of DuckDB."""
unix_micros = _function("unix_micros", "timestamp('UTC')", "int64")
"""Microseconds since 1970, of Spark."""


def fingerprint(column: ir.Column) -> ir.IntegerColumn:
    """Of a value, of DuckDB: a number, which is quicker to compare than a text."""
    found: ir.IntegerColumn = _function("hash", str(column.type().copy(nullable=True)), "uint64")(column)
    return found
