"""Being better than control: which metrics may promote by it, and what Holm makes of their evidence.

The evidence is the conditional e-process with the arms swapped, against "not better than control", as of now
and not its maximum. Several objectives and treatments are asked at once; Holm's step-down on p = min(1, 1/e)
keeps the probability that any of them is ever wrongly called better below alpha, under any dependence.
"""

from collections.abc import Mapping
from math import log

from engine.core.model import Experiment, Metric, Unit


def may_promote(experiment: Experiment, metric: Metric) -> bool:
    """Whether being better counts: requests of visitors who stay on a variant are not independent."""
    return not (experiment.sticky and metric.unit is Unit.REQUEST)


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
