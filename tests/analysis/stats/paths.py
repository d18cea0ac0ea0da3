"""Expectations of an e-value watched over several windows, by adding up every path of outcomes.

Every path of outcomes is one run of a batch, so that one pass of the statistics sees them all.
"""

from collections.abc import Sequence
from itertools import product

import numpy as np
from scipy.stats import binom, poisson

from analysis.stats.counts import Counts, EventCounts, TrialCounts
from analysis.stats.mixture import Floats
from analysis.stats.monitor import Monitor, State

ROUNDING = 1e-9


def trials(bad_t: float, n_t: float, bad_c: float, n_c: float) -> TrialCounts:
    """One window of one run."""
    bad_ts, n_ts, bad_cs, n_cs = np.array([[bad_t], [n_t], [bad_c], [n_c]], dtype=np.float64)
    return TrialCounts(bad_t=bad_ts, n_t=n_ts, bad_c=bad_cs, n_c=n_cs)


def every_path(*sizes: tuple[int, int]) -> list[TrialCounts]:
    """One batch per window of sizes (n_t, n_c), whose runs are all sequences of outcomes."""
    ranges = [range(n + 1) for window in sizes for n in window]
    paths = np.array(list(product(*ranges)), dtype=np.float64)
    return [
        TrialCounts(
            bad_t=paths[:, 2 * index],
            n_t=np.full(len(paths), float(n_t)),
            bad_c=paths[:, 2 * index + 1],
            n_c=np.full(len(paths), float(n_c)),
        )
        for index, (n_t, n_c) in enumerate(sizes)
    ]


def chance(window: TrialCounts, rate_t: float | Floats, rate_c: float | Floats) -> Floats:
    """Probability of each run's outcome with independent trials, shape (runs,)."""
    treatment, control = (
        binom.pmf(window.bad_t, window.n_t, rate_t),
        binom.pmf(window.bad_c, window.n_c, rate_c),
    )
    return np.asarray(treatment * control)


def every_count(*shares: float, most: int) -> list[EventCounts]:
    """One batch per window, by the treatment's share, of all sequences of up to `most` events per arm."""
    paths = np.array(list(product(range(most + 1), repeat=2 * len(shares))), dtype=np.float64)
    return [
        EventCounts(
            treatment=paths[:, 2 * index],
            control=paths[:, 2 * index + 1],
            share=np.full(len(paths), share),
        )
        for index, share in enumerate(shares)
    ]


def count_chance(window: EventCounts, rate_t: float, rate_c: float) -> Floats:
    """Probability of each run's counts at these rates per window with all traffic."""
    treatment = poisson.pmf(window.treatment, rate_t * window.share)
    control = poisson.pmf(window.control, rate_c * (1.0 - window.share))
    return np.asarray(treatment * control)


def expectation(log_e: Floats, *chances: Floats) -> float:
    """E[exp(log_e)], from the probability of every window's outcome."""
    weights = np.prod(np.stack(chances), axis=0)
    return float((weights * np.exp(log_e)).sum())


def watched(monitor: Monitor, windows: Sequence[Counts], state: State | None = None) -> State:
    """State after these windows."""
    now = monitor.start(len(_first(windows[0]))) if state is None else state
    for window in windows:
        now = monitor.update(now, window)
    return now


def _first(window: Counts) -> Floats:
    return window.n_t if isinstance(window, TrialCounts) else window.treatment
