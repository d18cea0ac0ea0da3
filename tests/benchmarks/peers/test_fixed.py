import numpy as np
import pytest
from scipy.stats import norm
from statsmodels.stats.proportion import proportions_ztest

from tests.benchmarks.peers.fixed import (
    crossing_chances,
    group_sequential,
    obrien_fleming_bounds,
    pocock_bound,
    pooled_z,
)
from tests.benchmarks.peers.streams import CASES, draw

TABLE_ROUNDING = 6e-4
"""Published constants have three decimals."""


@pytest.mark.parametrize(("looks", "published"), [(2, 1.977), (5, 2.040), (10, 2.087)])
def test_obrien_fleming_constants_are_the_published_ones(looks: int, published: float) -> None:
    bounds = obrien_fleming_bounds(0.05, looks, two_sided=True)
    assert bounds[-1] == pytest.approx(published, abs=TABLE_ROUNDING)
    assert bounds[0] == pytest.approx(bounds[-1] * np.sqrt(looks))


@pytest.mark.parametrize(("looks", "published"), [(2, 2.178), (5, 2.413), (10, 2.555)])
def test_pocock_constants_are_the_published_ones(looks: int, published: float) -> None:
    assert pocock_bound(0.05, looks) == pytest.approx(published, abs=TABLE_ROUNDING)


def test_one_look_is_the_fixed_test() -> None:
    assert obrien_fleming_bounds(0.05, 1, two_sided=False)[0] == pytest.approx(norm.isf(0.05), abs=1e-6)
    assert obrien_fleming_bounds(0.05, 1, two_sided=True)[0] == pytest.approx(norm.isf(0.025), abs=1e-6)


def test_lan_and_demets_bounds_spend_like_obrien_and_fleming() -> None:
    bounds = (4.8769, 3.3570, 2.6803, 2.2898, 2.0310)
    times = np.arange(1, 6) / 5
    spent = 2 * (2 - 2 * norm.cdf(norm.isf(0.025 / 2) / np.sqrt(times)))
    assert np.cumsum(crossing_chances(bounds, two_sided=True)) == pytest.approx(spent, abs=2e-5)


def test_lan_and_demets_bounds_spend_like_pocock() -> None:
    bounds = (2.4380, 2.4268, 2.4102, 2.3966, 2.3860)
    spent = 0.05 * np.log(1 + (np.e - 1) * np.arange(1, 6) / 5)
    assert np.cumsum(crossing_chances(bounds, two_sided=True)) == pytest.approx(spent, abs=2e-5)


def test_a_published_power_family_spends_half_of_alpha_per_side() -> None:
    bounds = (4.0556, 3.5668, 3.2644, 3.0303, 2.8333, 2.6599, 2.5028, 2.3578, 2.2219, 2.0929)
    assert crossing_chances(bounds, two_sided=False).sum() == pytest.approx(0.025003, abs=2e-6)


def test_z_is_that_of_statsmodels() -> None:
    totals = np.array([[80, 5000, 415, 45000], [3, 100, 9, 900], [30, 1000, 20, 1000]], dtype=float)
    theirs = [proportions_ztest([t, c], [n_t, n_c])[0] for t, n_t, c, n_c in totals]
    assert pooled_z(*totals.T) == pytest.approx(theirs, rel=1e-12)


def test_correction_moves_towards_zero_and_never_past_it() -> None:
    one = np.ones(1)
    totals = (9 * one, 100 * one, 20 * one, 900 * one)
    assert pooled_z(*totals)[0] > pooled_z(*totals, corrected=True)[0] > 0.0
    assert pooled_z(1 * one, 100 * one, 9 * one, 901 * one, corrected=True)[0] == 0.0


def test_without_errors_z_is_no_evidence() -> None:
    none, some = np.zeros(1), np.full(1, 100.0)
    assert pooled_z(none, some, none, some)[0] == 0.0


def test_group_sequential_looks_ten_times_only() -> None:
    streams = draw(CASES[3], (1,), 5)
    crosses = group_sequential(streams, 0.05, two_sided=False)
    looks = np.flatnonzero(crosses.any(axis=0)) + 1
    assert len(looks) > 0
    assert set(looks) <= {500 * number for number in range(1, 11)}
