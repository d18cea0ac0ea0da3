"""Being better than control: which metrics are asked, how much evidence there is, and what Holm makes of it.

The evidence is the conditional e-process with the arms swapped, against "not better than control", as of now
and not its maximum. Several objectives and treatments are asked at once; Holm's step-down on p = min(1, 1/e)
keeps the probability that any of them is ever wrongly called better below alpha, under any dependence.
"""

from collections.abc import Mapping
from math import log

from analysis.stats.mixture import BETTER_LOG_WEIGHTS, Floats, log_mix
from engine.core.model import Experiment, Metric, MetricKind, Role, Unit
from engine.core.plan import Stage


def is_asked(metric: Metric) -> bool:
    """Whether the metric can be better: an objective that counts trials while both arms serve."""
    if metric.role is not Role.OBJECTIVE or metric.stage is not Stage.SPLIT:
        return False
    return metric.kind is MetricKind.PROPORTION or (
        metric.kind is MetricKind.DISTRIBUTION and metric.slo_s is not None
    )


def may_promote(experiment: Experiment, metric: Metric) -> bool:
    """Whether being better counts: requests of visitors who stay on a variant are not independent."""
    return not (experiment.sticky and metric.unit is Unit.REQUEST)


def log_e(bets: Floats) -> float:
    """Log e-value against "not better than control", now, from the bets on each alternative."""
    return float(log_mix(bets, BETTER_LOG_WEIGHTS))


def rejected(log_es: Mapping[str, float], alpha: float) -> tuple[str, ...]:
    """Whose null Holm's step-down rejects at level alpha, the one with the most evidence first.

    >>> rejected({"a": 3.8, "b": 4.2, "c": 0.0}, 0.05)
    ('b', 'a')
    """
    ranked = sorted(log_es, key=lambda name: log_es[name], reverse=True)
    for position, name in enumerate(ranked):
        if log_es[name] < log((len(ranked) - position) / alpha):
            return tuple(ranked[:position])
    return tuple(ranked)
