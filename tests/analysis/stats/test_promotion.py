from itertools import product
from math import log

import numpy as np
import pytest

from analysis.stats import promotion
from analysis.stats.conditional import ratio_points, window_logs
from analysis.stats.mixture import PROMOTE_LOG_WEIGHTS
from analysis.stats.projection import BaseRate
from analysis.stats.promotion import Promotion
from engine.core.measure import TrialsReading
from engine.core.model import Bound
from tests.analysis.stats.enumeration import ROUNDING, expectation, table

MARGIN = Bound(relative=0.5, absolute=0.001)


def after(state: Promotion, margin: Bound, reading: TrialsReading) -> Promotion:
    logs = window_logs(reading, ratio_points(Bound(relative=0.05), margin), exact=False)
    return promotion.with_window(state, margin, reading, logs.promote)


def requests_until_promoted(margin: Bound, n_t: int, n_c: int) -> int:
    state, requests = promotion.nothing_yet(), 0
    while state.log_e(PROMOTE_LOG_WEIGHTS) < log(20):
        state = after(state, margin, table(0, n_t, 0, n_c))
        requests += n_t
        assert requests < 100_000
    return requests


@pytest.mark.parametrize(
    "margin",
    [
        Bound(relative=0.5),
        Bound(absolute=0.05),
        Bound(relative=0.5, absolute=0.05),
        Bound(relative=0.2, absolute=0.2),
    ],
)
@pytest.mark.parametrize("base", [BaseRate(), BaseRate(bad=0.0, total=99.0), BaseRate(bad=40.0, total=99.0)])
def test_every_window_expects_at_most_one_when_worse_by_the_margin(margin: Bound, base: BaseRate) -> None:
    state = Promotion(logs=np.zeros(3), base=base)

    def factor(reading: TrialsReading) -> float:
        return after(state, margin, reading).log_e(PROMOTE_LOG_WEIGHTS)

    for sizes, rate_c, more in product([(3, 9), (7, 7)], (0.0, 0.01, 0.1, 0.5), (0.0, 0.1)):
        rate_t = min(1.0, margin.limit_for(rate_c) + more)
        assert expectation(factor, *sizes, rate_t, rate_c) <= 1 + ROUNDING


@pytest.mark.parametrize(("n_t", "n_c"), [(100, 900), (10, 90), (50, 950), (500, 500), (1000, 1000)])
def test_two_error_free_arms_promote_soon(n_t: int, n_c: int) -> None:
    least = log(20) / 0.001
    assert least <= requests_until_promoted(MARGIN, n_t, n_c) <= 1.4 * least + n_t


def test_a_margin_without_absolute_part_never_promotes_error_free_arms() -> None:
    state = promotion.nothing_yet()
    for _ in range(1000):
        state = after(state, Bound(relative=0.5), table(0, 1000, 0, 1000))
    assert state.log_e(PROMOTE_LOG_WEIGHTS) == pytest.approx(0.0)


def test_a_shared_incident_costs_a_bounded_amount_of_evidence() -> None:
    state = promotion.nothing_yet()
    for _ in range(20):
        state = after(state, MARGIN, table(0, 100, 0, 900))
    before = state.log_e(PROMOTE_LOG_WEIGHTS)
    hit = after(state, MARGIN, table(50, 100, 450, 900))
    assert hit.log_e(PROMOTE_LOG_WEIGHTS) > before + log(0.05)


def test_errors_of_the_treatment_alone_take_evidence_away() -> None:
    state = promotion.nothing_yet()
    for _ in range(20):
        state = after(state, MARGIN, table(0, 100, 0, 900))
    worse = after(state, MARGIN, table(5, 100, 0, 900))
    assert worse.log_e(PROMOTE_LOG_WEIGHTS) < state.log_e(PROMOTE_LOG_WEIGHTS) - 1
