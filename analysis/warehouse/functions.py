"""Functions that query engines have, and Ibis has no name for."""

from typing import Any

import ibis


def _function(name: str, takes: str, gives: str) -> Any:
    """An engine's function of one argument."""

    def called(_argument: Any) -> Any: ...

    return ibis.udf.scalar.builtin(called, name=name, signature=((takes,), gives))


epoch_us = _function("epoch_us", "timestamp", "int64")
"""Microseconds since 1970, of DuckDB."""
unix_micros = _function("unix_micros", "timestamp('UTC')", "int64")
"""Microseconds since 1970, of Spark."""
fingerprint = _function("hash", "string", "uint64")
"""Of a text, of DuckDB: a number, which is quicker to compare."""
