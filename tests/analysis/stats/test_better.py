from math import exp, log

import numpy as np
import pytest

from analysis.stats import better
from analysis.stats.methods import asks_better
from analysis.stats.mixture import BETTER_LOG_WEIGHTS, BETTER_RATIOS, Floats
from analysis.stats.trials import TrialsMethod
from engine.core.measure import TrialsReading
from engine.core.model import Bound, MetricKind, Role, Unit
from engine.core.plan import Stage
from tests.analysis.stats.enumeration import ROUNDING, expectation
from tests.analysis.stats.paths import trials
from tests.builders import a_metric, an_experiment

METHOD = TrialsMethod(
    tolerance=Bound(relative=0.05), margin=Bound(relative=0.5), effect_ratio=1.5, asks_better=True
)
RARE, COMMON = np.zeros((1, 7)), np.array([[50.0, 100.0, 50.0, 100.0, 0.0, 0.0, 0.0]])
"""Totals of earlier windows: bad trials that are common call for the exact form."""


def better_logs(counts: tuple[int, int, int, int], totals: Floats = RARE) -> Floats:
    return METHOD.increments(trials(*counts), np.zeros((1, METHOD.widths.memory)), totals).better


@pytest.mark.parametrize("totals", [RARE, COMMON], ids=["binomial", "exact"])
@pytest.mark.parametrize("rate_c", [0.001, 0.05, 0.4, 1.0])
@pytest.mark.parametrize("worse_by", [1.0, 1.2, 3.0])
def test_a_treatment_that_is_not_better_expects_at_most_one(
    totals: Floats, rate_c: float, worse_by: float
) -> None:
    def factor(reading: TrialsReading) -> float:
        t, c = reading.treatment, reading.control
        logs = better_logs((t.bad, t.total, c.bad, c.total), totals)
        return float(METHOD.log_e_better(logs, np.ones(1))[0])

    assert expectation(factor, 6, 9, min(1.0, rate_c * worse_by), rate_c) <= 1 + ROUNDING


def test_it_is_the_likelihood_ratio_with_the_arms_swapped() -> None:
    logs = better_logs((20, 1000, 30, 1000))[0]
    expected = [30 * log(r) - 50 * log(1 - 0.5 + 0.5 * r) for r in BETTER_RATIOS.tolist()]
    assert logs == pytest.approx(expected)


def test_the_weights_of_its_alternatives_add_up_to_one() -> None:
    assert np.exp(BETTER_LOG_WEIGHTS).sum() == pytest.approx(1.0)


def test_some_alternative_grows_at_85_percent_of_the_best_rate() -> None:
    """For small effects a bet of `b` on a true log ratio of `x` grows as `2 b x - b^2`, at best `x^2`."""
    bets = np.log(BETTER_RATIOS)
    for x in np.linspace(bets[0], bets[-1], 200):
        assert max((2 * bets * x - bets**2) / x**2) >= 0.85


def test_without_the_question_there_is_no_answer() -> None:
    unasked = TrialsMethod(tolerance=Bound(), margin=Bound(), effect_ratio=1.5)
    found = unasked.increments(trials(1, 10, 2, 10), np.zeros((1, 0)), RARE)
    assert found.better.shape == (1, 0)


@pytest.mark.parametrize(
    ("changes", "asked"),
    [
        ({"role": Role.OBJECTIVE}, True),
        ({"role": Role.GUARDRAIL}, False),
        ({"role": Role.OBJECTIVE, "stage": Stage.SETTLE}, False),
        ({"role": Role.OBJECTIVE, "kind": MetricKind.THRESHOLD}, False),
        ({"role": Role.OBJECTIVE, "kind": MetricKind.DISTRIBUTION}, False),
        ({"role": Role.OBJECTIVE, "kind": MetricKind.DISTRIBUTION, "slo_s": 0.5}, True),
        ({"role": Role.OBJECTIVE, "kind": MetricKind.MEAN}, True),
        ({"role": Role.OBJECTIVE, "kind": MetricKind.COUNT}, True),
    ],
)
def test_only_objectives_that_are_compared_in_a_split_are_asked(
    changes: dict[str, object], asked: bool
) -> None:
    assert asks_better(a_metric(**changes)) is asked


def test_requests_of_sticky_visitors_may_not_promote() -> None:
    per_request, per_session = a_metric(), a_metric(unit=Unit.SESSION)
    sticky = an_experiment(sticky=True)
    assert not better.may_promote(sticky, per_request)
    assert better.may_promote(sticky, per_session)
    assert better.may_promote(an_experiment(), per_request)


def test_holm_rejects_step_by_step() -> None:
    at = {name: log(e) for name, e in {"a": 61.0, "b": 41.0, "c": 19.0}.items()}
    assert better.rejected(at, 0.05) == ("a", "b")
    assert better.rejected(at | {"a": log(59.0)}, 0.05) == ()
    assert better.rejected(at | {"c": log(21.0)}, 0.05) == ("a", "b", "c")
    assert better.rejected({}, 0.05) == ()


def test_holm_agrees_with_the_textbook() -> None:
    rng = np.random.default_rng(1)
    for _ in range(200):
        log_es = {str(i): float(rng.normal(3.0, 1.5)) for i in range(4)}
        p_values = sorted((min(1.0, exp(-e)), name) for name, e in log_es.items())
        adjusted = 0.0
        expected = set()
        for rank, (p, name) in enumerate(p_values):
            adjusted = max(adjusted, (4 - rank) * p)
            if adjusted <= 0.05:
                expected.add(name)
        assert set(better.rejected(log_es, 0.05)) == expected
