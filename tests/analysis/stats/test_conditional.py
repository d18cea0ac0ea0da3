from itertools import product
from math import exp, log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, nchypergeom_fisher

from analysis.stats.conditional import (
    EXACT_MAX_TRIALS,
    binomial_logs,
    exact_logs,
    ratio_points,
    uses_exact_form,
    window_logs,
)
from engine.core.measure import TrialsReading
from engine.core.model import Bound
from tests.analysis.stats.enumeration import ROUNDING, expectation, outcomes, table

RATES = (0.001, 0.05, 0.2, 0.5, 0.8, 1.0)
counts = st.integers(0, 2_000)


def binomial(reading: TrialsReading, ratio: float) -> float:
    n = reading.treatment.total + reading.control.total
    bad = reading.treatment.bad + reading.control.bad
    share = reading.treatment.total / n
    return float(binomial_logs(reading.treatment.bad, bad, share, np.array(ratio - 1), np.array(log(ratio))))


def exact(reading: TrialsReading, ratio: float) -> float:
    return float(exact_logs(reading, np.array([log(ratio)]))[0])


@pytest.mark.parametrize("null", [1.0, 1.05, 1.5, 3.0])
@pytest.mark.parametrize("sizes", [(3, 9), (8, 8), (9, 2)])
def test_binomial_form_expects_at_most_one_on_the_harm_null(null: float, sizes: tuple[int, int]) -> None:
    for alternative, rate_c, below in product((1.3, 2.2, 5.0), RATES, (1.0, 0.7, 0.0)):
        rate_t = min(1.0, null * rate_c) * below

        def factor(reading: TrialsReading, tilt: float = null * alternative) -> float:
            return binomial(reading, tilt) - binomial(reading, null)

        assert expectation(factor, *sizes, rate_t, rate_c) <= 1 + ROUNDING


@pytest.mark.parametrize("margin", [1.0, 1.2, 1.5, 3.0])
@pytest.mark.parametrize("sizes", [(3, 9), (8, 8), (9, 2)])
def test_binomial_form_expects_at_most_one_on_the_promotion_null(
    margin: float, sizes: tuple[int, int]
) -> None:
    for alternative, rate_c, above in product((0.5, 0.8, 1.0), RATES, (0.0, 0.1, 0.5)):
        rate_t = min(1.0, margin * rate_c + above)
        if rate_t < margin * rate_c:
            continue

        def factor(reading: TrialsReading, tilt: float = alternative) -> float:
            return binomial(reading, tilt) - binomial(reading, margin)

        assert expectation(factor, *sizes, rate_t, rate_c) <= 1 + ROUNDING


@given(st.integers(1, 12), st.integers(1, 12), st.data())
def test_exact_form_expects_exactly_one_given_the_totals(n_t: int, n_c: int, data: st.DataObject) -> None:
    bad = data.draw(st.integers(0, n_t + n_c))
    null, alternative = data.draw(st.tuples(st.floats(0.2, 5), st.floats(0.2, 5)))
    law = nchypergeom_fisher(n_t + n_c, n_t, bad, null)
    total = 0.0
    for bad_t in range(max(0, bad - n_c), min(n_t, bad) + 1):
        reading = table(bad_t, n_t, bad - bad_t, n_c)
        total += float(law.pmf(bad_t)) * exp(exact(reading, alternative) - exact(reading, null))
    assert total == pytest.approx(1.0, abs=1e-9)


def test_exact_form_is_fishers_likelihood() -> None:
    reading = table(13, 100, 40, 300)
    for ratio in (0.5, 1.0, 2.0, 5.0):
        theirs = nchypergeom_fisher(400, 100, 53, ratio).logpmf(13) - nchypergeom_fisher(
            400, 100, 53, 1.0
        ).logpmf(13)
        assert exact(reading, ratio) - exact(reading, 1.0) == pytest.approx(float(theirs), abs=1e-8)


