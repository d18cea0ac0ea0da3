"""The fake and a real Prometheus keep the same contract."""

from collections.abc import Iterator

import pytest

from analysis.sources.fake import FakeOptions, FakeSource
from analysis.sources.prometheus import PrometheusOptions, PrometheusSource
from engine.core.measure import Missing, MissingReason
from tests.analysis.sources.servers import free_port, prometheus_with
from tests.contracts.source_contract import SourceContract, history


class TestFakeSource(SourceContract):
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
class TestPrometheusSource(SourceContract):
    @pytest.fixture
    def source(self, prometheus_url: str) -> PrometheusSource:
        return PrometheusSource(PrometheusOptions(url=prometheus_url))

    @pytest.fixture
    def broken(self) -> PrometheusSource:
        return PrometheusSource(PrometheusOptions(url=f"http://127.0.0.1:{free_port()}"))
