"""Whether variants differed before anybody was exposed: then no later difference is to be trusted.

The earlier numbers of units (those that CUPED uses) are compared like results, with evidence that may be
looked at any time; the metrics and variants share the level. Adjusts nothing.
"""

from collections.abc import Mapping
from dataclasses import replace
from math import log

from analysis.product.effects import effects_of
from analysis.product.totals import ALL, Moments, Totals, Variable
from analysis.stats.split import LOG_ALARM
from engine.core.product import Method, ProductMetric, ProductPlan

_OF_EARLIER = {Variable.X: Variable.Y, Variable.W: Variable.D}


def biased(plan: ProductPlan, totals: Totals, at_s: float) -> tuple[str, ...]:
    """Names of the metrics that differed before the exposure, sorted.

    Together they are wrong in at most 1 % of experiments (the level of `LOG_ALARM`, split by Bonferroni).
    """
    before = {key: _earlier(moments) for key, moments in totals.moments.items() if key[1] == ALL}
    moments = {key: each for key, each in before.items() if each is not None}
    names = {metric for _, _, metric in moments}
    metrics = tuple(_plain(metric) for metric in plan.metrics if metric.name in names)
    if not metrics:
        return ()
    asked = replace(plan, metrics=metrics, method=Method.ANYTIME)
    effects = effects_of(asked, replace(totals, moments=moments, buckets={}), (ALL,), at_s, 1.0)
    limit = LOG_ALARM + log(len(effects))
    found = {each.metric for each in effects if each.evidence is not None and each.evidence >= limit}
    return tuple(sorted(found))


def _plain(metric: ProductMetric) -> ProductMetric:
    return replace(metric, before_s=None)


def _earlier(moments: Moments) -> Moments | None:
    """The earlier numbers in the place of the present ones; None where there are none."""
    if Variable.X not in moments.sums:
        return None
    return Moments(
        units=moments.units,
        sums=_renamed(moments.sums),
        products={
            (_OF_EARLIER[one], _OF_EARLIER[other]): value
            for (one, other), value in moments.products.items()
            if one in _OF_EARLIER and other in _OF_EARLIER
        },
    )


def _renamed(sums: Mapping[Variable, int]) -> Mapping[Variable, int]:
    return {_OF_EARLIER[name]: value for name, value in sums.items() if name in _OF_EARLIER}
