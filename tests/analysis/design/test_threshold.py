"""Calibrated thresholds: exact to the horizon, and never above the one that holds for ever."""

from dataclasses import replace
from math import log

import pytest

from analysis.design.threshold import calibrated_threshold, error_rate
from analysis.design.traffic import Leg, Traffic
from tests.analysis.design.designs import FOR_EVER, harm_rule, point_rule, promotion_rule, tenth


def test_threshold_of_the_four_point_prior_is_the_published_one():
    assert round(calibrated_threshold(harm_rule(), 0.05, tenth(), 0.01), 3) == 2.817


@pytest.mark.parametrize("rule", [harm_rule(), harm_rule(first_start_weight=0.5), promotion_rule(1.5)])
@pytest.mark.parametrize("alpha", [0.01, 0.05])
def test_error_rate_is_alpha_at_the_threshold_and_more_below_it(rule, alpha):
    traffic = tenth(8000)

    threshold = calibrated_threshold(rule, alpha, traffic, 0.01)

    assert error_rate(replace(rule, log_threshold=threshold), traffic, 0.01) <= alpha
    assert error_rate(replace(rule, log_threshold=threshold - 3e-4), traffic, 0.01) > alpha
    assert threshold < log(1 / alpha)


def test_a_longer_horizon_needs_a_higher_threshold():
    thresholds = [calibrated_threshold(harm_rule(), 0.05, tenth(n), 0.01) for n in (2000, 8000, 32_000)]

    assert thresholds == sorted(thresholds)
    assert thresholds[-1] - thresholds[0] > 0.1


def test_looking_less_often_needs_a_lower_threshold():
    often, seldom = (
        calibrated_threshold(harm_rule(), 0.05, tenth(8000, requests), 0.01) for requests in (100, 4000)
    )

    assert seldom < often - 0.2


@pytest.mark.parametrize("base_rate", [0.001, 0.003, 0.01])
@pytest.mark.parametrize("requests_per_look", [None, 1000.0])
def test_an_upper_bound_of_the_base_rate_is_safe_with_a_look_after_every_error(base_rate, requests_per_look):
    threshold = calibrated_threshold(harm_rule(), 0.05, tenth(8000), 0.01)

    assert error_rate(harm_rule(threshold), tenth(8000, requests_per_look), base_rate) <= 0.05


def test_a_canary_that_climbs_keeps_its_error_rate():
    steps = [(0.01, 300), (0.05, 1500), (0.2, 6000), (0.5, 20_000)]
    traffic = Traffic(legs=tuple(Leg(share=share, treatment_requests=n) for share, n in steps))

    assert error_rate(harm_rule(), traffic, 0.01) <= 0.05


def test_a_horizon_of_hardly_an_error_needs_next_to_no_threshold():
    assert calibrated_threshold(point_rule(1.5), 0.05, tenth(1.0), 0.01) < FOR_EVER / 10


@pytest.mark.parametrize("alpha", [0.0, 1.0])
def test_alpha_is_a_probability(alpha):
    with pytest.raises(ValueError, match="alpha"):
        calibrated_threshold(harm_rule(), alpha, tenth(), 0.01)
