import random
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.local.settings import LONGEST_DELAY_S, Settings


def delays_s(settings: Settings, age_s: float = 1e9) -> list[float]:
    rng = random.Random()
    return sorted(settings.delay_s(age_s, rng) for _ in range(20_000))


def test_latency_has_the_median_and_the_99th_percentile_asked_for() -> None:
    drawn = delays_s(Settings(latency_p50_ms=20, latency_p99_ms=80))
    assert statistics.median(drawn) == pytest.approx(0.020, rel=0.1)
    assert drawn[int(len(drawn) * 0.99)] == pytest.approx(0.080, rel=0.25)


def test_a_tail_slows_its_share_and_nothing_else() -> None:
    drawn = delays_s(Settings(latency_p50_ms=10, latency_p99_ms=20, tail_share=0.05, tail_ms=800))
    assert sum(delay_s >= 0.8 for delay_s in drawn) / len(drawn) == pytest.approx(0.05, abs=0.015)
    assert statistics.median(drawn) < 0.015


def test_a_slow_start_ends() -> None:
    settings = Settings(latency_p50_ms=10, latency_p99_ms=10, slow_start_s=30, slow_start_factor=5)
    rng = random.Random()
    assert settings.delay_s(29.9, rng) == pytest.approx(0.05)
    assert settings.delay_s(30.0, rng) == pytest.approx(0.01)


def test_the_median_alone_moves_the_99th_percentile_along() -> None:
    changed = Settings(latency_p50_ms=10, latency_p99_ms=30).changed({"latency_p50_ms": 100})
    assert (changed.latency_p50_ms, changed.latency_p99_ms) == (100, 300)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"eror_rate": 0.1}, "no setting eror_rate; there are .*error_rate"),
        ({"error_rate": 4}, "error_rate is a share between 0 and 1, not 4"),
        ({"tail_share": -0.1}, "tail_share is a number of at least 0, not -0.1"),
        ({"tail_ms": float("nan")}, "tail_ms is a number of at least 0, not nan"),
        ({"tail_ms": "800"}, "tail_ms is a number of at least 0, not '800'"),
        ({"slow_start_s": True}, "slow_start_s is a number of at least 0, not True"),
        ({"latency_p50_ms": 0}, "must be above 0"),
        ({"latency_p50_ms": 50, "latency_p99_ms": 40}, "must not be below latency_p50_ms"),
    ],
)
def test_an_impossible_change_is_refused_by_name(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Settings().changed(changes)


@given(
    p50_ms=st.floats(0.1, 1e6),
    ratio=st.floats(1, 1e3),
    tail_share=st.floats(0, 1),
    factor=st.floats(0, 1e6),
    age_s=st.floats(0, 100),
)
def test_no_request_waits_longer_than_the_bound(
    p50_ms: float, ratio: float, tail_share: float, factor: float, age_s: float
) -> None:
    settings = Settings(
        latency_p50_ms=p50_ms,
        latency_p99_ms=p50_ms * ratio,
        tail_share=tail_share,
        slow_start_s=50,
        slow_start_factor=factor,
    )
    assert 0 <= settings.delay_s(age_s, random.Random()) <= LONGEST_DELAY_S
