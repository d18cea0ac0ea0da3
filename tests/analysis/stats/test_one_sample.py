import numpy as np
import pytest
from scipy.stats import binom

from analysis.stats import one_sample
from analysis.stats.mixture import HARM_LOG_WEIGHTS, log_mix
from engine.core.measure import Trials
from tests.analysis.stats.enumeration import ROUNDING


def harm(trials: Trials, limit: float) -> float:
    return float(log_mix(one_sample.increments(trials, limit)[0], HARM_LOG_WEIGHTS))


def promote(trials: Trials, limit: float) -> float:
    return float(log_mix(one_sample.increments(trials, limit)[1], one_sample.BELOW_LOG_WEIGHTS))


@pytest.mark.parametrize("limit", [0.001, 0.05, 0.5, 0.95])
@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_expectations_are_at_most_one_on_either_side_of_the_limit(limit: float, share: float) -> None:
    for log_e, rate in ((harm, limit * share), (promote, limit + (1 - limit) * share)):
        total = sum(
            float(binom.pmf(bad, 30, rate)) * np.exp(log_e(Trials(bad=bad, total=30), limit))
            for bad in range(31)
        )
        assert total <= 1 + ROUNDING


def test_many_bad_trials_are_harm_and_none_promote() -> None:
    assert harm(Trials(bad=30, total=1000), 0.01) > 5
    assert promote(Trials(bad=0, total=1000), 0.01) > 3
    assert promote(Trials(bad=30, total=1000), 0.01) < 0
