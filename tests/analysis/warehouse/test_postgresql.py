"""A real PostgreSQL server."""

from collections.abc import Iterator, Sequence

import pytest

from tests.analysis.warehouse.contract import WarehouseContract
from tests.analysis.warehouse.data import Event, Exposure
from tests.analysis.warehouse.postgres import write_postgresql
from tests.postgresql import new_database, server

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    with server() as url:
        yield new_database(url, "shop")


class TestPostgresql(WarehouseContract):
    """Times with a time zone, amounts as numeric."""

    @pytest.fixture(autouse=True)
    def _database(self, database: str) -> None:
        self.url = database

    def put(self, exposures: Sequence[Exposure], events: Sequence[Event]) -> str:
        write_postgresql(self.url, exposures, events)
        return self.url.replace("postgresql://", "postgres://")
