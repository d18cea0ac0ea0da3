"""What is measured on a past is what is true of it."""

import numpy as np
import pytest

from analysis.calibration import (
    AaRuns,
    Calibration,
    aa_runs_of,
    aa_runs_of_pods,
    advice_on,
    calibrate,
    windows_of_a_run,
)
from engine.core.model import Bound, Experiment, MetricKind
from engine.core.plan import Plan, Step
from engine.errors import UsageError
from tests.analysis.calibration.pasts import a_past, errors, latencies, pods
from tests.builders import a_metric, an_experiment

WINDOWS = 200
RUNS = 60


def template(**metric: object) -> Experiment:
    """One step of 50 %, alphas that sixty runs can tell something about."""
    return an_experiment(
        plan=Plan(strategy="canary", steps=(Step(weight_pct=50, hold_s=60, floor=100),)),
        metrics=(a_metric(**{"tolerance": Bound(relative=0.0), **metric}),),
        alpha_rollback=0.05,
    )


def past(swing: float = 0.0, **more: float) -> AaRuns:
    return aa_runs_of([a_past({"errors": errors(RUNS // 10, WINDOWS * 10, swing=swing, **more)})], WINDOWS)


def quiet(_: str) -> None:
    """Tests want no progress."""


def found(experiment: Experiment, runs: AaRuns) -> Calibration:
    return calibrate(experiment, runs, seed=1, tell=quiet)


def test_independent_trials_keep_every_promise() -> None:
    calibration = found(template(), past())
    measured = calibration.as_written
    assert not calibration.is_off
    assert measured.false_rollback.low <= 0.05
    assert measured.promoted.share > 0.8
    wrong = measured.wrong_promotion["errors"]
    assert wrong is not None
    assert wrong.share <= 0.15
    assert calibration.metrics[0].known is not None
    assert calibration.metrics[0].known.value == pytest.approx(1.05, abs=0.05)


def test_windows_that_vary_more_are_found_and_mended() -> None:
    swing = 1.2
    calibration = found(template(dispersion=1.0), past(swing=swing))
    (metric,) = calibration.metrics
    assert metric.known is not None
    # Two bad trials are expected per arm and window; their log-normal rate adds its variance.
    truth = 1.0 + 2.0 * (np.exp(swing**2) - 1.0)
    assert truth * 0.85 < metric.known.value < truth * 1.35
    assert calibration.is_off
    assert calibration.as_written.false_rollback.low > 0.05
    assert calibration.with_history is not None
    assert not calibration.breaks(calibration.with_history)
    (advice, *_) = advice_on(template(dispersion=1.0), calibration)
    assert advice.needed
    assert (advice.metric, advice.lines) == ("errors", (f"dispersion: {metric.to_declare:g}",))


def test_what_is_to_be_declared_is_never_less_than_what_was_found() -> None:
    (metric,) = found(template(), past(swing=0.7)).metrics
    assert metric.known is not None
    assert metric.to_declare is not None
    assert 0.0 <= metric.to_declare - metric.known.value < 0.01


def test_the_same_past_and_seed_give_the_same_numbers() -> None:
    assert found(template(), past()) == found(template(), past())


def test_nothing_is_declared_twice() -> None:
    experiment = template()
    calibration = found(experiment, past())
    (metric,) = calibration.metrics
    declared = template(dispersion=metric.to_declare)
    assert not any(each.metric for each in advice_on(declared, found(declared, past())))


def test_a_bad_pod_stays_correlated_for_too_long() -> None:
    known = pods(4, 3000, rates=[0.01, 0.01, 0.01, 0.2])
    experiment = template(dispersion=None)
    calibration = found(experiment, aa_runs_of_pods(known, experiment, WINDOWS, splits=1, seed=1))
    (metric,) = calibration.metrics
    assert metric.known is not None
    assert metric.known.too_long
    assert metric.to_declare is None
    advice = advice_on(experiment, calibration)
    assert any(each.lines and each.lines[0].startswith("interval: ") for each in advice)
    assert any("an arm has 2 pods" in each.why for each in advice)


def test_a_tolerance_is_no_dispersion() -> None:
    rng = np.random.default_rng(2)
    counts = [rng.multinomial(300, [0.6, 0.35, 0.05], (3, 1000)) for _ in range(2)]
    runs = aa_runs_of([a_past({"errors": latencies(counts, (0.1, 0.5))})], WINDOWS)
    experiment = template(kind=MetricKind.DISTRIBUTION, slo_s=0.5, tolerance=Bound(relative=0.2))
    (metric,) = found(experiment, runs).metrics
    assert metric.known is not None
    assert not metric.known.too_long
    assert metric.known.value < 1.3


def test_other_kinds_are_not_said_to_be_measured() -> None:
    experiment = template(kind=MetricKind.THRESHOLD, limit=0.05)
    assert found(experiment, past()).as_written.wrong_promotion == {"errors": None}


@pytest.mark.parametrize(("run_s", "windows"), [(None, 200), (150.0, 10), (15.0, 1)])
def test_a_run_is_as_long_as_asked_or_as_all_steps(run_s: float | None, windows: int) -> None:
    assert windows_of_a_run(template(), run_s) == windows


def test_long_steps_make_long_runs() -> None:
    steps = tuple(Step(weight_pct=pct, hold_s=3600, floor=100) for pct in (5, 50))
    assert windows_of_a_run(an_experiment(plan=Plan(strategy="canary", steps=steps)), None) == 480


def test_a_run_shorter_than_a_window_is_refused() -> None:
    with pytest.raises(UsageError, match="a run of 3 s is shorter than a window, which has 15 s"):
        windows_of_a_run(template(), 3.0)


def test_a_history_shorter_than_a_run_is_refused() -> None:
    with pytest.raises(UsageError, match="longest run has 150 windows, but a run to be decided takes 200"):
        aa_runs_of([a_past({"errors": errors(3, 150)})], 200)


def test_runs_are_cut_without_overlap_and_without_mixing() -> None:
    columns = errors(3, 55)
    cut = aa_runs_of([a_past({"errors": columns})], 20)
    assert cut.block.end_s[:, 0].tolist() == [15.0, 315.0] * 3
    assert (cut.block.metrics["errors"].control["bad"][3] == columns.control["bad"][1, 20:40]).all()
    assert cut.independent == 6
