"""How many pods the counts come from, and what each counted: only where labels of the series tell."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate

import pytest

from analysis.stats.pod_places import MOST_PODS
from engine.core.measure import Missing, Reading, TrialsReading
from engine.core.model import Metric, MetricKind, Selector
from engine.core.plan import Stage
from tests.analysis.sources.shop import Shop
from tests.builders import a_metric

ERRORS = a_metric()


@pytest.fixture
def shop() -> Shop:
    return Shop()


def put(shop: Shop, version: str, first_s: int = -5, **labels: str) -> None:
    for name in ("errors_total", "requests_total"):
        shop.put(name, version, {at_s: at_s + 100 for at_s in range(first_s, 41, 15)}, **labels)


def pods(shop: Shop, last: int = 0) -> tuple[int, int] | None:
    reading = shop.read(ERRORS, last)[last]
    assert isinstance(reading, TrialsReading), reading
    return reading.pods


def test_pods_are_counted_per_arm_and_once_each(shop: Shop) -> None:
    for pod in "abc":
        put(shop, "v1", pod=pod)
    for code in ("200", "500"):
        put(shop, "v2", pod="d", code=code)
    assert pods(shop) == (3, 1)


def test_instances_of_one_arm_alone_are_pods(shop: Shop) -> None:
    put(shop, "v1", instance="10.0.0.1:80")
    put(shop, "v1", instance="10.0.0.2:80")
    put(shop, "v2", instance="10.0.0.3:80")
    assert pods(shop) == (2, 1)


def test_a_router_that_counts_for_both_is_no_pod(shop: Shop) -> None:
    for version in ("v1", "v2"):
        put(shop, version)
        put(shop, version, instance="router:2")
    assert pods(shop) is None


def test_the_pod_of_a_router_is_not_the_pod_of_a_version(shop: Shop) -> None:
    for version in ("v1", "v2"):
        put(shop, version, pod="router-7f")
    assert pods(shop) is None


def test_series_of_which_some_have_no_pod_do_not_tell(shop: Shop) -> None:
    put(shop, "v1", pod="a")
    put(shop, "v1")
    put(shop, "v2", pod="b")
    assert pods(shop) is None


def test_a_pod_counts_from_the_window_in_which_it_is_scraped(shop: Shop) -> None:
    put(shop, "v1", pod="a")
    put(shop, "v2", pod="b")
    put(shop, "v2", 10, pod="c")
    assert pods(shop, last=0) == (1, 2)
    shop.cursor = {}
    put(shop, "v2", 25, pod="d")
    assert pods(shop, last=1) == (1, 3)


def single(reading: Reading) -> dict[str, tuple[float, tuple[float, ...]]]:
    """Weight and sums of every pod of both arms."""
    assert not isinstance(reading, Missing), reading
    assert reading.by_pod is not None
    return {pod.pod: (pod.weight, pod.sums) for pod in (*reading.by_pod.control, *reading.by_pod.treatment)}


def grow(shop: Shop, name: str, version: str, by: float, **labels: str) -> None:
    """A counter that is 50 before the first window, and then grows by so much in each."""
    shop.put(name, version, {-5: 50, 10: 50 + by, 25: 50 + 2 * by}, **labels)


def test_every_pod_has_its_own_trials(shop: Shop) -> None:
    for pod, version, bad, total in (("a", "v1", 1, 90), ("b", "v1", 2, 80), ("c", "v2", 3, 20)):
        grow(shop, "errors_total", version, bad, pod=pod)
        for code in ("200", "500"):
            grow(shop, "requests_total", version, total, pod=pod, code=code)
    for reading in shop.read(ERRORS, 1):
        assert single(reading) == {"a": (180, (1,)), "b": (160, (2,)), "c": (40, (3,))}


def test_a_pod_that_restarts_keeps_its_name(shop: Shop) -> None:
    for pod, version in (("a", "v1"), ("b", "v1"), ("c", "v2")):
        grow(shop, "errors_total", version, 1, pod=pod)
        shop.put("requests_total", version, {-5: 500, 10: 600, 20: 30, 25: 70}, pod=pod)
    assert single(shop.read(ERRORS, 1)[1])["a"] == (70, (1,))


def test_a_pod_without_trials_or_without_their_counter_is_left_out(shop: Shop) -> None:
    for pod, version, total in (("a", "v1", 90), ("idle", "v1", 0), ("c", "v2", 20)):
        grow(shop, "errors_total", version, 0, pod=pod)
        grow(shop, "requests_total", version, total, pod=pod)
    grow(shop, "errors_total", "v1", 4, pod="half")
    assert single(shop.read(ERRORS, 0)[0]) == {"a": (90, (0,)), "c": (20, (0,))}


def test_events_have_the_same_weight_in_every_pod(shop: Shop) -> None:
    crashes = a_metric(kind=MetricKind.COUNT, bad=Selector(name="crashes_total"), total=None)
    for pod, version, events in (("a", "v1", 4), ("b", "v1", 0), ("c", "v2", 1)):
        grow(shop, "crashes_total", version, events, pod=pod)
    assert single(shop.read(crashes, 0)[0]) == {"a": (1.0, (4,)), "b": (1.0, (0,)), "c": (1.0, (1,))}


def test_means_and_ratios_have_sums_over_their_denominators(shop: Shop) -> None:
    for kind in (MetricKind.MEAN, MetricKind.RATIO):
        metric = a_metric(kind=kind, bad=Selector(name="cost_sum"), total=Selector(name="cost_count"))
        for pod, version, added, number in (("a", "v1", 7.5, 20), ("b", "v1", 2.0, 10), ("c", "v2", 3.0, 10)):
            grow(shop, "cost_sum", version, added, pod=pod)
            grow(shop, "cost_count", version, number, pod=pod)
        shop.cursor = {}
        assert single(shop.read(metric, 0)[0]) == {"a": (20, (7.5,)), "b": (10, (2.0,)), "c": (10, (3.0,))}


def put_buckets(shop: Shop, version: str, pod: str, counts: Sequence[int]) -> None:
    """Trials up to 0.5 s, up to 1 s, and above."""
    for le, below in zip(("0.5", "1", "+Inf"), accumulate(counts), strict=True):
        grow(shop, "seconds_bucket", version, below, pod=pod, le=le)


def test_latencies_have_mid_ranks_and_those_above_the_objective(shop: Shop) -> None:
    """Of 100 trials 60 are fast (mid-rank 0.3), 30 slower (0.75) and 10 slowest (0.95)."""
    slow = a_metric(
        kind=MetricKind.DISTRIBUTION, bad=None, total=None, buckets=Selector(name="seconds_bucket"), slo_s=0.5
    )
    put_buckets(shop, "v1", "a", (30, 0, 0))
    put_buckets(shop, "v1", "b", (20, 20, 0))
    put_buckets(shop, "v2", "c", (10, 10, 10))
    found = single(shop.read(slow, 0)[0])
    assert found == {"a": (30, (9.0, 0)), "b": (40, (21.0, 20)), "c": (30, (20.0, 20))}
    shop.cursor = {}
    assert single(shop.read(replace(slow, slo_s=None), 0)[0])["b"] == (40, (21.0,))


@pytest.mark.parametrize(
    "metric",
    [
        replace(ERRORS, kind=MetricKind.THRESHOLD, limit=0.1),
        replace(ERRORS, stage=Stage.SETTLE),
        replace(ERRORS, family="all errors"),
    ],
)
def test_pods_of_what_is_not_compared_with_control_are_only_counted(shop: Shop, metric: Metric) -> None:
    for pod, version in (("a", "v1"), ("b", "v1"), ("c", "v2")):
        put(shop, version, pod=pod)
    reading = shop.read(metric, 0)[0]
    assert isinstance(reading, TrialsReading)
    assert reading.pods == (2, 1)
    assert reading.by_pod is None


def test_of_very_many_pods_single_ones_are_not_followed(shop: Shop) -> None:
    for index in range(MOST_PODS + 1):
        put(shop, "v1", pod=f"pod-{index}")
    put(shop, "v2", pod="c")
    reading = shop.read(ERRORS, 0)[0]
    assert isinstance(reading, TrialsReading)
    assert reading.pods == (MOST_PODS + 1, 1)
    assert reading.by_pod is None
