"""A past of six pods is read from a real Prometheus pod by pod, and counts are exactly those stored."""

import json
from collections.abc import Iterator

import numpy as np
import pytest

from analysis.calibration import aa_runs_of_pods, calibrate
from analysis.sources.prometheus import PrometheusSource
from engine import plugins
from engine.calibrating import read_pods, source_of, without_unmeasured
from engine.core.model import Arm, Experiment, Metric, MetricKind, PluginChoice, Selector
from engine.core.plan import Plan, Step
from engine.errors import Unreachable, UsageError
from engine.testing.sources import Scrape
from tests.analysis.sources.servers import free_port, prometheus_with
from tests.builders import NOW_S, a_metric, an_experiment
from tests.cli.desk import EXPERIMENT, Desk, Entry

pytestmark = pytest.mark.slow

PODS = 6
SECONDS = 400
LATE, LATE_FROM_S = 5, 150
BUCKETS = ("0.1", "0.5", "+Inf")
ERRORS = a_metric(dispersion=None)
LATENCY = a_metric(
    name="latency",
    kind=MetricKind.DISTRIBUTION,
    bad=None,
    total=None,
    buckets=Selector(name="seconds_bucket"),
    slo_s=0.5,
    dispersion=None,
)


class Stored:
    """What six pods of v1 counted in every second, and one of v2 that is none of theirs."""

    def __init__(self) -> None:
        rng = np.random.default_rng(11)
        self.total = rng.poisson(50, (PODS, SECONDS))
        self.bad = rng.binomial(self.total, 0.02)
        fast = rng.binomial(self.total, 0.6)
        self.buckets = np.stack([fast, fast + rng.binomial(self.total - fast, 0.9), self.total], axis=-1)

    def scrapes(self) -> Iterator[Scrape]:
        sums = [values.cumsum(axis=1) for values in (self.total, self.bad, self.buckets)]
        for second in range(SECONDS):
            for pod in range(PODS):
                if pod != LATE or second >= LATE_FROM_S:
                    total, bad, buckets = (values[pod, second] for values in sums)
                    yield from self._pod(NOW_S + second, "v1", f"v1-{pod}", (total, bad, buckets))
            yield from self._pod(NOW_S + second, "v2", "v2-0", (second, second, [second] * 3))

    def _pod(self, at_s: float, version: str, pod: str, values: tuple) -> Iterator[Scrape]:
        labels = {"version": version, "pod": pod, "job": "shop", "instance": f"{pod}:80", "router": "edge"}
        total, bad, buckets = values
        yield Scrape(at_s, "requests_total", labels, total)
        yield Scrape(at_s, "errors_total", labels, bad)
        for le, count in zip(BUCKETS, buckets, strict=True):
            yield Scrape(at_s, "seconds_bucket", {**labels, "le": le}, count)


@pytest.fixture(scope="module")
def stored() -> Stored:
    return Stored()


@pytest.fixture(scope="module")
def url(stored: Stored, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with prometheus_with(
        sorted(stored.scrapes(), key=lambda one: one.name), tmp_path_factory.mktemp("p")
    ) as url:
        yield url


def template(*metrics: Metric, url: str) -> Experiment:
    return an_experiment(
        metrics=metrics,
        interval_s=1.0,
        plan=Plan(strategy="canary", steps=(Step(weight_pct=50, hold_s=50, floor=100),)),
        source=PluginChoice(name="prometheus", options={"url": url}),
    )


def read(experiment: Experiment, label: str | None = None):
    return read_pods(
        experiment,
        source_of(experiment, None),
        start_s=NOW_S,
        end_s=NOW_S + SECONDS - 1,
        label=label,
        tell=lambda _: None,
    )


def test_every_request_of_every_pod_is_counted_once(url: str, stored: Stored) -> None:
    pods = read(template(ERRORS, LATENCY, url=url))
    assert pods.pods == tuple(f"v1-{index}" for index in range(PODS))
    assert pods.label == "pod"
    errors, latency = pods.metrics["errors"], pods.metrics["latency"]
    # The first scrape is only a baseline, so the window that ends with the next one is the first counted.
    for pod in range(PODS - 1):
        assert errors.values["total"][pod].tolist() == stored.total[pod, 1:].tolist()
        assert errors.values["bad"][pod].tolist() == stored.bad[pod, 1:].tolist()
        cumulative = latency.values["counts"][pod].cumsum(axis=-1)
        assert (cumulative == stored.buckets[pod, 1:]).all()
    assert latency.bounds == (0.1, 0.5)


def test_a_pod_that_came_later_serves_from_then_on(url: str, stored: Stored) -> None:
    total = read(template(ERRORS, url=url)).metrics["errors"].values["total"][LATE]
    assert np.isnan(total[: LATE_FROM_S - 2]).all()
    assert total[LATE_FROM_S:].tolist() == stored.total[LATE, LATE_FROM_S + 1 :].tolist()


def test_a_template_is_calibrated_on_pods(url: str) -> None:
    experiment = template(ERRORS, LATENCY, url=url)
    past = aa_runs_of_pods(read(experiment), experiment, 50, splits=4, seed=1)
    experiment, unmeasured = without_unmeasured(experiment, past)
    found = calibrate(experiment, past, seed=1, tell=lambda _: None)
    assert unmeasured == ()
    assert past.pods == 2
    assert past.independent == 7
    assert not found.is_off
    dispersions = {metric.name: metric.known.value for metric in found.metrics if metric.known}
    assert dispersions.keys() == {"errors", "latency"}
    assert all(1.0 <= value < 1.6 for value in dispersions.values())


def test_a_gauge_has_no_pods_and_is_left_out(url: str) -> None:
    memory = a_metric(
        name="memory", kind=MetricKind.GAUGE, bad=None, total=None, expression="memory_bytes", weight=0.5
    )
    experiment = template(ERRORS, memory, url=url)
    past = aa_runs_of_pods(read(experiment), experiment, 50, splits=1, seed=1)
    kept, unmeasured = without_unmeasured(experiment, past)
    assert unmeasured == ("memory",)
    assert kept.metrics == (ERRORS,)


def test_a_label_of_one_value_splits_nothing(url: str) -> None:
    with pytest.raises(
        UsageError, match=r"at most one value of the label 'router'.*--split-by.*--history FILE"
    ):
        read(template(ERRORS, url=url), label="router")


def test_a_service_without_series_splits_nothing(url: str) -> None:
    gone = a_metric(arm_labels={Arm.CONTROL: {"version": "v9"}, Arm.TREATMENT: {"version": "v2"}})
    with pytest.raises(UsageError, match="at most one value of the label 'pod' or 'instance'"):
        read(template(gone, url=url))


def test_a_server_that_is_not_there_is_said() -> None:
    with pytest.raises(Unreachable, match=r"the pods cannot be read: .* cannot be reached"):
        read(template(ERRORS, url=f"http://127.0.0.1:{free_port()}"))


def test_the_command_reads_the_past_itself(url: str, desk: Desk) -> None:
    text = EXPERIMENT.replace("interval: 10s", "interval: 1s")
    desk.clock.at_s = NOW_S + SECONDS + 60
    desk.more_entries[plugins.SOURCES] = [Entry("prometheus", PrometheusSource)]
    result = desk.call(
        *("calibrate", desk.file(text), "--prometheus", url, "--since", f"{SECONDS}s"),
        *("--run-length", "50s", "-o", "json"),
    )
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["pods"] == 2
    assert found["as_written"]["false_rollback"]["independent"] == 7
    assert "pod v1-0 (1 of 6)" in result.stderr
