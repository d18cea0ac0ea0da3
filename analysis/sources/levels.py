"""The values of an expression at the end of a window as a gauge's reading. Knows no counters.

An expression must give exactly one series per arm: whether several are added up or averaged is its own
business. A level is of that moment; nothing is carried to the next window.
"""

from collections.abc import Sequence

from analysis.sources.owners import has_labels, owners_of, shown
from analysis.sources.series import Components, Labels, Series
from engine.core.measure import Missing, MissingReason, Quotient, QuotientReading, Reading, Window
from engine.core.model import Arm, Metric

_APART_S = 0.002


def read_level(metric: Metric, series: Sequence[Series], window: Window, others: Sequence[Labels]) -> Reading:
    """One gauge in one window.

    Args:
        metric: whose labels tell the arms apart.
        series: the expression's values, a sample at the end of every window.
        window: the window.
        others: label values of further treatments, whose series are nobody's fault.
    """
    found: dict[Arm, Components] = {}
    for one in series:
        samples = one.between(window.end_s - _APART_S, window.end_s + _APART_S)
        arms = owners_of(metric, one.labels)
        if not samples or (not arms and any(has_labels(one.labels, wanted) for wanted in others)):
            continue
        if len(arms) != 1 or arms[0] in found:
            return _not_one_each(metric, one.labels, arms)
        values = samples[0].values
        if isinstance(values, Missing):
            return Missing(reason=values.reason, detail=values.detail, arm=arms[0])
        found[arms[0]] = values
    for arm in Arm:
        if arm not in found:
            detail = f"no series: {metric.expression} with {shown(metric.arm_labels[arm])} ({arm})"
            return Missing(reason=MissingReason.NO_SERIES, detail=detail, arm=arm)
    return QuotientReading(control=_level(found[Arm.CONTROL]), treatment=_level(found[Arm.TREATMENT]))


def _level(values: Components) -> Quotient:
    (value,) = values.values()
    return Quotient(numerator=float(value), denominator=1.0)


def _not_one_each(metric: Metric, labels: Labels, arms: Sequence[Arm]) -> Missing:
    reason = MissingReason.AMBIGUOUS_SERIES if arms else MissingReason.FOREIGN_SERIES
    match arms:
        case []:
            whose, arm = "a series that belongs to neither variant", None
        case [arm]:
            whose = f"more than one series of {arm}"
        case _:
            whose, arm = "a series that belongs to both variants", None
    detail = f"{metric.expression} returned {whose}: {shown(labels)}; it must give one per variant"
    return Missing(reason=reason, detail=detail, arm=arm)
