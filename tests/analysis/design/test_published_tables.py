"""The numbers of the published tables that an exact calculation can reproduce, to the digits printed."""

import pytest

from analysis.design.outcome import walk
from analysis.design.threshold import error_rate
from tests.analysis.design.designs import FOR_EVER, harm_rule, point_rule, promotion_rule, release, tenth


@pytest.mark.parametrize(("threshold", "false_rollbacks_pct"), [(FOR_EVER, 4.18), (2.817, 4.98)])
def test_false_rollback_rate_of_the_four_point_prior(threshold, false_rollbacks_pct):
    rate = error_rate(harm_rule(threshold), tenth(), 0.01)

    assert round(100 * rate, 2) == false_rollbacks_pct


def test_false_rollback_rate_of_a_single_point():
    assert round(100 * error_rate(point_rule(1.5), tenth(), 0.01), 2) == 4.41


@pytest.mark.parametrize(
    ("threshold", "ratio", "mean"),
    [
        (FOR_EVER, 1.5, 3498),
        (FOR_EVER, 2.0, 1065),
        (2.817, 1.5, 3304),
        (2.817, 2.0, 1009),
        (FOR_EVER, 3.0, 375),
    ],
)
def test_mean_requests_until_rollback(threshold, ratio, mean):
    outcome = walk(release(ratio), tenth(), rollback=harm_rule(threshold), promotion=None)

    assert round(outcome.mean_requests) == mean


@pytest.mark.parametrize(("margin", "mean"), [(1.25, 13_225), (1.5, 3786), (2.0, 1193), (3.0, 428)])
def test_mean_requests_until_an_equal_release_is_promoted(margin, mean):
    outcome = walk(release(1.0), tenth(52_500), rollback=None, promotion=promotion_rule(margin))

    assert round(outcome.mean_requests) == mean


@pytest.mark.parametrize("margin", [1.25, 1.5, 2.0, 3.0])
def test_wrong_promotions_stay_below_alpha_and_are_not_far_below(margin):
    assert 0.046 < error_rate(promotion_rule(margin), tenth(), 0.01) < 0.05


@pytest.mark.parametrize(
    ("ratio", "promoted_pct", "rolled_back_pct", "mean"),
    [
        (1.0, 96.2, 3.8, 3483),
        (1.5, 4.7, 95.3, 3197),
        (2.0, 0.2, 99.8, 1062),
        (0.8, 99.6, 0.4, 1817),
        (1.25, 43.6, 56.4, 5914),
    ],
)
def test_both_rules_together(ratio, promoted_pct, rolled_back_pct, mean):
    outcome = walk(release(ratio), tenth(), rollback=harm_rule(), promotion=promotion_rule(1.5))

    assert round(100 * outcome.promotion.probability, 1) == promoted_pct
    assert round(100 * outcome.rollback.probability, 1) == rolled_back_pct
    assert round(outcome.mean_requests) == mean
    assert outcome.undecided < 1e-9
