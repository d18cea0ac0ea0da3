"""Pods whose levels differ for the whole run: what counting them as clusters prevents, and what it costs.

A base rate of 1 %, alpha 5 %, tolerance 1.0, margin 1.5, windows of 900 requests, dispersion declared as 1.
Every pod's rate is off by a log-normal factor of mean 1 that it keeps. Each assertion allows two standard
errors.
"""

from dataclasses import dataclass
from math import log, sqrt

import numpy as np
import pytest
from numpy.typing import NDArray

from analysis.stats.counts import TrialCounts
from analysis.stats.methods import monitor_of
from analysis.stats.pods import PodCounts
from engine.core.model import Bound
from tests.builders import a_metric

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

Floats = NDArray[np.float64]
ALPHA = 0.05
RATE = 0.01
REQUESTS = 900


@dataclass(frozen=True, kw_only=True)
class Ends:
    """First window of the rollback and of the promotion, infinite where there was none, shape (runs,)."""

    rolled_back: Floats
    promoted: Floats


@dataclass(frozen=True, kw_only=True)
class Release:
    """What is released, and on how many pods.

    Attributes:
        pods: of the treatment and of control. spread: standard deviation of a pod's log level.
        share: the treatment's part of requests. ratio: how much worse it is. dispersion: None: in the run.
    """

    pods: tuple[int, int]
    spread: float
    share: float = 0.1
    ratio: float = 1.0
    windows: int = 200
    dispersion: float | None = 1.0


def watched(release: Release, runs: int, seed: int, *, clustered: bool) -> Ends:
    """Runs of the release; the same seed gives the same traffic."""
    rng = np.random.default_rng(seed)
    metric = a_metric(
        tolerance=Bound(relative=0.0), margin=Bound(relative=0.5), dispersion=release.dispersion
    )
    monitor = monitor_of(metric)
    state = monitor.start(runs)
    levels = [
        worse * RATE * np.exp(rng.normal(-(release.spread**2) / 2, release.spread, (runs, pods)))
        for pods, worse in zip(release.pods, (release.ratio, 1.0), strict=True)
    ]
    parts = (release.share, 1.0 - release.share)
    each = [int(REQUESTS * part) // pods for part, pods in zip(parts, release.pods, strict=True)]
    rolled_back, promoted = np.full(runs, np.inf), np.full(runs, np.inf)
    for window in range(1, release.windows + 1):
        arms = [
            np.stack([np.full(level.shape, float(n)), rng.binomial(n, level)], axis=-1)
            for level, n in zip(levels, each, strict=True)
        ]
        state = monitor.update(state, _totals(*arms), pods=_pods(*arms) if clustered else None)
        rolled_back = _first(rolled_back, state.log_e_harm, window)
        promoted = _first(promoted, monitor.log_e_promote(state), window)
    return Ends(rolled_back=rolled_back, promoted=promoted)


def _totals(treatment: Floats, control: Floats) -> TrialCounts:
    (n_t, bad_t), (n_c, bad_c) = treatment.sum(axis=1).T, control.sum(axis=1).T
    return TrialCounts(bad_t=bad_t, n_t=n_t, bad_c=bad_c, n_c=n_c)


def _pods(treatment: Floats, control: Floats) -> PodCounts:
    return PodCounts(treatment=treatment, control=control)


def _first(before: Floats, log_e: Floats, window: int) -> Floats:
    return np.minimum(before, np.where(log_e >= log(1 / ALPHA), window, np.inf))


def rate(ended: Floats) -> float:
    """Share of runs that ended so."""
    return float(np.isfinite(ended).mean())


def most(runs: int) -> float:
    """The largest rate that alpha allows, with two standard errors."""
    return ALPHA + 2 * sqrt(ALPHA * (1 - ALPHA) / runs)


RUNS = 1_500
CASES = [
    ((3, 3), 0.1, 0.3),
    ((3, 3), 0.5, 0.5),
    ((5, 5), 0.1, 0.5),
    ((10, 10), 0.5, 0.3),
    ((3, 27), 0.1, 0.5),
]


@pytest.mark.parametrize(("pods", "share", "spread"), CASES)
def test_pods_that_differ_are_no_harm(pods: tuple[int, int], share: float, spread: float) -> None:
    release = Release(pods=pods, share=share, spread=spread)
    assert rate(watched(release, RUNS, 3, clustered=True).rolled_back) <= most(RUNS)
    assert rate(watched(release, RUNS, 3, clustered=False).rolled_back) > 2 * ALPHA


@pytest.mark.parametrize(("pods", "share", "spread"), CASES)
def test_pods_that_differ_promote_no_worse_release(
    pods: tuple[int, int], share: float, spread: float
) -> None:
    release = Release(pods=pods, share=share, spread=spread, ratio=1.5)
    assert rate(watched(release, RUNS, 4, clustered=True).promoted) <= most(RUNS)
    assert rate(watched(release, RUNS, 4, clustered=False).promoted) > 2 * ALPHA


def test_a_run_without_history_counts_pods_too() -> None:
    release = Release(pods=(3, 3), share=0.5, spread=0.5, dispersion=None)
    assert rate(watched(release, RUNS, 5, clustered=True).rolled_back) <= most(RUNS)
    assert rate(watched(release, RUNS, 5, clustered=False).rolled_back) > 2 * ALPHA


@pytest.mark.parametrize(("pods", "limit"), [((10, 10), 1.10), ((5, 5), 1.15)])
def test_pods_that_do_not_differ_cost_little(pods: tuple[int, int], limit: float) -> None:
    """Windows until a treatment 1.5 times as bad is rolled back, on the same traffic."""
    release = Release(pods=pods, spread=0.0, ratio=1.5, windows=250)
    apart, together = (
        np.minimum(watched(release, 300, 6, clustered=clustered).rolled_back, release.windows)
        for clustered in (True, False)
    )
    difference = apart - limit * together
    assert difference.mean() <= 2 * difference.std() / sqrt(len(difference))
