"""Whether a product experiment has the time that it takes: before its planned end and its run's horizon.

Compares a forecast with what the document says, and says what to write instead. Decides and changes nothing.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from math import ceil

from analysis.product.planning import ProductForecast
from engine.core.model import Role
from engine.core.plan import Policy
from engine.core.product import ProductPlan
from engine.fields import format_duration
from engine.spec import AnyDocument, Document

_DAY_S = 86400.0
_LONGEST_D = 366
"""The longest duration that a document can have."""

_LESS = "look for a larger effect (`mde`)"


def misfits(
    document: AnyDocument, plan: ProductPlan, forecast: ProductForecast, now_s: float
) -> Iterator[str]:
    """What does not fit, as sentences with what to write; nothing where all fits.

    Args:
        document: where `plan` stands.
        plan: the experiment.
        forecast: what it takes.
        now_s: the time, Unix seconds; when an experiment starts that does not say so.
    """
    starts_s = now_s if plan.starts_s is None else plan.starts_s
    takes_d = days_to_an_answer(plan, forecast)
    planned_d = None if plan.ends_s is None else max(0.0, plan.ends_s - starts_s) / _DAY_S
    if takes_d is not None and planned_d and takes_d > planned_d:
        since = "now" if plan.starts_s is None else "`starts`"
        fitting = datetime.fromtimestamp(starts_s + ceil(takes_d) * _DAY_S, UTC)
        yield (
            f"An answer takes {takes_d:,.1f} days, and `ends` is {planned_d:,.1f} days after {since}: "
            f"write `ends: {fitting:%Y-%m-%dT%H:%M:%SZ}` or later, or {_LESS}."
        )
    yield from _not_before_the_horizon(document, takes_d, planned_d)


def days_to_an_answer(plan: ProductPlan, forecast: ProductForecast) -> float | None:
    """Until every objective is found and every guardrail held, in days; None where some never is, or unknown.

    By the experiment's own method. Metrics of quality decide nothing, and so nobody waits for them.
    """
    days = [
        need.days
        for need in forecast.needs
        if need.method is plan.method and plan.metric(need.metric).role is not Role.QUALITY
    ]
    known = [each for each in days if each is not None]
    return max(known) if known and len(known) == len(days) else None


def _not_before_the_horizon(
    document: AnyDocument, takes_d: float | None, planned_d: float | None
) -> Iterator[str]:
    if not isinstance(document, Document) or not document.plan.needs_better:
        return
    spec = document.content.spec
    horizon_s = document.plan.horizon_s if spec.horizon is None else spec.horizon
    ramp_d = sum(step.hold_s for step in document.plan.steps[: document.plan.canary_steps]) / _DAY_S
    lasts_d = max(takes_d or 0.0, planned_d or 0.0)
    if lasts_d + ramp_d <= horizon_s / _DAY_S:
        return
    wanted_d = ceil(lasts_d + ramp_d)
    longest = "An answer takes" if lasts_d == takes_d else "The experiment is planned for"
    rolls_back = spec.on_undecided is Policy.ROLLBACK
    then = "then all users get control" if rolls_back else "then it waits for a person"
    fitting = f"write `horizon: {wanted_d}d` beside `strategy`" if wanted_d <= _LONGEST_D else _LESS
    yield (
        f"{longest} {lasts_d:,.1f} days, and the run's horizon is {format_duration(horizon_s)}; {then} "
        f"(`on_undecided: {spec.on_undecided}`): {fitting}."
    )
