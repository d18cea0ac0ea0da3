"""How much worse a guardrail may be, and what an interval amounts to. Makes no interval itself."""

from dataclasses import replace
from math import copysign

from analysis.product.means import Contrast
from analysis.product.result import Interval, Standing
from analysis.product.told import Told
from engine.core.model import Role
from engine.core.product import ProductMetric


def margin_of(metric: ProductMetric, control: float) -> float | None:
    """The difference to control at which a guardrail begins to be too bad, signed; None for other roles.

    >>> from engine.core.model import Bound
    >>> from engine.core.product import Aggregate, Measure
    >>> visits = ProductMetric(
    ...     name="visits",
    ...     aggregate=Aggregate.COUNT,
    ...     measure=Measure(event="visit"),
    ...     role=Role.GUARDRAIL,
    ...     margin=Bound(relative=0.25),
    ... )
    >>> margin_of(visits, 8.0)
    -2.0
    """
    if metric.role is not Role.GUARDRAIL:
        return None
    allowed = _allowed(metric, control)
    return -allowed if metric.higher_is_better else allowed


def shifted(metric: ProductMetric, contrast: Contrast) -> Contrast:
    """A contrast whose difference is above 0 where the treatment is not worse by its margin or more.

    A relative margin makes control count less or more, and its errors with it: the statement is linear in
    both means, and needs no division.
    """
    control, treatment = contrast.control, contrast.treatment
    good = 1.0 if metric.higher_is_better else -1.0
    factor, allowed = good, metric.margin.absolute or 0.0
    if _is_relative(metric, control.mean):
        factor, allowed = good - copysign(metric.margin.relative or 0.0, control.mean), 0.0
    moved = replace(control, mean=factor * control.mean - allowed, variance=factor**2 * control.variance)
    return Contrast(control=moved, treatment=replace(treatment, mean=good * treatment.mean))


def standing(metric: ProductMetric, told: Told, control: float) -> Standing:
    """What the intervals say, uncorrected; inside its margin a guardrail stands, even if a bit worse."""
    good = _good(metric, told.interval)
    if good.low > 0.0:
        return Standing.BETTER
    if metric.role is Role.GUARDRAIL and _is_inside(metric, told, control):
        return Standing.NOT_WORSE
    return Standing.WORSE if good.high < 0.0 else Standing.UNCLEAR


def _is_inside(metric: ProductMetric, told: Told, control: float) -> bool:
    """Whether the whole interval is; for a relative margin the relative one, which knows control's errors."""
    if told.relative_interval is not None and _is_relative(metric, control):
        return _good(metric, told.relative_interval).low > -(metric.margin.relative or 0.0)
    return _good(metric, told.interval).low > -_allowed(metric, control)


def _good(metric: ProductMetric, interval: Interval) -> Interval:
    """The interval, mirrored where lower is better."""
    return interval if metric.higher_is_better else Interval(low=-interval.high, high=-interval.low)


def _allowed(metric: ProductMetric, control: float) -> float:
    return max((metric.margin.relative or 0.0) * abs(control), metric.margin.absolute or 0.0)


def _is_relative(metric: ProductMetric, control: float) -> bool:
    """Whether the larger part of the margin is the one that is a fraction of control."""
    return _allowed(metric, control) > (metric.margin.absolute or 0.0)
