"""When a method may be looked at: how much of the planned time is over, and if claims are due."""

from math import floor

from engine.core.product import Method, ProductPlan

PUNCTUAL = 0.01
"""Part of the planned time by which a look may be late: an hourly job meets every look of a week's test, and
within so short a time estimates hardly move, so that two of them instead of one cost next to nothing."""


def information(plan: ProductPlan, at_s: float, first_s: float | None) -> float:
    """Share of the planned time that is over, in [0, 1]; 1 without a planned end.

    Args:
        plan: the experiment.
        at_s: time of the look.
        first_s: of the first data, where no start was planned.
    """
    start_s = plan.starts_s if plan.starts_s is not None else first_s
    if plan.ends_s is None or start_s is None or plan.ends_s <= start_s:
        return 1.0
    return min(max((at_s - start_s) / (plan.ends_s - start_s), 0.0), 1.0)


def ended(plan: ProductPlan, at_s: float) -> bool:
    """Whether the planned end is over."""
    return plan.ends_s is not None and at_s >= plan.ends_s


def may_claim(plan: ProductPlan, at_s: float, first_s: float | None) -> bool:
    """Whether the plan's method allows claims now: always, at the end, or at planned looks."""
    if plan.method is Method.ANYTIME or ended(plan, at_s):
        return True
    if plan.method is Method.FIXED or plan.ends_s is None:
        return False
    done = information(plan, at_s, first_s) * plan.looks
    return done >= 1.0 and done - floor(done) <= PUNCTUAL * plan.looks
