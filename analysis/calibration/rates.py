"""How often something happened, and between which limits the true rate lies. Judges nothing."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """A share of runs with its confidence interval.

    Attributes:
        share: of the runs, a fraction.
        runs: how many were decided.
        independent: how many of them share no window with another one; the interval rests on these alone.
        low, high: Clopper-Pearson limits at 95 %.
    """

    share: float
    runs: int
    independent: int
    low: float
    high: float


def rate_of(happened: NDArray[np.bool_], independent: int) -> Rate:
    """The rate of true entries, shape (runs,).

    Several splits of the same windows sharpen the share, but they are no new history: the interval is that of
    `independent` runs with the same share, which is too wide rather than too narrow (Clopper and Pearson,
    Biometrika 26, 1934, as quantiles of the beta distribution, which need no whole number of events).
    """
    share = float(happened.mean())
    found, tail = share * independent, (1.0 - CONFIDENCE) / 2.0
    low = float(beta.ppf(tail, found, independent - found + 1.0)) if found > 0.0 else 0.0
    high = float(beta.ppf(1.0 - tail, found + 1.0, independent - found)) if found < independent else 1.0
    return Rate(share=share, runs=len(happened), independent=independent, low=low, high=high)
