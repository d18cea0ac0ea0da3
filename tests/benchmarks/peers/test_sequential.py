from math import exp, log

import numpy as np
import pytest
from scipy.optimize import brentq

from tests.benchmarks.peers.sequential import (
    growthbook_crosses,
    growthbook_interval,
    growthbook_log_e,
    growthbook_mean_interval,
    linear_model_log_e,
    savvi_crosses,
    savvi_log_odds,
)
from tests.benchmarks.peers.streams import CASES, Floats, draw


def numbers(*values: float) -> tuple[Floats, ...]:
    return tuple(np.array([float(value)]) for value in values)


def test_savvi_has_its_documented_odds() -> None:
    odds = np.exp(savvi_log_odds(*numbers(75, 450), 0.1))
    assert odds[0] == pytest.approx(20.806773, abs=5e-7)


def test_savvi_interval_is_where_its_odds_stay_below_one_over_alpha() -> None:
    base = log(0.1 / 0.9)

    def excess(log_ratio: float) -> float:
        share = 1 / (1 + exp(-base - log_ratio))
        prior = savvi_log_odds(*numbers(75, 450), 0.1)[0]
        moved = 75 * (log(share) - log(0.1)) + 450 * (log(1 - share) - log(0.9))
        return float(prior - moved - log(20))

    peak = log(75 / 450) - base
    assert brentq(excess, -1.0, peak) == pytest.approx(0.00176, abs=6e-6)
    assert brentq(excess, peak, 2.0) == pytest.approx(0.77382, abs=6e-6)


def test_growthbook_has_its_published_p() -> None:
    log_e = growthbook_log_e(*numbers(80, 5000, 415, 45000), alpha=0.05)
    assert exp(-log_e[0]) == pytest.approx(0.02150300523, abs=1e-11)


def test_growthbook_has_its_published_interval_of_proportions() -> None:
    found = growthbook_interval(2422, 3461, 1396, 3000, alpha=0.05, tuning=5000, relative=True)
    assert found == pytest.approx((0.40098, 0.60675), abs=5e-6)


def test_growthbook_has_its_published_interval_of_means() -> None:
    sizes, sums, squares = (3000, 3461), (1396.87, 2422.7), (52377.9767, 134698.29)
    means = (sums[0] / sizes[0], sums[1] / sizes[1])
    variances = tuple(
        (square - total**2 / n) / (n - 1) for n, total, square in zip(sizes, sums, squares, strict=True)
    )
    found = growthbook_mean_interval(means, (variances[0], variances[1]), sizes, alpha=0.05, tuning=1000)
    assert found == pytest.approx((-0.55844, 1.56516), abs=5e-6)


def test_growthbook_rejects_where_its_interval_excludes_zero() -> None:
    for bad in range(55, 110, 5):
        low, _ = growthbook_interval(bad, 5000, 415, 45000, alpha=0.05, tuning=5000, relative=True)
        log_e = growthbook_log_e(*numbers(bad, 5000, 415, 45000), alpha=0.05)[0]
        assert (low > 0) == (log_e >= log(20) and bad > 46)


def test_growthbook_does_not_answer_without_errors() -> None:
    assert growthbook_log_e(*numbers(0, 100, 5, 900), alpha=0.05)[0] == 0.0
    assert growthbook_log_e(*numbers(5, 100, 0, 900), alpha=0.05)[0] == 0.0


def test_avlm_has_its_published_p() -> None:
    log_e = linear_model_log_e(*numbers(36, 2000, 170, 18000))[0]
    assert exp(-log_e) == pytest.approx(0.2204382, abs=5e-8)


def test_a_better_treatment_is_no_alarm() -> None:
    streams = draw(CASES[0], (3,), 3)
    streams.bad_treatment[:] = 0.0
    streams.bad_treatment[:, ::200] = 1.0
    for crosses in (growthbook_crosses, savvi_crosses):
        assert not crosses(streams, 0.05).any()
