import numpy as np
import pytest

from analysis.stats import exceedance
from analysis.stats.conditional import ratio_points, window_logs
from engine.core.model import Bound
from tests.analysis.stats.enumeration import ROUNDING, expectation, table

CONTROL = np.array([500.0, 300.0, 90.0, 10.0])
TREATMENT = np.array([40.0, 30.0, 20.0, 10.0])
ALL_ABOVE = np.ones(1, dtype=np.intp)


def sides(control: np.ndarray, treatment: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Trials above each bound, and up to it, of the treatment and of both arms."""
    up_to = np.array([treatment, control + treatment]).cumsum(axis=1)
    return up_to[:, -1:] - up_to[:, :-1], up_to


def test_every_bound_is_a_proportion() -> None:
    found = exceedance.increments(*sides(CONTROL, TREATMENT), 1.05, np.zeros(3, dtype=np.intp))
    points = ratio_points(Bound(relative=0.05), Bound())
    for row, reading in zip(found, exceedance.readings(*sides(CONTROL, TREATMENT)), strict=True):
        assert row == pytest.approx(window_logs(reading, points, exact=False).harm)


def test_readings_count_the_slower_trials_of_each_arm() -> None:
    expected = [table(60, 100, 400, 900), table(30, 100, 100, 900), table(10, 100, 10, 900)]
    assert exceedance.readings(*sides(CONTROL, TREATMENT)) == expected


def test_where_most_are_above_the_few_below_are_counted() -> None:
    control = np.array([50.0, 950.0])
    slower = exceedance.increments(*sides(control, np.array([10.0, 990.0])), 1.05, ALL_ABOVE)
    faster = exceedance.increments(*sides(control, np.array([90.0, 910.0])), 1.05, ALL_ABOVE)
    assert slower.max() > 3
    assert faster.max() < 0


@pytest.mark.parametrize("rate_c", [0.5, 0.7, 0.95])
def test_counting_those_below_expects_at_most_one(rate_c: float) -> None:
    for alternative in range(4):

        def factor(reading: object, place: int = alternative) -> float:
            control = np.array([reading.control.total - reading.control.bad, reading.control.bad])
            treatment = np.array([reading.treatment.total - reading.treatment.bad, reading.treatment.bad])
            found = exceedance.increments(*sides(control * 1.0, treatment * 1.0), 1.05, ALL_ABOVE)
            return float(found[0, place])

        rate_t = 1 - (1 - rate_c) / 1.05
        assert expectation(factor, 4, 8, rate_t, rate_c) <= 1 + ROUNDING
        assert expectation(factor, 4, 8, rate_t * 0.8, rate_c) <= 1 + ROUNDING


def test_no_trials_above_say_nothing() -> None:
    none_above = sides(np.array([5.0, 0]), np.array([5.0, 0]))
    assert exceedance.readings(*none_above) == [table(0, 5, 0, 5)]
    assert not exceedance.increments(*none_above, 1.05, np.zeros(1, dtype=np.intp)).any()
