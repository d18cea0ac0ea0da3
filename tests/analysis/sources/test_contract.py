"""The fake and a real Prometheus keep the same contract."""

from collections.abc import Iterator

import pytest

from analysis.sources.fake import FakeOptions, FakeSource
from analysis.sources.prometheus import PrometheusOptions, PrometheusSource
from engine.core.measure import Missing, MissingReason
from engine.ports import MetricSource
from engine.testing.sources import LATENCY, METRICS, NOW_S, SourceContract, history, windows
from tests.analysis.sources.servers import free_port, prometheus_with


class CountingContract(SourceContract):
    """What sources that count with `read_windows` say in the same words."""

    def test_queries_say_what_was_counted(self, source: MetricSource) -> None:
        batch = source.read((LATENCY,), windows(0, 2), {})
        assert [(query.metric, query.at_s) for query in batch.queries] == [("latency", NOW_S + 30)]
        assert "seconds_bucket" in batch.queries[0].query
        assert batch.queries[0].outcome == "2 series, 20 samples, control 200, treatment 20 in the last 30 s"

    def test_a_place_that_cannot_be_read_is_trouble(self, source: MetricSource) -> None:
        batch = source.read(METRICS, windows(0, 1), {"tracks": "?"})
        assert batch.trouble is not None
        assert batch.trouble.reason is MissingReason.SOURCE_ERROR


class TestFakeSource(CountingContract):
    @pytest.fixture
    def source(self) -> FakeSource:
        source = FakeSource(FakeOptions())
        for at_s, name, labels, value in history():
            source.scrape(at_s, name, labels, value)
        return source

    @pytest.fixture
    def broken(self) -> FakeSource:
        source = FakeSource(FakeOptions())
        source.trouble = Missing(reason=MissingReason.SOURCE_DOWN, detail="unplugged")
        return source


@pytest.fixture(scope="module")
def prometheus_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with prometheus_with(history(), tmp_path_factory.mktemp("prometheus")) as url:
        yield url


@pytest.mark.slow
class TestPrometheusSource(CountingContract):
    @pytest.fixture
    def source(self, prometheus_url: str) -> PrometheusSource:
        return PrometheusSource(PrometheusOptions(url=prometheus_url))

    @pytest.fixture
    def broken(self) -> PrometheusSource:
        return PrometheusSource(PrometheusOptions(url=f"http://127.0.0.1:{free_port()}"))