def test_exact_form_on_the_risk_ratio_null_of_promotion_expects_at_most_one() -> None:
    for rate_c, above in product((0.05, 0.2, 0.5), (0.0, 0.2)):
        rate_t = min(1.0, 1.5 * rate_c + above)

        def factor(reading: TrialsReading) -> float:
            return exact(reading, 0.8) - exact(reading, 1.5)

        assert expectation(factor, 8, 9, rate_t, rate_c) <= 1 + ROUNDING


def test_one_alternative_is_walds_test_on_the_treatments_part_of_the_bad_trials() -> None:
    windows = [table(3, 100, 9, 900), table(5, 400, 4, 600), table(0, 50, 2, 950)]
    ours = sum(binomial(window, 2.0) - binomial(window, 1.05) for window in windows)
    wald = 0.0
    for window in windows:
        n_t, n_c = window.treatment.total, window.control.total
        bad = window.treatment.bad + window.control.bad
        part = {ratio: ratio * n_t / (ratio * n_t + n_c) for ratio in (2.0, 1.05)}
        wald += float(
            binom.logpmf(window.treatment.bad, bad, part[2.0])
            - binom.logpmf(window.treatment.bad, bad, part[1.05])
        )
    assert ours == pytest.approx(wald, abs=1e-9)


@given(counts, counts, counts, counts, st.floats(0.05, 20.0), st.booleans())
def test_swapping_the_arms_inverts_the_ratio(
    bad_t: int, good_t: int, bad_c: int, good_c: int, ratio: float, exactly: bool
) -> None:
    form = exact if exactly else binomial
    ahead = table(bad_t, bad_t + good_t + 1, bad_c, bad_c + good_c + 1)
    swapped = table(bad_c, bad_c + good_c + 1, bad_t, bad_t + good_t + 1)
    ours = form(ahead, ratio) - form(ahead, 1.0)
    theirs = form(swapped, 1 / ratio) - form(swapped, 1.0)
    assert ours == pytest.approx(theirs, rel=1e-7, abs=1e-6)


@given(st.lists(st.tuples(st.integers(0, 10), st.integers(0, 90)), min_size=1, max_size=6))
def test_windows_of_one_split_merge_without_loss(windows: list[tuple[int, int]]) -> None:
    parts = sum(binomial(table(t, 10, c, 90), 2.0) for t, c in windows)
    bad_t, bad_c = (sum(column) for column in zip(*windows, strict=True))
    merged = binomial(table(bad_t, 10 * len(windows), bad_c, 90 * len(windows)), 2.0)
    assert merged == pytest.approx(parts, abs=1e-9)


def test_a_window_does_not_choose_its_own_form() -> None:
    points = ratio_points(Bound(relative=0.05), Bound(relative=0.5))
    chosen = {
        uses_exact_form(6, 100, reading.treatment.total + reading.control.total) for reading in outcomes(5, 5)
    }
    assert chosen == {True}
    assert not uses_exact_form(0, 0, 1000)
    assert not uses_exact_form(5, 100, 1000)
    assert not uses_exact_form(50, 100, EXACT_MAX_TRIALS + 1)
    both = [window_logs(table(30, 100, 60, 200), points, exact=chosen) for chosen in (False, True)]
    assert not np.allclose(both[0].harm, both[1].harm)
    assert np.array_equal(both[0].grid, both[1].grid)


def test_a_window_is_read_against_tolerance_and_margin() -> None:
    reading = table(9, 100, 30, 900)
    logs = window_logs(reading, ratio_points(Bound(relative=0.1), Bound(relative=0.5)), exact=False)
    tilts = [binomial(reading, r * 1.1) - binomial(reading, 1.1) for r in (1.3, 1.5, 2.2, 5)]
    assert logs.harm == pytest.approx(tilts)
    assert logs.promote == pytest.approx(
        [binomial(reading, r) - binomial(reading, 1.5) for r in (0.5, 0.8, 1)]
    )
