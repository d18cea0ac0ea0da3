"""How long it takes until the smallest effect of interest would be found. Judges nothing there is."""

from collections.abc import Iterable
from math import ceil

from analysis.product.anytime import scale_of
from analysis.product.days import DAY_S
from analysis.product.power import error_for, level, sought, units_for
from analysis.product.rates import current_rate
from analysis.product.result import Effect, Forecast
from analysis.product.split import planned_shares
from analysis.product.totals import ALL, Totals
from engine.core.model import Role
from engine.core.product import ProductMetric, ProductPlan


def forecasts(
    plan: ProductPlan, totals: Totals, effects: Iterable[Effect], at_s: float
) -> tuple[Forecast, ...]:
    """For every objective and guardrail of which that can be told; of several treatments the slowest.

    The spread is taken as it is now, with adjustment, and new units as they come at present. A metric without
    a standard error, or without a difference to look for (a mean of 0, a margin of 0), has no forecast.
    """
    found = list(effects)
    deciding = (metric for metric in plan.metrics if metric.role is not Role.QUALITY)
    each = (_forecast(plan, totals, metric, found, at_s) for metric in deciding)
    return tuple(forecast for forecast in each if forecast is not None)


def _forecast(
    plan: ProductPlan, totals: Totals, metric: ProductMetric, effects: Iterable[Effect], at_s: float
) -> Forecast | None:
    mine = (each for each in effects if each.metric == metric.name)
    needs = [need for need in (_needed(plan, metric, each) for each in mine) if need is not None]
    if not needs:
        return None
    smallest = min(planned_shares(plan).values())
    needed = ceil(max(needs) * smallest)
    units = min(totals.units.get((share.variant, ALL), 0) for share in plan.shares)
    days = _days(needed - units, current_rate(totals.counted), smallest)
    return Forecast(
        metric=metric.name,
        needed=needed,
        units=units,
        days=days,
        at_s=None if days is None else at_s + days * DAY_S,
    )


def _needed(plan: ProductPlan, metric: ProductMetric, effect: Effect) -> int | None:
    """Units of all variants together; None where it cannot be told."""
    if effect.control is None or not effect.standard_error:
        return None
    difference = sought(plan, metric, effect.control)
    if not difference:
        return None
    variance = effect.standard_error**2 / (1.0 / effect.units_control + 1.0 / effect.units_treatment)
    scale = scale_of(effect.control, variance**0.5)
    return units_for(plan, variance, error_for(plan, difference, scale, level(plan, metric)))


def _days(missing: int, rate: float | None, share: float) -> float | None:
    """None while nothing comes in."""
    if missing <= 0:
        return 0.0
    return missing / (rate * share) if rate else None
