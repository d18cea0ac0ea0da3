"""Expectations by adding up every outcome of a small window: no simulation, no tolerance for luck."""

from collections.abc import Callable, Iterator
from math import exp

from scipy.stats import binom

from engine.core.measure import Trials, TrialsReading

ROUNDING = 1e-9


def table(bad_t: int, n_t: int, bad_c: int, n_c: int) -> TrialsReading:
    return TrialsReading(control=Trials(bad=bad_c, total=n_c), treatment=Trials(bad=bad_t, total=n_t))


def outcomes(n_t: int, n_c: int) -> Iterator[TrialsReading]:
    for bad_t in range(n_t + 1):
        for bad_c in range(n_c + 1):
            yield table(bad_t, n_t, bad_c, n_c)


def expectation(
    log_factor: Callable[[TrialsReading], float], n_t: int, n_c: int, rate_t: float, rate_c: float
) -> float:
    """E[exp(log_factor)] of one window with independent trials."""
    probability_t = binom.pmf(range(n_t + 1), n_t, rate_t)
    probability_c = binom.pmf(range(n_c + 1), n_c, rate_c)
    return sum(
        float(probability_t[reading.treatment.bad] * probability_c[reading.control.bad])
        * exp(log_factor(reading))
        for reading in outcomes(n_t, n_c)
    )
