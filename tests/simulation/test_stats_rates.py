"""Error rates and delays of whole runs, by seeded simulation through the public door.

Each assertion states its standard errors. Published values are for a base rate of 1 %, a treatment share of
10 %, alpha 5 % and windows of 100 + 900 requests, counted in windows of 100 treatment requests.
"""

from collections.abc import Callable
from math import sqrt

import numpy as np
import pytest

from analysis import evaluate
from analysis.evaluate import Evidence
from engine.core.measure import (
    Histogram,
    HistogramReading,
    Observation,
    Reading,
    Trials,
    TrialsReading,
    Window,
)
from engine.core.model import Bound, Experiment, MetricKind
from engine.core.verdict import VerdictKind
from tests.builders import a_metric, an_experiment

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

ALPHA = 0.05
STRICT = an_experiment(alpha_rollback=ALPHA, metrics=(a_metric(tolerance=Bound(relative=0.0)),))
BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
LATENCY = an_experiment(
    alpha_rollback=ALPHA,
    metrics=(
        a_metric(
            kind=MetricKind.DISTRIBUTION,
            tolerance=Bound(relative=0.0),
            margin=Bound(relative=0.2, absolute=0.005),
            slo_s=0.5,
        ),
    ),
)

Draw = Callable[[int], Reading]


def harmful(evidence: Evidence) -> bool:
    return evidence.harm_latched


def promoting(experiment: Experiment) -> Callable[[Evidence], bool]:
    return lambda evidence: evaluate.verdict(experiment, evidence).kind is VerdictKind.NOT_WORSE


def windows_until(
    experiment: Experiment,
    draw: Draw,
    crossed: Callable[[Evidence], bool],
    at_most: int,
    changes: tuple[int, ...] = (),
) -> int | None:
    """How many windows it takes, or None when it does not happen."""
    evidence = evaluate.start(experiment)
    for index in range(at_most):
        window = Window(index=index, start_s=15.0 * index, end_s=15.0 * index + 15.0)
        observation = Observation(window=window, readings={"errors": draw(index)}, new_start=index in changes)
        evidence = evaluate.update(experiment, evidence, [observation])
        if crossed(evidence):
            return index + 1
    return None


def errors(rng: np.random.Generator, rate_t: float, rate_c: float, n_t: int = 100, n_c: int = 900) -> Reading:
    return TrialsReading(
        control=Trials(bad=int(rng.binomial(n_c, rate_c)), total=n_c),
        treatment=Trials(bad=int(rng.binomial(n_t, rate_t)), total=n_t),
    )


def latencies(rng: np.random.Generator, slower: float, tail: float) -> Reading:
    """Lognormal with a 95th percentile of 527 ms; `tail` of the treatment's requests take 3 s longer."""

    def histogram(n: int, factor: float, share: float) -> Histogram:
        seconds = 0.15 * np.exp(0.764 * rng.normal(size=n)) * factor + 3.0 * (rng.random(n) < share)
        counts = np.bincount(np.searchsorted(BUCKETS_S, seconds), minlength=len(BUCKETS_S) + 1)
        return Histogram(bounds_s=BUCKETS_S, counts=tuple(int(count) for count in counts))

    return HistogramReading(control=histogram(900, 1.0, 0.0), treatment=histogram(100, slower, tail))


def assert_rate_at_most(happened: int, runs: int, limit: float) -> None:
    """At most the limit, with two standard errors of a rate that is exactly at it."""
    assert happened / runs <= limit + 2 * sqrt(limit * (1 - limit) / runs)


def assert_mean_at_most(values: list[int | None], limit: float) -> None:
    """Every run decided, and the mean is not above the limit by more than two standard errors."""
    decided = [value for value in values if value is not None]
    assert len(decided) == len(values)
    assert np.mean(decided) <= limit + 2 * np.std(decided) / sqrt(len(decided))


