"""A real Spark session, whose own time zone is far from UTC."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyspark.sql
import pytest

from tests.analysis.warehouse.contract import WarehouseContract
from tests.analysis.warehouse.data import Event, Exposure
from tests.analysis.warehouse.spark import session, write_spark

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),  # Spark's own, one per look
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="module")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[pyspark.sql.SparkSession]:
    with session(tmp_path_factory.mktemp("spark")) as running:
        yield running


class TestSpark(WarehouseContract):
    """Views of files; the session goes on after a look."""

    @pytest.fixture(autouse=True)
    def _session(self, spark: pyspark.sql.SparkSession, tmp_path: Path) -> None:
        self.spark, self.folder = spark, tmp_path

    def put(self, exposures: Sequence[Exposure], events: Sequence[Event]) -> str:
        write_spark(self.spark, self.folder, exposures, events)
        return "pyspark://"
