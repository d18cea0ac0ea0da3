"""Times, errors and harm of a run, where they are known by other means."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.design.clock import clock
from analysis.design.outcome import walk
from analysis.design.traffic import Leg, Traffic, Truth
from tests.analysis.design.designs import harm_rule, promotion_rule, release, tenth

CANARY = Traffic(
    legs=tuple(
        Leg(share=share, treatment_requests=n)
        for share, n in [(0.01, 300), (0.05, 1500), (0.2, 6000), (0.5, 60_000)]
    ),
    floor_requests=1000,
)


def test_mean_is_the_area_above_the_chance_to_have_ended():
    outcome = walk(release(1.5), CANARY, rollback=harm_rule(), promotion=promotion_rule(1.5))
    requests = np.linspace(0.0, 67_800.0, 1131)
    ended = [outcome.rollback.probability_by(n) + outcome.promotion.probability_by(n) for n in requests]

    assert np.trapezoid(1.0 - np.array(ended), requests) == pytest.approx(outcome.mean_requests, rel=5e-3)


@pytest.mark.parametrize("probability", [0.5, 0.8, 0.95])
@pytest.mark.parametrize("look", [None, 3000.0])
def test_requests_needed_are_the_fewest_that_give_the_probability(probability, look):
    rollback = walk(release(2.0), tenth(50_000, look), rollback=harm_rule(), promotion=None).rollback

    needed = rollback.requests_needed(probability)

    assert rollback.probability_by(needed) >= probability > rollback.probability_by(needed - 0.01)


def test_requests_needed_are_unknown_where_the_probability_is_never_reached():
    outcome = walk(release(1.0), tenth(), rollback=harm_rule(), promotion=None)

    assert outcome.rollback.requests_needed(0.5) is None
    assert outcome.promotion.requests_quantile(0.5) is None
    assert outcome.promotion.mean_requests is None
    assert outcome.promotion.mean_errors is None
    assert outcome.promotion.errors_quantile(0.5) is None


def test_quantiles_are_of_the_runs_that_end_so():
    rollback = walk(release(1.0), tenth(), rollback=harm_rule(), promotion=None).rollback

    median = rollback.requests_quantile(0.5)

    assert rollback.probability_by(median) == pytest.approx(rollback.probability / 2, rel=1e-4)


def test_means_of_the_ends_and_of_the_undecided_add_up():
    outcome = walk(release(1.2), tenth(8000), rollback=harm_rule(), promotion=promotion_rule(1.5))

    parts = [end.probability * end.mean_requests for end in (outcome.rollback, outcome.promotion)]

    assert outcome.undecided > 0.1
    assert sum(parts) + outcome.undecided * 8000 == pytest.approx(outcome.mean_requests)


def test_mean_requests_at_rollback_are_the_mean_errors_over_the_rate():
    rollback = walk(release(2.0), tenth(), rollback=harm_rule(), promotion=None).rollback

    assert rollback.mean_requests == pytest.approx(rollback.mean_errors * 0.1 / 0.011, rel=1e-6)


def test_half_of_the_rollbacks_come_by_the_median_error():
    rollback = walk(release(2.0), tenth(), rollback=harm_rule(), promotion=None).rollback
    median = rollback.errors_quantile(0.5)

    by_then = rollback.chances[rollback.errors <= median].sum()
    assert by_then >= 0.5 > by_then - rollback.chances[rollback.errors == median].sum()


def test_excess_errors_are_what_the_treatment_got_more_than_control_would_have():
    outcome = walk(release(2.0), tenth(), rollback=harm_rule(), promotion=None)

    assert outcome.excess_errors == pytest.approx(0.01 * outcome.mean_requests)
    better = walk(release(0.5), tenth(), rollback=harm_rule(), promotion=promotion_rule(1.5))
    assert better.excess_errors < 0.0


def test_dispersion_stretches_time_and_nothing_else():
    once = walk(release(2.0), tenth(10_000), rollback=harm_rule(), promotion=None)
    thrice = walk(release(2.0, dispersion=3.0), tenth(30_000), rollback=harm_rule(), promotion=None)

    assert thrice.rollback.probability == pytest.approx(once.rollback.probability)
    assert thrice.mean_requests == pytest.approx(3 * once.mean_requests)
    assert thrice.rollback.mean_errors == pytest.approx(3 * once.rollback.mean_errors)


def test_several_legs_of_one_share_are_one_leg():
    legs = tuple(Leg(share=0.1, treatment_requests=n) for n in (1234, 4321, 44_445))

    split = walk(release(1.5), Traffic(legs=legs), rollback=harm_rule(), promotion=None)

    one = walk(release(1.5), tenth(), rollback=harm_rule(), promotion=None)
    assert split.mean_requests == pytest.approx(one.mean_requests)
    assert split.rollback.requests_needed(0.8) == pytest.approx(one.rollback.requests_needed(0.8), abs=0.01)


def test_promotion_waits_for_the_floor_of_the_last_leg():
    promotion = walk(release(0.5), CANARY, rollback=harm_rule(), promotion=promotion_rule(2.0)).promotion

    assert promotion.probability_by(CANARY.promotion_from - 1) == 0.0
    assert promotion.requests_needed(0.5) >= CANARY.promotion_from == 8800.0


@settings(deadline=None, max_examples=30)
@given(
    share=st.floats(0.05, 0.9),
    base_rate=st.floats(1e-4, 0.02),
    dispersion=st.floats(1.0, 5.0),
    look=st.one_of(st.none(), st.floats(10.0, 600.0)),
)
def test_a_worse_release_is_rolled_back_more_often_and_chances_add_up(share, base_rate, dispersion, look):
    traffic = Traffic(legs=(Leg(share=share, treatment_requests=600.0),), requests_per_look=look)
    releases = [
        Truth(base_rate=base_rate, ratio=ratio, dispersion=dispersion) for ratio in (0.8, 1.0, 1.5, 3.0)
    ]

    outcomes = [
        walk(each, Traffic(legs=traffic.legs), rollback=harm_rule(), promotion=None) for each in releases
    ]
    chances = [outcome.rollback.probability for outcome in outcomes]
    both = walk(releases[2], traffic, rollback=harm_rule(), promotion=promotion_rule(1.5))

    assert chances == pytest.approx(sorted(chances), abs=1e-9)
    assert both.rollback.probability + both.promotion.probability + both.undecided == pytest.approx(1.0)
    assert 0.0 <= both.mean_requests <= 600.0 + 1e-6


def test_rollback_does_not_wait():
    rollback = walk(release(5.0), CANARY, rollback=harm_rule(), promotion=promotion_rule(2.0)).rollback

    assert rollback.requests_needed(0.5) < 300.0


def test_ends_fall_on_looks():
    rollback = walk(release(5.0), tenth(5000, 5000.0), rollback=harm_rule(), promotion=None).rollback

    assert rollback.probability_by(499.0) == 0.0
    assert rollback.requests_needed(0.9) == pytest.approx(500.0, abs=0.01)


def test_without_errors_nothing_can_be_decided():
    rare = Truth(base_rate=1e-7, ratio=1.0)

    outcome = walk(rare, tenth(1000, 100.0), rollback=harm_rule(), promotion=promotion_rule(1.5))

    assert outcome.undecided == 1.0
    assert outcome.mean_requests == 1000.0


@pytest.mark.parametrize("cap", [100.0, 1000.0, 20_000.0])
def test_mean_arrival_of_an_error_is_the_area_above_its_distribution(cap):
    time = clock(release(1.5), CANARY)
    error = np.array([7.0, 60.0, 700.0])
    requests = np.linspace(0.0, cap, 4001)
    area = np.trapezoid(1.0 - np.array([time.seen(error, n) for n in requests]), requests, axis=0)

    assert time.mean_seen(error, cap) == pytest.approx(area, rel=1e-3)


def test_the_first_legs_get_their_expected_errors():
    time = clock(release(1.0), CANARY)
    shares = time.shares_since(time.error_counts)

    assert [int((shares == share).sum()) for share in (0.01, 0.05, 0.2)] == [300, 300, 300]


@pytest.mark.parametrize(
    "build",
    [
        lambda: Leg(share=0.0, treatment_requests=1.0),
        lambda: Leg(share=0.5, treatment_requests=0.0),
        lambda: Traffic(legs=()),
        lambda: Traffic(legs=(Leg(share=0.5, treatment_requests=10.0),), floor_requests=11.0),
        lambda: Traffic(legs=(Leg(share=0.5, treatment_requests=10.0),), requests_per_look=21.0),
        lambda: Truth(base_rate=0.0, ratio=1.0),
        lambda: Truth(base_rate=0.6, ratio=2.0),
        lambda: Truth(base_rate=0.1, ratio=1.0, dispersion=0.9),
        lambda: walk(release(1.0), tenth(), rollback=promotion_rule(1.5), promotion=None),
        lambda: walk(release(1.0), tenth(), rollback=None, promotion=harm_rule()),
        lambda: walk(release(1.0), tenth(), rollback=harm_rule(), promotion=None).rollback.requests_needed(
            1.0
        ),
    ],
)
def test_impossible_designs_are_refused(build):
    with pytest.raises(ValueError, match=r"leg|floor|look|rates|dispersion|other side|probability"):
        build()
