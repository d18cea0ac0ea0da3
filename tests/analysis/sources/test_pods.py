"""How many pods the counts come from: only where labels of the series tell."""

import pytest

from engine.core.measure import TrialsReading
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
