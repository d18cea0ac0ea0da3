"""What not knowing the dispersion costs, held against runs that do not know it."""

from dataclasses import replace

import numpy as np
import pytest

from analysis.monitoring import Bound, TrialCounts, watch
from analysis.planning.learning import price
from analysis.planning.questions import UNKNOWN_DISPERSION, question_of
from analysis.planning.schedule import Phase
from analysis.planning.traffic import Flow
from engine.core.model import Metric, MetricKind
from engine.core.verdict import VerdictKind
from tests.builders import a_metric, an_experiment

ERRORS = a_metric(margin=Bound(relative=0.5), dispersion=None)
INTERVAL_S = 15.0


def priced(trials: int, weight_pct: int, metric: Metric = ERRORS, base: float = 0.01) -> float:
    experiment = an_experiment(metrics=(metric,))
    flow = Flow(rate_per_s=trials / INTERVAL_S, base_rate=base)
    return price(
        question_of(experiment, metric, flow),
        a_phase(weight_pct),
        rate_per_s=flow.rate_per_s,
        interval_s=INTERVAL_S,
    )


def a_phase(weight_pct: int) -> Phase:
    return Phase(
        number=0,
        weight_pct=weight_pct,
        control_pct=100 - weight_pct,
        hold_s=0.0,
        floor=0,
        seconds=3600.0,
        least_s=0.0,
    )


def windows_to_promote(trials: int, weight_pct: int, dispersion: float | None, runs: int = 100) -> float:
    """Mean windows until good runs are shown to be good."""
    rng = np.random.default_rng(8)
    errors = watch("proportion", tolerance=ERRORS.tolerance, margin=ERRORS.margin, dispersion=dispersion)
    n_t = np.full(runs, trials * weight_pct // 100)
    n_c = trials - n_t
    state, done = errors.start(runs), np.zeros(runs)
    for window in range(1, 1500):
        bad_t, bad_c = rng.binomial(n_t, 0.01), rng.binomial(n_c, 0.01)
        state = errors.update(state, TrialCounts(bad_t=bad_t, n_t=n_t, bad_c=bad_c, n_c=n_c))
        shown = [record.verdict is VerdictKind.NOT_WORSE for record in errors.records(state)]
        done = np.where((done == 0) & shown, window, done)
        if done.all():
            break
    return float(np.mean(done[done > 0]))


@pytest.mark.slow
@pytest.mark.parametrize(("trials", "weight_pct"), [(200, 10), (200, 50), (1000, 10), (1000, 50)])
def test_the_price_is_about_what_runs_pay(trials: int, weight_pct: int) -> None:
    paid = windows_to_promote(trials, weight_pct, None) / windows_to_promote(trials, weight_pct, 1.0)
    assert priced(trials, weight_pct) == pytest.approx(paid, rel=1 / 3)


def test_many_requests_in_a_window_cost_more_than_few() -> None:
    assert priced(100, 50) < priced(1000, 50) < priced(10_000, 50)
    assert priced(1000, 10) < priced(1000, 50)


def test_it_never_costs_less_than_the_least() -> None:
    assert priced(10, 1) == UNKNOWN_DISPERSION


def test_what_can_not_be_shown_has_the_least_price() -> None:
    nothing_ships = replace(ERRORS, margin=Bound())
    assert priced(1000, 50, nothing_ships) == UNKNOWN_DISPERSION


def test_absolute_margins_latencies_and_good_trials_have_a_price_too() -> None:
    absolute = replace(ERRORS, margin=Bound(absolute=0.005))
    latency = replace(ERRORS, kind=MetricKind.DISTRIBUTION, slo_s=0.5)
    good = replace(ERRORS, higher_is_better=True, margin=Bound(relative=0.05))
    for metric, base in ((absolute, 0.01), (latency, 0.01), (good, 0.5)):
        assert priced(5000, 50, metric, base) > 2.0 * UNKNOWN_DISPERSION
