"""Connections to query engines through Ibis, as narrow as a look at tables allows: bounded, and in UTC."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.types as ir

from analysis.warehouse.address import PASSWORD_VARIABLE, Address, Engine, address_of
from analysis.warehouse.errors import WarehouseError, told

_MEMORY_BYTES = 3 * 2**30
"""What DuckDB may use; it takes up to a quarter more than it is told, and 4 GiB is the most we want."""
_DRIVERS = {
    Engine.FILES: ("duckdb", "rampwise[warehouse]"),
    Engine.DUCKDB: ("duckdb", "rampwise[warehouse]"),
    Engine.POSTGRESQL: ("psycopg", "rampwise[warehouse]"),
    Engine.SPARK: ("pyspark", "rampwise[spark]"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Warehouse:
    """An open connection.

    Attributes:
        where: its address, for messages. kept: drops what was kept in it.
    """

    backend: Any
    address: Address
    where: str
    kept: ExitStack

    @property
    def wide_sums(self) -> bool:
        """DuckDB sums into 128 bits, PostgreSQL into a numeric; others are not trusted to."""
        return self.address.engine in {Engine.FILES, Engine.DUCKDB, Engine.POSTGRESQL}

    @property
    def is_duckdb(self) -> bool:
        """Whether DuckDB's own functions are there."""
        return self.address.engine in {Engine.FILES, Engine.DUCKDB}

    def keep(self, table: ir.Table) -> ir.Table:
        """The table, computed now and only once; it is gone with the connection."""
        with told(self.where):
            return self.kept.enter_context(table.cache())

    @contextmanager
    def briefly(self) -> Iterator["Warehouse"]:
        """For tables that are only needed in a block: DuckDB's memory, which we bound, is free again then."""
        if not self.is_duckdb:
            yield self
            return
        with ExitStack() as kept:
            yield replace(self, kept=kept)

    def tables(self, schema: str | None) -> list[str]:
        """Names of all tables there, or of those of a schema."""
        with told(self.where):
            return list(self.backend.list_tables(database=schema))

    def rows(self, table: ir.Table) -> list[dict[str, Any]]:
        """Brings rows here; only ever aggregates."""
        with told(self.where):
            rows: list[dict[str, Any]] = self.backend.to_pyarrow(table).to_pylist()
        return rows

    def row(self, table: ir.Table) -> dict[str, Any]:
        """The only row."""
        (row,) = self.rows(table)
        return row


@contextmanager
def connected(warehouse: str) -> Iterator[Warehouse]:
    """A connection for the length of a block. WarehouseError or Unreachable when there is none."""
    address = address_of(warehouse)
    _need_driver(address)
    with ExitStack() as closing:
        with told(warehouse):
            backend = _open(address, closing)
        kept = closing.enter_context(ExitStack())
        yield Warehouse(backend=backend, address=address, where=warehouse, kept=kept)


def _need_driver(address: Address) -> None:
    module, package = _DRIVERS.get(address.engine, ("ibis", "rampwise[warehouse]"))
    if find_spec(module) is None:
        raise WarehouseError(
            f"{address.scheme or 'files'}: needs `{module}`, which is not installed; "
            f"type: pip install '{package}'"
        )


def _open(address: Address, closing: ExitStack) -> Any:
    match address.engine:
        case Engine.FILES | Engine.DUCKDB:
            return _duckdb(address, closing)
        case Engine.POSTGRESQL:
            backend = ibis.connect(address.place)  # its client reads PGPASSWORD
        case Engine.SPARK:
            return _spark(address, closing)
        case Engine.OTHER:
            backend = _other(address)
    closing.callback(backend.disconnect)
    return backend


def _duckdb(address: Address, closing: ExitStack) -> Any:
    scratch = closing.enter_context(tempfile.TemporaryDirectory(prefix="rampwise-warehouse-"))
    physical = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    backend = ibis.duckdb.connect(
        ":memory:" if address.engine is Engine.FILES else address.place,
        read_only=address.engine is Engine.DUCKDB,
        memory_limit=f"{min(_MEMORY_BYTES, physical * 3 // 5)}B",
        temp_directory=str(Path(scratch) / "spilled"),
        preserve_insertion_order=False,
        autoinstall_known_extensions=False,
    )
    closing.callback(backend.disconnect)
    for setting in (
        "SET enable_progress_bar = false",  # it would be drawn on stdout, which is for data
        # Every join here has its smaller side on the right; by its guesses DuckDB keeps all events in memory.
        "SET disabled_optimizers = 'join_order,build_side_probe_side'",
    ):
        backend.con.execute(setting)
    return backend


def _spark(address: Address, closing: ExitStack) -> Any:
    """A session that runs already is used, and left running."""
    from pyspark.sql import SparkSession  # noqa: PLC0415 (an extra of its own)

    running = SparkSession.getActiveSession()
    if running is not None:
        return ibis.pyspark.connect(running)
    backend = ibis.connect(address.place)
    closing.callback(backend.disconnect)
    return backend


def _other(address: Address) -> Any:
    password = os.environ.get(PASSWORD_VARIABLE)
    try:
        return ibis.connect(address.place, **({"password": password} if password else {}))
    except (ModuleNotFoundError, ValueError) as fault:
        raise WarehouseError(
            f"{address.scheme}: {fault}; type: pip install 'ibis-framework[{address.scheme}]', "
            "or use a directory of Parquet files"
        ) from fault
