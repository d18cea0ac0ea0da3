"""Native histograms and expressions through a real Prometheus."""

import random
from bisect import bisect_left
from collections.abc import Iterator

import pytest

from analysis.sources.history import read_history
from analysis.sources.native import BOUNDS_S
from analysis.sources.prometheus import PrometheusOptions, PrometheusSource
from engine.core.measure import (
    HistogramReading,
    Missing,
    MissingReason,
    MomentsReading,
    Quotient,
    QuotientReading,
    Window,
)
from engine.core.model import Arm, MetricKind, Selector
from tests.analysis.sources.native_histograms import Client, write_histogram, write_value
from tests.analysis.sources.servers import prometheus
from tests.builders import NOW_S, a_metric

pytestmark = pytest.mark.slow

LATENCY = a_metric(
    name="latency",
    kind=MetricKind.DISTRIBUTION,
    bad=None,
    total=None,
    histogram=Selector(name="seconds"),
    slo_s=0.5,
)
MEAN = a_metric(name="mean", kind=MetricKind.MEAN, bad=None, total=None, histogram=Selector(name="seconds"))
MEMORY = a_metric(
    name="memory",
    kind=MetricKind.GAUGE,
    bad=None,
    total=None,
    expression="sum by (version) (memory_bytes) / 2",
)
FLAGS = ("--enable-feature=native-histograms", "--web.enable-remote-write-receiver")
START_S = NOW_S + 0.25
ARMS = {"v1": "a", "v2": "b"}
RESTARTS, COARSER, LAST = 5, 8, 12

Observed = dict[tuple[int, str], list[float]]


def window(index: int) -> Window:
    return Window(index=index, start_s=START_S + 15 * index, end_s=START_S + 15 * index + 15)


def fill(url: str) -> Observed:
    """Scrapes with a restart of v2 and changes of resolution, and what was observed before each."""
    luck = random.Random(7)
    clients = {version: Client(schema=5) for version in ARMS}
    observed: Observed = {}
    for index in range(-1, LAST):
        at_s = START_S + 15 * index + 8
        if index == RESTARTS:
            clients["v2"] = Client(schema=5)
        for version, client in clients.items():
            if index == COARSER:
                client.schema = 2 if version == "v1" else 8
            count = 3 if index == RESTARTS else 40
            observed[index, version] = [luck.lognormvariate(-1.5, 1.2) for _ in range(count)]
            client.observe(*observed[index, version])
            labels = {"version": version, "pod": ARMS[version], "job": "app"}
            write_histogram(url, "seconds", labels, at_s, client)
            write_value(url, "memory_bytes", labels, at_s, 1000.5 * (index + 2))
            write_value(url, "memory_bytes", labels | {"pod": "other"}, at_s, 1)
    return observed


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Observed]]:
    folder = tmp_path_factory.mktemp("prometheus")
    with prometheus(folder, "scrape_configs: []", flags=FLAGS) as url:
        yield url, fill(url)


@pytest.fixture
def source(filled: tuple[str, Observed]) -> PrometheusSource:
    return PrometheusSource(PrometheusOptions(url=filled[0]))


def test_every_observation_is_in_its_bucket_and_window(
    source: PrometheusSource, filled: tuple[str, Observed]
) -> None:
    batch = source.read([LATENCY, MEAN], [window(index) for index in range(LAST)], {})
    for index, readings in enumerate(batch.readings):
        latency, mean = readings["latency"], readings["mean"]
        assert isinstance(latency, HistogramReading), latency
        assert isinstance(mean, MomentsReading), mean
        assert latency.pods == mean.pods == (1, 1)
        for version, histogram, moments in (
            ("v1", latency.control, mean.control),
            ("v2", latency.treatment, mean.treatment),
        ):
            values = filled[1][index, version]
            counts = [0] * (len(BOUNDS_S) + 1)
            for value in values:
                counts[bisect_left([2 ** (k / 4) for k in range(-44, 25)], value)] += 1
            assert (histogram.bounds_s, histogram.counts) == (BOUNDS_S, tuple(counts))
            assert moments.count == len(values)
            assert moments.sum == pytest.approx(sum(values))
            assert moments.sum_sq == pytest.approx(sum(value**2 for value in values), rel=0.25)


def test_restarting_the_engine_changes_no_native_reading(source: PrometheusSource) -> None:
    asked = [window(index) for index in range(LAST)]
    whole = source.read([LATENCY, MEAN], asked, {})
    first = source.read([LATENCY, MEAN], asked[:6], {})
    second = source.read([LATENCY, MEAN], asked[6:], first.cursor)
    assert first.readings + second.readings == whole.readings
    assert second.cursor == whole.cursor


def test_the_past_in_chunks_is_what_a_run_read(source: PrometheusSource) -> None:
    metrics = [LATENCY, MEAN, MEMORY]
    end_s = window(LAST - 1).end_s
    past = read_history(source, metrics, start_s=START_S, end_s=end_s, window_s=15, chunk_s=60)
    at_once = source.read(metrics, [window(index) for index in range(LAST)], {})
    assert [readings for _, readings in past] == list(at_once.readings)


def test_an_expression_is_read_at_the_end_of_every_window(source: PrometheusSource) -> None:
    batch = source.read([MEMORY], [window(index) for index in range(LAST)], {})
    levels = [Quotient(numerator=(1000.5 * (index + 2) + 1) / 2, denominator=1.0) for index in range(LAST)]
    assert [readings["memory"] for readings in batch.readings] == [
        QuotientReading(control=level, treatment=level) for level in levels
    ]
    single = source.read([MEMORY], [window(3)], {})
    assert single.readings[0]["memory"] == batch.readings[3]["memory"]


def test_an_expression_that_is_no_promql_harms_no_other(source: PrometheusSource) -> None:
    broken = a_metric(name="broken", kind=MetricKind.GAUGE, bad=None, total=None, expression="sum by (")
    batch = source.read([LATENCY, broken], [window(0)], {})
    assert batch.trouble is None
    found = batch.readings[0]["broken"]
    assert isinstance(found, Missing)
    assert found.reason is MissingReason.BAD_QUERY
    assert isinstance(batch.readings[0]["latency"], HistogramReading)


def test_an_arm_without_a_native_histogram_is_missing(source: PrometheusSource) -> None:
    gone = a_metric(
        kind=MetricKind.DISTRIBUTION,
        bad=None,
        total=None,
        histogram=Selector(name="seconds"),
        arm_labels={Arm.CONTROL: {"version": "v1"}, Arm.TREATMENT: {"version": "v2", "job": "other"}},
    )
    found = source.read([gone], [window(0)], {}).readings[0]["errors"]
    assert isinstance(found, Missing)
    assert found.reason in {MissingReason.NO_SERIES, MissingReason.FOREIGN_SERIES}
