"""Where the calculation takes expected numbers of errors for random ones: held against simulated runs."""

from dataclasses import dataclass, replace
from math import log

import numpy as np
import pytest

from analysis.design.outcome import walk
from analysis.design.rules import Floats, Rule
from analysis.design.traffic import Leg, Traffic, Truth
from tests.analysis.design.designs import harm_rule, promotion_rule, release, tenth

pytestmark = pytest.mark.slow
RUNS = 3000
HALF_FIRST = replace(harm_rule(log(100.0)), first_start_weight=0.5)


def canary(scale: float) -> Traffic:
    legs = [(0.01, 120.0), (0.05, 600.0), (0.2, 2400.0), (0.5, 40_000.0)]
    return Traffic(
        legs=tuple(Leg(share=share, treatment_requests=scale * n) for share, n in legs),
        floor_requests=100.0,
        requests_per_look=600.0,
    )


@pytest.mark.parametrize("ratio", [1.0, 1.5, 2.0, 5.0])
@pytest.mark.parametrize("requests_per_look", [100.0, 1500.0])
def test_one_share_and_rare_looks(ratio, requests_per_look):
    agrees(release(ratio), tenth(20_000, requests_per_look), harm_rule(), promotion_rule(1.5))


@pytest.mark.parametrize("ratio", [1.0, 1.5, 2.0, 5.0])
@pytest.mark.parametrize("scale", [1.0, 4.0])
@pytest.mark.parametrize("rollback", [harm_rule(), HALF_FIRST])
def test_a_canary_that_climbs(ratio, scale, rollback):
    agrees(release(ratio, dispersion=1.5), canary(scale), rollback, promotion_rule(1.5))


def agrees(truth: Truth, traffic: Traffic, rollback: Rule, promotion: Rule) -> None:
    outcome = walk(truth, traffic, rollback=rollback, promotion=promotion)
    runs = simulated(truth, traffic, rollback, promotion)
    spread = runs.requests.std() / RUNS**0.5
    assert outcome.mean_requests == pytest.approx(
        runs.requests.mean(), rel=0.03 if truth.ratio < 5 else 0.06, abs=3 * spread
    )
    for found, counted in ((outcome.rollback, runs.rolled_back), (outcome.promotion, runs.promoted)):
        error = 3 * max(found.probability * (1 - found.probability), 1 / RUNS) ** 0.5 / RUNS**0.5
        assert found.probability == pytest.approx(counted.mean(), abs=0.01 + error)


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    rolled_back: Floats
    promoted: Floats
    requests: Floats


def simulated(truth: Truth, traffic: Traffic, rollback: Rule, promotion: Rule) -> Runs:
    rng = np.random.default_rng(20_240_601)
    ends_at = np.cumsum([leg.treatment_requests / leg.share for leg in traffic.legs])
    requests = np.full(RUNS, traffic.horizon)
    rolled_back, promoted = np.zeros(RUNS), np.zeros(RUNS)
    alive, given = np.arange(RUNS), 0.0
    harm, good = np.zeros((RUNS, len(rollback.ratios))), np.zeros((RUNS, len(promotion.ratios)))
    clumps = traffic.requests_per_look * truth.base_rate / truth.dispersion
    for look in range(int(traffic.total_requests / traffic.requests_per_look)):
        middle = (look + 0.5) * traffic.requests_per_look
        share = traffic.legs[int(np.searchsorted(ends_at, middle))].share
        given += share * traffic.requests_per_look
        ours = rng.poisson(clumps * share * truth.ratio, len(alive))
        all_errors = ours + rng.poisson(clumps * (1 - share), len(alive))
        harm += increments(rollback, share, ours, all_errors)
        good += increments(promotion, share, ours, all_errors)
        is_harm = mixed(rollback, harm) >= rollback.log_threshold
        is_good = ~is_harm & (mixed(promotion, good) >= promotion.log_threshold)
        is_good &= given >= traffic.promotion_from - 1e-6
        rolled_back[alive[is_harm]], promoted[alive[is_good]] = 1.0, 1.0
        over = is_harm | is_good
        requests[alive[over]] = given
        alive, harm, good = alive[~over], harm[~over], good[~over]
        if not len(alive):
            break
    return Runs(rolled_back=rolled_back, promoted=promoted, requests=requests)


def increments(rule: Rule, share: float, ours: Floats, all_errors: Floats) -> Floats:
    def likelihood(ratio: Floats) -> Floats:
        return ours[:, None] * np.log(ratio) - all_errors[:, None] * np.log(1 - share + share * ratio)

    return likelihood(np.array(rule.ratios)) - likelihood(np.array([rule.null_ratio]))


def mixed(rule: Rule, logs: Floats) -> Floats:
    weight = rule.first_start_weight
    return np.log(weight * (np.exp(logs) @ np.exp(rule.log_weights)) + 1 - weight)