def test_false_rollbacks_of_an_equal_release_stay_below_alpha() -> None:
    rng = np.random.default_rng(11)
    runs = 200
    found = [windows_until(STRICT, lambda _: errors(rng, 0.01, 0.01), harmful, 200) for _ in range(runs)]
    assert_rate_at_most(sum(value is not None for value in found), runs, ALPHA)


def test_false_rollbacks_of_a_ramp_with_shared_drift_stay_below_alpha() -> None:
    rng = np.random.default_rng(12)
    runs = 200

    def ramp() -> Draw:
        drift = np.exp(np.clip(np.cumsum(rng.normal(0.01, 0.03, 200)), -1.0, 2.5))

        def draw(index: int) -> Reading:
            n_t = (50, 100, 250, 500)[index // 50]
            rate = 0.01 * float(drift[index])
            return errors(rng, rate, rate, n_t, 1000 - n_t)

        return draw

    found = [windows_until(STRICT, ramp(), harmful, 200, (0, 50, 100, 150)) for _ in range(runs)]
    assert_rate_at_most(sum(value is not None for value in found), runs, ALPHA)


def test_false_promotions_at_the_margin_stay_below_alpha() -> None:
    rng = np.random.default_rng(13)
    experiment = an_experiment()
    runs = 150
    for rate_c, rate_t in ((0.01, 0.015), (0.0005, 0.0015)):
        found = [
            windows_until(
                experiment, lambda _, t=rate_t, c=rate_c: errors(rng, t, c), promoting(experiment), 60
            )
            for _ in range(runs)
        ]
        assert_rate_at_most(sum(value is not None for value in found), runs, ALPHA)


def test_harm_of_one_and_a_half_times_is_found_in_little_more_than_the_published_time() -> None:
    rng = np.random.default_rng(14)
    found = [windows_until(STRICT, lambda _: errors(rng, 0.015, 0.01), harmful, 600) for _ in range(150)]
    assert_mean_at_most(found, 1.4 * 36.32)


def test_harm_that_begins_late_is_found_soon_after_a_weight_change() -> None:
    rng = np.random.default_rng(15)
    for ratio, published in ((2.0, 17.24), (5.0, 2.77)):
        found = [
            windows_until(
                STRICT,
                lambda index, r=ratio: errors(rng, 0.01 * (r if index >= 50 else 1.0), 0.01),
                harmful,
                600,
                (50,),
            )
            for _ in range(60)
        ]
        late = [value - 50 for value in found if value is not None and value > 50]
        assert len(late) >= 0.9 * len(found)
        assert_mean_at_most(list(late), 1.6 * published)


def test_a_shared_incident_does_not_prevent_promotion() -> None:
    rng = np.random.default_rng(16)
    experiment = an_experiment()

    def draw(index: int) -> Reading:
        rate = 0.05 if index == 10 else 0.0005
        return errors(rng, rate, rate)

    found = [windows_until(experiment, draw, promoting(experiment), 900) for _ in range(20)]
    assert_mean_at_most(found, 200)


def test_false_rollbacks_by_latency_stay_below_alpha() -> None:
    rng = np.random.default_rng(17)
    runs = 120
    found = [windows_until(LATENCY, lambda _: latencies(rng, 1.0, 0.0), harmful, 100) for _ in range(runs)]
    assert_rate_at_most(sum(value is not None for value in found), runs, ALPHA)


@pytest.mark.parametrize(
    ("slower", "tail", "published"),
    [(1.10, 0.0, 11.98), (1.25, 0.0, 3.62), (1.0, 0.02, 5.06)],
    ids=["all 10 % slower", "all 25 % slower", "2 % of requests 3 s slower"],
)
def test_slower_releases_are_found_in_little_more_than_the_published_time(
    slower: float, tail: float, published: float
) -> None:
    rng = np.random.default_rng(18)
    found = [windows_until(LATENCY, lambda _: latencies(rng, slower, tail), harmful, 300) for _ in range(60)]
    assert_mean_at_most(found, 1.4 * published)
