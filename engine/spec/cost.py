"""What several deciding metrics cost: how many more requests harm in one of them takes than alone. Pure.

The run's evidence is the weighted average of its metrics' e-values, so one metric of weight w crosses
1/alpha on its own once its e-value reaches 1/(alpha w). The logarithm of an e-value grows in proportion to
requests, so these grow by log(1/(alpha w)) / log(1/alpha).
"""

from dataclasses import dataclass
from itertools import groupby
from math import log

from engine.spec.expand import stages_of
from engine.spec.metrics import AnyMetric
from engine.spec.presets import Conversions, HttpErrors
from engine.spec.quantities import Mean
from engine.spec.read import Document
from engine.spec.shares import Proportion

_SAME = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class HarmCost:
    """Deciding metrics of one weight, and what it takes to find harm that shows in one of them only.

    Attributes:
        weight: of each of them, of 1 for all deciding metrics.
        times: requests, relative to those that the metric would take as the only deciding one.
    """

    names: tuple[str, ...]
    weight: float
    times: float


def harm_costs(document: Document) -> tuple[HarmCost, ...]:
    """The price of several metrics, the heaviest weight first; nothing where one metric decides alone."""
    deciding = [metric for metric in document.content.spec.metrics if metric.weight]
    if len(deciding) < 2:
        return ()
    alone = -log(document.content.spec.alpha_rollback * _share_of_a_comparison(document))
    ordered = sorted(deciding, key=lambda metric: -(metric.weight or 0.0))
    groups = groupby(ordered, key=lambda metric: round((metric.weight or 0.0) / _SAME))
    return tuple(
        HarmCost(
            names=tuple(metric.name for metric in metrics),
            weight=weight * _SAME,
            times=1 - log(weight * _SAME) / alone,
        )
        for weight, metrics in ((weight, list(metrics)) for weight, metrics in groups)
    )


def more_queries(document: Document) -> int:
    """How many queries a reading takes more for what breakdowns show, which costs the decision nothing.

    Every value asks for each of its metric's counters, once for all treatments.
    """
    return sum(map(_of_breakdown, document.content.spec.metrics))


def _of_breakdown(metric: AnyMetric) -> int:
    breakdown = getattr(metric, "breakdown", None)
    return 0 if breakdown is None else len(breakdown.values) * _counters(metric)


def _counters(metric: AnyMetric) -> int:
    """Counters that the metric reads; a preset's are known only with its target."""
    match metric:
        case HttpErrors() | Conversions() | Proportion():
            return 2
        case Mean() if metric.sum is not None:
            return 2 if metric.sum_sq is None else 3
        case _:
            return 1


def _share_of_a_comparison(document: Document) -> float:
    """What one treatment in one stage has of the rollback evidence, whatever its metrics."""
    treatments = max((len(step.shares) for step in document.plan.steps), default=0) or 1
    return 1 / (len(stages_of(document.plan)) * treatments)
