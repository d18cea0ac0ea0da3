"""Plans of absolute margins are approximate: control's share is taken as known. Here the runs themselves."""

import numpy as np
import pytest

from analysis.planning import Flow, plan
from analysis.planning.report import Quality
from analysis.stats import starts
from analysis.stats.counts import TrialCounts
from analysis.stats.methods import monitor_of
from engine.core.plan import Plan, Step
from tests.builders import a_metric, an_experiment

RUNS, SEED = 400, 4_711
PER_WINDOW, WINDOW_S, WEIGHT = 750, 15.0, 20
STEP = Plan(strategy="canary", steps=(Step(weight_pct=WEIGHT, hold_s=60, floor=100),))


def simulated(base_rate: float, ratio: float, windows: int) -> tuple[float, float, float]:
    """Shares of runs promoted and rolled back, and mean treatment requests of those promoted."""
    rng, experiment = np.random.default_rng(SEED), an_experiment(metrics=(a_metric(),), plan=STEP)
    monitor = monitor_of(experiment.metrics[0])
    state, ended, at = monitor.start(RUNS), np.zeros(RUNS), np.zeros(RUNS)
    for window in range(windows):
        served = rng.binomial(PER_WINDOW, WEIGHT / 100, RUNS)
        counts = TrialCounts(
            bad_t=rng.binomial(served, base_rate * ratio).astype(float),
            n_t=served.astype(float),
            bad_c=rng.binomial(PER_WINDOW - served, base_rate).astype(float),
            n_c=(PER_WINDOW - served).astype(float),
        )
        state = monitor.update(state, counts)
        if window % (windows // 32) == 0:
            state = monitor.with_start(state, starts.ON_GRID)
        going = ended == 0
        harmful = going & (state.log_e_harm >= -np.log(experiment.alpha_rollback))
        shown = going & ~harmful & (monitor.log_e_promote(state) >= -np.log(experiment.alpha_promote))
        ended[harmful], ended[shown] = 1, -1
        at[shown] = state.totals[shown, 1]
    promoted = ended == -1
    mean = float(at[promoted].mean()) if promoted.any() else 0.0
    return float(promoted.mean()), float((ended == 1).mean()), mean


@pytest.mark.slow
@pytest.mark.parametrize(
    ("base_rate", "quality"),
    [(0.0005, Quality.SAME), (0.0005, Quality.MARGIN), (0.002, Quality.SAME), (0.002, Quality.EFFECT)],
)
def test_runs_end_as_planned(base_rate: float, quality: Quality) -> None:
    windows = 1200
    experiment = an_experiment(metrics=(a_metric(),), plan=STEP, horizon_s=windows * WINDOW_S)
    flow = Flow(rate_per_s=PER_WINDOW / WINDOW_S, base_rate=base_rate)
    release = plan(experiment, {"errors": flow}).metrics[0].release(quality)
    assert release is not None

    promoted, rolled_back, mean = simulated(base_rate, release.ratio, windows)

    fate = release.fate
    print(f"{base_rate} {quality}: promoted {promoted:.3f}, planned {fate.promotion.probability:.3f};")
    print(f"rolled back {rolled_back:.3f}, planned {fate.rollback.probability:.3f}; mean {mean:.0f}")
    assert promoted == pytest.approx(fate.promotion.probability, abs=0.07)
    assert rolled_back == pytest.approx(fate.rollback.probability, abs=0.07)
    if quality is Quality.SAME:
        assert fate.promotion.moment is not None
        print(f"planned mean {fate.promotion.moment.mean_requests:.0f}")
        assert mean == pytest.approx(fate.promotion.moment.mean_requests, rel=0.2)
