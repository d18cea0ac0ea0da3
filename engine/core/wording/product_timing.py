"""Sentences about when a product experiment began, when it ends, and how long an answer takes."""

from engine.core.model import Role
from engine.core.numbers import percent
from engine.core.product import ProductMetric


def status_told(*, starts: str | None, ends: str | None, began: bool, over: bool, released: str = "") -> str:
    """Since when it runs, and until when; `released` says how its release ended, empty while it goes on."""
    if released:
        return f"{released}; since {starts}" if starts else released
    if not began:
        return "not started" if starts is None else f"not started; starts {starts}"
    until = "no planned end" if ends is None else f"planned end {ends}"
    return f"planned end over: {starts} to {ends}" if over else f"running since {starts}; {until}"


def forecast_told(
    metric: ProductMetric,
    *,
    mde: float,
    needed: int,
    units: int,
    days: float | None,
    on: str,
    unit: str,
    left_days: float | None,
) -> str:
    """How many units are missing until the planned change would be found, and how long that takes.

    Args:
        metric: which.
        mde: the change that should be found, as a fraction.
        needed: units that every variant needs.
        units: those that the smallest has.
        days: until then, from now; None when nobody comes.
        on: the day on which that is, empty if it is not told.
        unit: what is counted.
        left_days: until the planned end; None without one to come.
    """
    aim = (
        f"{metric.name} staying within its margin"
        if metric.role is Role.GUARDRAIL
        else f"a change of {metric.name} by {percent(mde)}"
    )
    need = f"To tell {aim}, every variant needs about {needed:,} {unit}s; the smallest has {units:,}"
    if units >= needed:
        return f"{need}: that is enough."
    if days is None:
        return f"{need}. Nobody new comes in, so it will not get there."
    until = f"that takes {days_told(days)} more{f', until {on}' if on else ''}"
    if left_days is None or days <= left_days:
        return f"{need}. At the present pace {until}."
    return f"{need}. At the present pace {until}, which is {_too_late(metric, left_days)}."


def _too_late(metric: ProductMetric, left_days: float) -> str:
    """What it means that the planned end is nearer than what is needed."""
    after = f"after the planned end ({days_told(left_days)} from now)"
    if metric.role is Role.GUARDRAIL:
        return f"{after}: by then it may still be unclear, unless it is better than it has to be"
    return f"{after}: by then only a larger change can be told from none"


def pace_told(metric: str, days: float, left_days: float | None = None) -> str:
    """How long the slowest metric takes, and whether the planned end (None: none to come) is before that."""
    told = f"At the present pace {metric} has what it needs in {days_told(days)}"
    if left_days is None or days <= left_days:
        return f"{told}."
    return (
        f"{told}, but the planned end is {days_told(left_days)} from now: it is likely to end"
        " undecided, unless the difference is clearer than planned for."
    )


def days_told(days: float) -> str:
    """A length of time in days, roughly.

    >>> days_told(0.2), days_told(1.2), days_told(12.4)
    ('less than a day', 'about 2 days', 'about 13 days')
    """
    if days < 1:
        return "less than a day"
    whole = -int(-days // 1)
    return "about a day" if whole == 1 else f"about {whole:,} days"


def end_told(ends: str | None, left_days: float | None, due: str | None = None) -> str:
    """When the experiment is planned to end.

    Args:
        ends: that moment; None for none.
        left_days: until then; None where it is over.
        due: when the last units have had all their time, where the method waits for that.
    """
    if ends is None:
        return "No end is planned."
    planned = "was" if left_days is None else "is"
    left = "" if left_days is None else f", in {days_told(left_days)}"
    told = f"The planned end {planned} {ends}{left}."
    return (
        told
        if due is None
        else f"{told} The last to come have had all their time {due}: only then it is decided."
    )


def look_told(at: str | None, *, last: bool) -> str:
    """When a method with planned looks may be read next; `last`: the look that ends it."""
    if at is None:
        return "at the planned look"
    if last:
        return f"from {at} on"
    return f"at the next planned look, {at} (within a day, or later with `--at` that time)"
