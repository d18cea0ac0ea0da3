"""A canary's budget, simulated: the strategy itself, on the evidence itself, with a harmful release."""

from dataclasses import replace

import numpy as np
import pytest

from analysis.planning.blast import with_budget
from analysis.stats import starts
from analysis.stats.counts import TrialCounts
from analysis.stats.methods import monitor_of
from engine.core.model import Bound, Experiment
from engine.core.plan import Budget, Plan, Step
from engine.core.proposal import Climb, Finish, Progress
from strategies.canary import Canary
from tests.builders import a_metric, an_experiment

RUNS, WINDOWS, SEED = 200, 1200, 20_260
PER_WINDOW, WINDOW_S = 750, 15.0
BASE_RATE, EFFECT = 0.01, 1.5
STEPS = tuple(Step(weight_pct=pct, hold_s=60, floor=100) for pct in (1, 5, 20, 50))


def canary(budget: float | None) -> Experiment:
    given = None if budget is None else Budget(excess=budget)
    plan = Plan(strategy="canary", steps=STEPS, budget=given)
    return with_budget(an_experiment(plan=plan, metrics=(a_metric(margin=Bound(relative=0.5)),)))


def excess_of(experiment: Experiment) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Per run expected excess bad trials, how it ended (1 rolled back, -1 promoted), and the most weight."""
    rng = np.random.default_rng(SEED)
    monitor = monitor_of(experiment.metrics[0])
    state = monitor.start(RUNS)
    step, pct = np.full(RUNS, -1), np.zeros(RUNS, dtype=int)
    since, ended = np.zeros(RUNS), np.zeros(RUNS)
    excess, largest = np.zeros(RUNS), np.zeros(RUNS, dtype=int)
    for window in range(WINDOWS):
        shown = monitor.log_e_promote(state) >= -np.log(experiment.alpha_promote)
        moved = np.zeros(RUNS, dtype=bool)
        for run in np.flatnonzero(ended == 0):
            age_s = (window - since[run]) * WINDOW_S
            proposal = Canary().propose(
                experiment.plan,
                _progress(state.totals[run], state.step[run], step[run], pct[run], age_s, shown[run]),
            )
            match proposal:
                case Climb(step=rung, weights=weights):
                    step[run], pct[run], since[run], moved[run] = rung, weights.given, window, True
                case Finish():
                    ended[run] = -1
        state = monitor.with_step(state, moved)
        state = monitor.with_start(state, np.where(moved, starts.AT_CHANGE, 0.0))
        going = ended == 0
        if not going.any():
            break
        served = rng.binomial(PER_WINDOW, pct / 100.0) * going
        others = (PER_WINDOW - served) * going
        counts = TrialCounts(
            bad_t=rng.binomial(served, BASE_RATE * EFFECT).astype(float),
            n_t=served.astype(float),
            bad_c=rng.binomial(others, BASE_RATE).astype(float),
            n_c=others.astype(float),
        )
        state = monitor.update(state, counts, going)
        excess += served * BASE_RATE * (EFFECT - 1.0)
        largest = np.maximum(largest, pct)
        ended[going & (state.log_e_harm >= -np.log(experiment.alpha_rollback))] = 1
    return excess, ended, largest


def _progress(
    totals: np.ndarray, before: np.ndarray, step: int, pct: int, age_s: float, shown: bool
) -> Progress:
    bad_t, treated, controlled = totals[0], totals[4], totals[5]
    here = totals[:4] - before
    ratio = treated / controlled if controlled else np.inf
    inside = here[1] > 0 and here[3] > 0 and here[0] / here[1] <= 1.5 * here[2] / here[3]
    return Progress(
        step=int(step),
        step_age_s=age_s,
        step_trials=(int(here[3]), int(here[1])),
        not_worse=bool(shown),
        inside_margin_at_step=bool(inside),
        weight_pct=int(pct),
        excess=max(0.0, float(bad_t * (1.0 - 1.0 / ratio))) if treated else 0.0,
    )


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_expected_harm_of_the_declared_effect_stays_inside_the_budget() -> None:
    """Mean over runs, within two standard errors; the same traffic on fixed steps costs more."""
    budget = 60.0
    spent, ended, largest = excess_of(canary(budget))
    fixed, fixed_ended, _ = excess_of(canary(None))
    error = spent.std(ddof=1) / np.sqrt(RUNS)
    print(f"budget {budget}: {spent.mean():.1f} (s.e. {error:.1f}), {ended.tolist().count(1)} rolled back,")
    print(f"weights up to {largest.max()} %; fixed steps: {fixed.mean():.1f}, {(fixed_ended == 1).sum()}")

    assert spent.mean() - 2 * error <= budget
    assert spent.mean() < fixed.mean()
    assert (ended == 1).mean() > 0.8
    assert largest.max() < 50


@pytest.mark.slow
def test_what_is_expected_at_a_weight_is_what_it_costs() -> None:
    """The table against the evidence itself, at one weight from the beginning."""
    one = replace(canary(1e9).plan, steps=(Step(weight_pct=20, hold_s=1e9, floor=100),))
    table = with_budget(an_experiment(plan=one, metrics=(a_metric(margin=Bound(relative=0.5)),))).plan.budget
    assert table is not None
    alone = an_experiment(plan=replace(one, budget=None), metrics=(a_metric(margin=Bound(relative=0.5)),))

    spent, ended, _ = excess_of(alone)

    error = spent.std(ddof=1) / np.sqrt(RUNS)
    assert (ended == 1).mean() > 0.95
    # Windows end late by half a window, and the start-point mixture costs or wins a little.
    assert spent.mean() == pytest.approx(table.expected[19], abs=3 * error + 0.05 * table.expected[19])
