"""Treatments are made worse by exactly the margin, and by nothing else."""

from collections.abc import Mapping

import numpy as np
import pytest

from analysis.calibration.worsening import can_be_worsened, worsened
from engine.core.model import Bound, Metric, MetricKind
from tests.analysis.calibration.pasts import a_past, errors, latencies
from tests.builders import a_metric

BOUNDS = (0.1, 0.5, 1.0)


def rates(metric: Metric, arm: Mapping[str, np.ndarray]) -> float:
    if metric.kind is MetricKind.PROPORTION:
        return float(arm["bad"].sum() / arm["total"].sum())
    return float(arm["counts"][..., 2:].sum() / arm["counts"].sum())


def slow(rate: float) -> np.ndarray:
    rng = np.random.default_rng(5)
    shares = [0.7 - rate, 0.3, 0.8 * rate, 0.2 * rate]
    return rng.multinomial(400, shares, (20, 500))


@pytest.mark.parametrize("higher_is_better", [False, True])
@pytest.mark.parametrize("rate", [0.0, 0.0004, 0.01, 0.3])
@pytest.mark.parametrize("kind", [MetricKind.PROPORTION, MetricKind.DISTRIBUTION])
def test_the_worse_arm_is_at_the_margin(kind: MetricKind, rate: float, *, higher_is_better: bool) -> None:
    metric = a_metric(
        kind=kind,
        margin=Bound(relative=0.5, absolute=0.001),
        slo_s=0.5 if kind is MetricKind.DISTRIBUTION else None,
        higher_is_better=higher_is_better,
    )
    columns = (
        errors(20, 500, rate=rate, requests=400)
        if kind is MetricKind.PROPORTION
        else latencies([slow(rate), slow(rate)], BOUNDS)
    )
    worse = worsened(metric, a_past({"errors": columns}), np.random.default_rng(1))
    assert worse is not None
    changed = worse.metrics["errors"]
    control, treatment = rates(metric, changed.control), rates(metric, changed.treatments[0])
    low, high = (treatment, control) if higher_is_better else (control, treatment)
    limit = metric.margin.limit_for(low)
    noise = 5.0 * np.sqrt(2.0 * max(limit, 1e-4) / (20 * 500 * 400))
    assert high == pytest.approx(limit, abs=noise * 1.5)


def test_no_trial_is_gained_or_lost() -> None:
    metric = a_metric(kind=MetricKind.DISTRIBUTION, slo_s=0.5)
    past = a_past({"errors": latencies([slow(0.02), slow(0.02)], BOUNDS)})
    worse = worsened(metric, past, np.random.default_rng(1))
    assert worse is not None
    for before, after in zip(
        (past.metrics["errors"].control, *past.metrics["errors"].treatments),
        (worse.metrics["errors"].control, *worse.metrics["errors"].treatments),
        strict=True,
    ):
        assert (before["counts"].sum(axis=-1) == after["counts"].sum(axis=-1)).all()
        assert (after["counts"] >= 0).all()


def test_a_gap_in_the_past_stays_a_gap() -> None:
    columns = errors(1, 50)
    columns.control["bad"][0, 7] = np.nan
    worse = worsened(a_metric(), a_past({"errors": columns}), np.random.default_rng(1))
    assert worse is not None
    assert np.isnan(worse.metrics["errors"].control["bad"][0, 7])


def test_no_rate_is_beyond_one() -> None:
    past = a_past({"errors": errors(2, 50, rate=0.97)})
    metric = a_metric(margin=Bound(absolute=0.98))
    assert worsened(metric, past, np.random.default_rng(1)) is None


@pytest.mark.parametrize("kind", [MetricKind.MEAN, MetricKind.COUNT, MetricKind.GAUGE, MetricKind.THRESHOLD])
def test_other_kinds_have_no_trials_to_change(kind: MetricKind) -> None:
    assert not can_be_worsened(a_metric(kind=kind))
