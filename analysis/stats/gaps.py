"""Harm beyond an absolute difference: e-factors against "treatment <= control + gap". One window, one bound.

Four alternatives are set on what earlier windows say about the control; see `projection` for why it is valid.
"""

from collections.abc import Sequence

import numpy as np

from analysis.stats.mixture import HARM_RATIOS, Floats
from analysis.stats.projection import BaseRate, RatePair, log_factor, nearest_at_most_gap_worse
from engine.core.measure import TrialsReading


def increments(
    bases: Sequence[BaseRate], readings: Sequence[TrialsReading], gap: float
) -> tuple[Floats, tuple[BaseRate, ...]]:
    """Log e-factors per bound and alternative, shape (bounds, 4), and the rates known afterwards."""
    pairs = list(zip(bases, readings, strict=True))
    factors = [_factors(base.rate(gap), gap, reading) for base, reading in pairs]
    after = tuple(base.after(reading.control.bad, reading.control.total, gap) for base, reading in pairs)
    return np.array(factors), after


def _factors(base: float, gap: float, reading: TrialsReading) -> list[float]:
    """Where control plus gap would be everything, nothing can be worse, and no bet is made."""
    if base + gap >= 1.0:
        return [0.0] * len(HARM_RATIOS)
    odds = (base + gap) / (1.0 - base - gap)
    factors = []
    for times_worse in HARM_RATIOS.tolist():
        q = RatePair(treatment=odds * times_worse / (1.0 + odds * times_worse), control=base)
        theta = nearest_at_most_gap_worse(q, gap, reading.treatment.total, reading.control.total)
        factors.append(log_factor(reading, q, theta))
    return factors
