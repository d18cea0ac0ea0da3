"""Information bounds against published values and against the rules they bound."""

import pytest

from analysis.design.bounds import bernoulli_divergence, conditional_kl_bound, kl_bound
from analysis.design.outcome import walk
from tests.analysis.design.designs import harm_rule, release, tenth


@pytest.mark.parametrize(("ratio", "two_arms", "conditional"), [(1.5, 3087, 3124), (2.0, 875, 887)])
def test_bounds_are_the_published_ones(ratio, two_arms, conditional):
    assert round(kl_bound(0.01, ratio, 0.1, 0.05)) == two_arms
    assert round(conditional_kl_bound(0.01, ratio, 0.1, 0.05)) == conditional


@pytest.mark.parametrize(("ratio", "requests"), [(1.5, 3801), (2.0, 1077)])
def test_two_sided_bounds_have_half_the_alpha(ratio, requests):
    assert round(kl_bound(0.01, ratio, 0.1, 0.025)) == requests


@pytest.mark.parametrize(("margin", "requests"), [(1.25, 12_596), (1.5, 3634), (2.0, 1152), (3.0, 413)])
def test_bounds_of_a_promotion_are_the_published_ones(margin, requests):
    assert round(conditional_kl_bound(0.01, 1.0, 0.1, 0.05, null_ratio=margin)) == requests


def test_without_a_margin_the_nearest_null_is_the_pooled_rate():
    pooled = 0.1 * 0.015 + 0.9 * 0.01
    information = bernoulli_divergence(0.015, pooled) + 9 * bernoulli_divergence(0.01, pooled)

    assert kl_bound(0.01, 1.5, 0.1, 0.05) == pytest.approx(2.995732 / information, rel=1e-6)


@pytest.mark.parametrize("ratio", [1.3, 1.5, 2.0, 3.0, 4.5])
def test_no_rule_beats_its_bound(ratio):
    outcome = walk(release(ratio), tenth(200_000), rollback=harm_rule(), promotion=None)

    assert outcome.mean_requests >= conditional_kl_bound(0.01, ratio, 0.1, 0.05)
