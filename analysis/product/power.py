"""What a method finds: the smallest difference at a standard error, and back. Tests no data."""

from math import ceil

from scipy.optimize import brentq
from scipy.special import ndtri

from analysis.product.anytime import half_width, precision_of
from analysis.product.margins import margin_of
from analysis.product.sequential import bounds
from analysis.product.split import planned_shares
from engine.core.model import Role
from engine.core.product import Method, ProductMetric, ProductPlan

_WIDEST = 1e9
"""Standard errors of so many times the difference find nothing."""


def level(plan: ProductPlan, metric: ProductMetric) -> float:
    """Two-sided alpha of one question.

    Objectives and treatments share alpha; as if by Bonferroni, which is the worst that Holm can come to. A
    guardrail is one question on one side.
    """
    if metric.role is Role.GUARDRAIL:
        return min(2.0 * plan.alpha, 1.0)
    objectives = sum(each.role is Role.OBJECTIVE for each in plan.metrics)
    return plan.alpha / (max(objectives, 1) * len(plan.treatments))


def sought(plan: ProductPlan, metric: ProductMetric, control: float) -> float:
    """The difference that should be found: the plan's effect, or a guardrail's margin; 0 if none can be."""
    margin = margin_of(metric, control)
    return plan.mde * abs(control) if margin is None else abs(margin)


def smallest_found(plan: ProductPlan, standard_error: float, scale: float, alpha: float) -> float:
    """The smallest difference that is found with the plan's power at this standard error.

    For methods with several looks it is what the last of them finds; that an earlier one may have found it
    already is neglected, so that it is a little too large.

    Args:
        plan: the method and its power.
        standard_error: of the difference.
        scale: as `anytime.scale_of` has it.
        alpha: two-sided, of this question.
    """
    likely = float(ndtri(plan.power)) * standard_error
    if plan.method is Method.FIXED:
        return float(ndtri(1.0 - alpha / 2.0)) * standard_error + likely
    if plan.method is Method.GROUP_SEQUENTIAL:
        looks = tuple(step / plan.looks for step in range(1, plan.looks + 1))
        return bounds(plan.spending, looks, alpha)[-1] * standard_error + likely
    precision = precision_of(plan.alpha, plan.power, plan.mde)
    return half_width(standard_error, scale, precision, alpha) + likely


def error_for(plan: ProductPlan, difference: float, scale: float, alpha: float) -> float:
    """The standard error at which a difference over 0 is just found; the inverse of `smallest_found`."""

    def excess(standard_error: float) -> float:
        return smallest_found(plan, standard_error, scale, alpha) / difference - 1.0

    return float(brentq(excess, difference / _WIDEST, difference * _WIDEST, rtol=1e-12))


def units_for(plan: ProductPlan, variance: float, standard_error: float) -> int:
    """Units of all variants together with which no treatment's difference has a larger standard error."""
    return ceil(variance * _per_unit(plan) / standard_error**2)


def error_of(plan: ProductPlan, variance: float, units: float) -> float:
    """Standard error of the least certain treatment's difference, with so many units of all variants."""
    return float((variance * _per_unit(plan) / units) ** 0.5)


def _per_unit(plan: ProductPlan) -> float:
    """Squared standard error times units over variance, of the treatment with the smallest share."""
    shares = planned_shares(plan)
    return 1.0 / shares[plan.control] + 1.0 / min(shares[variant] for variant in plan.treatments)
