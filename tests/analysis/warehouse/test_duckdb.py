"""DuckDB over files, and over a database of its own."""

from collections.abc import Sequence
from pathlib import Path

import duckdb
import pytest

from tests.analysis.warehouse.contract import WarehouseContract
from tests.analysis.warehouse.data import Event, Exposure, tables, write_csv, write_parquet


class TestParquet(WarehouseContract):
    """One file per table."""

    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> None:
        self.folder = tmp_path

    def put(self, exposures: Sequence[Exposure], events: Sequence[Event]) -> str:
        write_parquet(self.folder, exposures, events)
        return str(self.folder)


@pytest.mark.slow
class TestSeveralParquetFiles(TestParquet):
    """A folder of files per table."""

    def put(self, exposures: Sequence[Exposure], events: Sequence[Event]) -> str:
        write_parquet(self.folder, exposures, events, files=3)
        return str(self.folder)


@pytest.mark.slow
class TestCsv(TestParquet):
    """One file per table, everything text."""

    def put(self, exposures: Sequence[Exposure], events: Sequence[Event]) -> str:
        write_csv(self.folder, exposures, events)
        return str(self.folder)


@pytest.mark.slow
class TestDatabase(TestParquet):
    """A file that DuckDB wrote; it is only read."""

    def put(self, exposures: Sequence[Exposure], events: Sequence[Event]) -> str:
        path = self.folder / "shop.duckdb"
        with duckdb.connect(path) as connection:
            for name, table in tables(exposures, events).items():
                connection.register("rows", table)
                connection.execute(f"CREATE TABLE {name} AS FROM rows")
        path.chmod(0o444)
        return f"duckdb://{path}"
