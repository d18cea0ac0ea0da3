"""What is known of metrics before a product experiment: as typed, or as control's units have it."""

import re
from collections.abc import Mapping

from analysis.product.means import arms
from analysis.product.planning import Baseline
from analysis.product.totals import ALL, Totals, Variable
from engine.core.product import Aggregate, ProductMetric, ProductPlan
from engine.fields import parse_percent

_NUMBER = r"-?[0-9]+(?:\.[0-9]+)?"
_SPREAD = re.compile(rf"({_NUMBER})\s*(?:±|\+-|\+/-)\s*({_NUMBER})")


def baseline_of(metric: ProductMetric, text: str) -> Baseline:
    """The baseline that a text such as `12%` or `4.2±17` means for a metric.

    Raises:
        ValueError: what would be right.
    """
    match metric.aggregate:
        case Aggregate.QUANTILE:
            msg = f"for a quantile such as {metric.name}: how many units it takes cannot be told beforehand"
            raise ValueError(msg)
        case Aggregate.CONVERSION:
            return _of_share(metric, text)
        case _:
            return _of_spread(metric, text)


def _of_share(metric: ProductMetric, text: str) -> Baseline:
    try:
        rate = parse_percent(text)
    except ValueError:
        rate = 0.0
    if not 0.0 < rate < 1.0:
        msg = f"a share of {metric.name} over 0% and below 100%, such as {metric.name}=12%"
        raise ValueError(msg)
    return Baseline.of_rate(rate)


def _of_spread(metric: ProductMetric, text: str) -> Baseline:
    found = _SPREAD.fullmatch(text.strip())
    if not found or float(found[2]) <= 0:
        msg = f"a mean and a standard deviation over units, such as {metric.name}=4.2±17 (or 4.2+-17)"
        raise ValueError(msg)
    return Baseline(mean=float(found[1]), deviation=float(found[2]))


def baselines_in(plan: ProductPlan, totals: Totals) -> Mapping[str, Baseline]:
    """Of every metric that control's units tell something about; quantiles are none of them."""
    known = {}
    for metric in plan.metrics:
        moments = totals.moments.get((plan.control, ALL, metric.name))
        if metric.aggregate is Aggregate.QUANTILE or moments is None or moments.units < 2:
            continue
        if not moments.sums.get(Variable.D, 1):
            continue
        arm = arms({plan.control: moments})[plan.control]
        if arm.plain_variance > 0.0:
            known[metric.name] = Baseline(
                mean=arm.measured,
                deviation=arm.plain_variance**0.5,
                explained=1.0 - arm.variance / arm.plain_variance,
            )
    return known
