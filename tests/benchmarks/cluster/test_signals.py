"""What is counted: the rates that were asked for, split as told, and never backwards."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.benchmarks.cluster.signals import BOUNDS_S, Pair, Signals

PAIR = Pair(
    name="bench/shop",
    services=("v1@test", "v2@test"),
    rate_per_s=1000.0,
    orders=('service="v1"', 'service="v2"'),
    share_pct=20.0,
    error_rate=0.0,
)


def counted(signals: Signals, at_s: float) -> dict[tuple[str, ...], float]:
    """Values by name and labels."""
    families = text_string_to_metric_families(signals.exposition(at_s).decode())
    return {(s.name, *sorted(s.labels.values())): s.value for each in families for s in each.samples}


def requests(found: dict[tuple[str, ...], float], service: str, code: str) -> float:
    [value] = [
        value
        for key, value in found.items()
        if key[0] == "traefik_service_requests_total" and {service, code} <= set(key)
    ]
    return value


def test_traffic_is_split_by_the_share() -> None:
    signals = Signals(1)
    signals.add([PAIR], 0.0)
    found = counted(signals, 100.0)
    assert requests(found, "v1@test", "200") == pytest.approx(80_000, rel=0.02)
    assert requests(found, "v2@test", "200") == pytest.approx(20_000, rel=0.04)


def test_a_fault_begins_when_it_is_told_and_not_at_the_next_scrape() -> None:
    signals = Signals(1)
    signals.add([PAIR], 0.0)
    signals.set_error_rate("bench/shop", 0.5, 90.0)
    found = counted(signals, 100.0)
    assert requests(found, "v2@test", "500") == pytest.approx(1_000, rel=0.15)
    assert requests(found, "v1@test", "500") == 0


def test_without_share_nothing_more_is_counted() -> None:
    signals = Signals(1)
    signals.add([PAIR], 0.0)
    before = counted(signals, 10.0)
    signals.set_share("bench/shop", 0.0, 10.0)
    after = counted(signals, 20.0)
    assert requests(after, "v2@test", "200") == requests(before, "v2@test", "200")
    assert requests(after, "v1@test", "200") > requests(before, "v1@test", "200")


def test_the_histogram_counts_every_request_once() -> None:
    signals = Signals(1)
    signals.add([PAIR], 0.0)
    found = counted(signals, 10.0)
    name = "traefik_service_request_duration_seconds_bucket"
    buckets = [value for key, value in found.items() if key[0] == name and "v1@test" in key]
    assert len(buckets) == len(BOUNDS_S)
    assert buckets == sorted(buckets)
    assert buckets[-1] == requests(found, "v1@test", "200")


def test_a_share_of_something_unknown_is_ignored() -> None:
    signals = Signals(1)
    signals.set_share("bench/other", 20.0, 0.0)
    assert signals.exposition(1.0) == b"\n"
