"""Rates have exact intervals, and splits of the same windows do not narrow them."""

import numpy as np
import pytest
from scipy.stats import binomtest

from analysis.calibration import rate_of


@pytest.mark.parametrize(("found", "runs"), [(0, 40), (1, 40), (7, 200), (40, 40)])
def test_the_interval_is_clopper_and_pearsons(found: int, runs: int) -> None:
    rate = rate_of(np.arange(runs) < found, runs)
    exact = binomtest(found, runs).proportion_ci(0.95, method="exact")
    assert (rate.share, rate.low, rate.high) == pytest.approx((found / runs, exact.low, exact.high))


def test_splits_of_the_same_windows_are_no_new_history() -> None:
    happened = np.arange(120) < 6
    split, plain = rate_of(happened, 40), rate_of(np.arange(40) < 2, 40)
    assert split.runs == 120
    assert (split.share, split.low, split.high) == pytest.approx((plain.share, plain.low, plain.high))
