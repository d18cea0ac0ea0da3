"""Where a test of harm places its bets: alternatives from the declared effect. Never from the data.

The declared effect is how large a worsening should be found soon. It sets how fast a test is, never whether
it
is valid: any alternatives, fixed beforehand, give an e-process.
"""

from dataclasses import dataclass
from functools import lru_cache
from math import log

import numpy as np

from analysis.stats.mixture import Floats
from engine.core.model import Metric, MetricKind

STEPS: Floats = np.array([1.0, 1.5, 2.1, 3.3])
"""The alternatives, as multiples of the declared effect on the log scale beyond the tolerance."""
LOG_WEIGHTS: Floats = np.log([0.38, 0.27, 0.22, 0.13])
"""Chosen by exact dynamic programme: the declared effect is found within 1.17 times the Kullback-Leibler
bound
(1 % base rate, treatment share 10 %, alpha 5 %), and effects up to three times as large within 1.27 times."""

_LEAST = 1.1
"""An effect that hardly exceeds the tolerance would be looked for with hardly any bet: this much at least."""
_OF_COUNTS, _OF_VALUES = 0.5, 0.1
"""Effects where neither an effect nor a margin's ratio is declared: values move less than counts of trouble.
"""
_VALUES = {MetricKind.MEAN, MetricKind.RATIO, MetricKind.GAUGE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Alternatives:
    """Ratios of treatment to control: the worst that is fine, and several that are worse."""

    worst_fine: float
    ratios: tuple[float, ...]


@lru_cache(maxsize=256)
def alternatives(tolerance_ratio: float, effect_ratio: float) -> Alternatives:
    """Harm alternatives for a tolerated ratio and the ratio that should be found soon.

    >>> [round(ratio, 2) for ratio in alternatives(1.0, 1.5).ratios]
    [1.5, 1.84, 2.34, 3.81]
    """
    distance = log(max(effect_ratio / tolerance_ratio, _LEAST))
    ratios = tolerance_ratio * np.exp(STEPS * distance)
    return Alternatives(worst_fine=tolerance_ratio, ratios=tuple(ratios.tolist()))


def declared_ratio(metric: Metric) -> float:
    """Ratio that the metric wants found soon: its effect, else its margin, else what is usual."""
    if metric.effect is not None:
        return 1.0 + metric.effect
    return 1.0 + (metric.margin.relative or (_OF_VALUES if metric.kind in _VALUES else _OF_COUNTS))
