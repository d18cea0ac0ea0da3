"""Rules as lines: e-values, where they fire, and what is no rule."""

from dataclasses import replace
from math import comb, exp, log

import numpy as np
import pytest

from analysis.design.rules import Rule, fires_from, fires_up_to, log_e
from tests.analysis.design.designs import harm_rule, point_rule, promotion_rule

RAMP = np.repeat([0.01, 0.05, 0.2, 0.5], [3, 5, 8, 30])
ONE_BY_ONE = np.ones(len(RAMP), dtype=int)


def evidence(rule, errors, treatment_errors):
    shares, counts = np.unique(RAMP[:errors], return_counts=True)
    return log_e(rule, shares.tolist(), counts.tolist(), treatment_errors)


@pytest.mark.parametrize("weight", [1.0, 0.5])
def test_a_harm_rule_fires_from_its_line_on_and_not_below(weight):
    rule = harm_rule(log(20.0), weight)

    for errors, first in enumerate(fires_from(rule, ONE_BY_ONE, RAMP), 1):
        fired = [evidence(rule, errors, y) >= rule.log_threshold for y in range(errors + 1)]
        assert fired == [y >= first for y in range(errors + 1)]


def test_a_promotion_rule_fires_up_to_its_line_and_not_above():
    rule = replace(promotion_rule(3.0), log_threshold=1.0)

    for errors, last in enumerate(fires_up_to(rule, ONE_BY_ONE, RAMP), 1):
        fired = [evidence(rule, errors, y) >= rule.log_threshold for y in range(errors + 1)]
        assert fired == [y <= last for y in range(errors + 1)]


@pytest.mark.parametrize("rule", [harm_rule(), harm_rule(first_start_weight=0.5), promotion_rule(1.5)])
@pytest.mark.parametrize("share", [0.01, 0.1, 0.5])
def test_the_expected_e_value_is_one_when_the_null_just_holds(rule, share):
    q = share * rule.null_ratio / (1 - share + share * rule.null_ratio)

    expected = sum(
        comb(40, y) * q**y * (1 - q) ** (40 - y) * exp(log_e(rule, [share], [40], y)) for y in range(41)
    )

    assert expected == pytest.approx(1.0, abs=1e-12)


def test_one_alternative_is_the_likelihood_ratio():
    assert log_e(point_rule(2.0), [0.1], [10], 4) == pytest.approx(4 * log(2.0) - 10 * log(1.1))


def test_evidence_does_not_depend_on_when_in_a_leg_errors_came():
    split = log_e(harm_rule(), [0.1, 0.1, 0.5], [3, 4, 2], 5)

    assert split == pytest.approx(log_e(harm_rule(), [0.1, 0.5], [7, 2], 5))


@pytest.mark.parametrize(
    "faults",
    [
        {"ratios": (0.9, 1.5)},
        {"ratios": (1.5, 2.0), "null_ratio": 1.5},
        {"ratios": (0.0, 1.5)},
        {"log_weights": (log(0.5), log(0.6))},
        {"log_weights": (0.0,)},
        {"first_start_weight": 0.0},
        {"first_start_weight": 1.5},
    ],
)
def test_what_is_no_e_process_is_no_rule(faults):
    sound = Rule(ratios=(1.5, 2.0), log_weights=(log(0.5), log(0.5)), null_ratio=1.0, log_threshold=3.0)

    with pytest.raises(ValueError, match=r"weight|ratios"):
        replace(sound, **faults)


def test_a_rule_that_bets_on_the_other_side_has_no_such_line():
    with pytest.raises(ValueError, match="other side"):
        fires_from(promotion_rule(1.5), ONE_BY_ONE, RAMP)
    with pytest.raises(ValueError, match="other side"):
        fires_up_to(harm_rule(), ONE_BY_ONE, RAMP)
