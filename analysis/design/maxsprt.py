"""Exact critical values of the Poisson MaxSPRT: events of one arm against an expected number. No mixtures.

Source: Kulldorff et al., A maximized sequential probability ratio test for drug and vaccine safety
surveillance, Sequential Analysis 30 (2011), table 1.
"""

from math import exp, log

import numpy as np
from scipy.optimize import brentq
from scipy.special import lambertw
from scipy.stats import poisson


def signal_probability(critical_value: float, expected_events: float) -> float:
    """Probability that events at the expected rate ever signal before so many are expected.

    n events by the time mu are expected signal when (mu - n) + n log(n / mu) reaches the critical value: the
    n-th event must arrive before a time t_n, which is -n W(-exp(-1 - critical_value / n)).
    """
    n = np.arange(1.0, 2.0 + expected_events + 20.0 * np.sqrt(expected_events + critical_value))
    latest = np.array([-k * lambertw(-exp(-1.0 - critical_value / k)).real for k in n.tolist()])
    state = np.array([1.0])  # probability of 0, 1, ... events without a signal
    before = 0.0
    for at in latest[latest < expected_events]:
        arrivals = poisson.pmf(np.arange(len(state)), at - before)
        state = np.append(np.convolve(state, arrivals)[: len(state)], 0.0)
        before = at
    rest = np.minimum(1.0, poisson.cdf(len(state) - 1 - np.arange(len(state)), expected_events - before))
    return 1.0 - float(state @ rest)


def poisson_critical_value(alpha: float, expected_events: float) -> float:
    """Critical log likelihood ratio for events watched continuously until so many are expected.

    >>> round(poisson_critical_value(0.05, 1.0), 6)
    2.853937

    Raises:
        ValueError: alpha is not in (0, 1), or no events are expected.
    """
    if not 0.0 < alpha < 1.0 or expected_events <= 0.0:
        raise ValueError(f"no test: alpha {alpha}, expected events {expected_events}")
    return float(
        brentq(lambda c: signal_probability(c, expected_events) - alpha, 1e-6, 20.0 - log(alpha), xtol=1e-9)
    )
