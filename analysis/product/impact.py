"""What an effect means once everybody is on the variant: per day, in the metric's unit. Knows no growth."""

from collections.abc import Iterable

from analysis.product.rates import whole_rate
from analysis.product.result import Effect, Impact, Interval
from analysis.product.totals import ALL, Totals, Variable
from engine.core.product import Aggregate, ProductPlan


def impacts(plan: ProductPlan, totals: Totals, effects: Iterable[Effect]) -> tuple[Impact, ...]:
    """The differences times the new units of a day, as many as came while the experiment took any.

    A ratio's difference is per unit of its denominator, so that it is taken times what a unit of control has
    of that. Quantiles do not add up: they have no impact.
    """
    rate = whole_rate(totals.counted)
    if rate is None:
        return ()
    found = (_impact(plan, totals, each, rate) for each in effects)
    return tuple(each for each in found if each is not None)


def _impact(plan: ProductPlan, totals: Totals, effect: Effect, rate: float) -> Impact | None:
    per_unit = _per_unit(plan, totals, effect.metric)
    if effect.difference is None or per_unit is None:
        return None
    scale, between = rate * per_unit, effect.interval
    return Impact(
        metric=effect.metric,
        variant=effect.variant,
        per_day=effect.difference * scale,
        interval=None if between is None else Interval(low=between.low * scale, high=between.high * scale),
        units_per_day=rate,
    )


def _per_unit(plan: ProductPlan, totals: Totals, name: str) -> float | None:
    """How often a difference counts per unit; None where it does not add up."""
    match plan.metric(name).aggregate:
        case Aggregate.QUANTILE:
            return None
        case Aggregate.RATIO:
            control = totals.moments.get((plan.control, ALL, name))
            return control.mean(Variable.D) if control is not None and control.units else None
        case _:
            return 1.0
