import numpy as np
import pytest

from analysis.stats import exceedance
from analysis.stats.conditional import ratio_points, window_logs
from engine.core.model import Bound
from tests.analysis.stats.enumeration import ROUNDING, expectation, table

CONTROL = np.array([500.0, 300.0, 90.0, 10.0])
TREATMENT = np.array([40.0, 30.0, 20.0, 10.0])


def test_every_bound_is_a_proportion() -> None:
    found = exceedance.increments(CONTROL, TREATMENT, 1.05, np.zeros(3))
    points = ratio_points(Bound(relative=0.05), Bound())
    for row, reading in zip(found, exceedance.readings(CONTROL, TREATMENT), strict=True):
        assert row == pytest.approx(window_logs(reading, points, exact=False).harm)


def test_above_bounds_counts_the_slower_trials() -> None:
    assert exceedance.above_bounds(TREATMENT).tolist() == [60, 30, 10]


def test_where_most_are_above_the_few_below_are_counted() -> None:
    slower = exceedance.increments(np.array([50.0, 950.0]), np.array([10.0, 990.0]), 1.05, np.ones(1))
    faster = exceedance.increments(np.array([50.0, 950.0]), np.array([90.0, 910.0]), 1.05, np.ones(1))
    assert slower.max() > 3
    assert faster.max() < 0


@pytest.mark.parametrize("rate_c", [0.5, 0.7, 0.95])
def test_counting_those_below_expects_at_most_one(rate_c: float) -> None:
    for alternative in range(4):

        def factor(reading: object, place: int = alternative) -> float:
            control = np.array([reading.control.total - reading.control.bad, reading.control.bad])
            treatment = np.array([reading.treatment.total - reading.treatment.bad, reading.treatment.bad])
            found = exceedance.increments(control * 1.0, treatment * 1.0, 1.05, np.ones(1))
            return float(found[0, place])

        rate_t = 1 - (1 - rate_c) / 1.05
        assert expectation(factor, 4, 8, rate_t, rate_c) <= 1 + ROUNDING
        assert expectation(factor, 4, 8, rate_t * 0.8, rate_c) <= 1 + ROUNDING


def test_no_trials_above_say_nothing() -> None:
    assert table(0, 5, 0, 5) == exceedance.readings(np.array([5.0, 0]), np.array([5.0, 0]))[0]
    assert not exceedance.increments(np.array([5.0, 0]), np.array([5.0, 0]), 1.05, np.zeros(1)).any()
