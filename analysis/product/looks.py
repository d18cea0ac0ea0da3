"""When a method may be looked at, and as of when its numbers are then. Estimates nothing.

`fixed` and `group_sequential` share out alpha over looks that are planned. Looking on while numbers still
grow (attribution windows are open, units come in) would be one more test each time. So every planned look has
one time, which the plan alone fixes, and whoever comes later sees the numbers as they were then:

- the last look is at `ends` plus the longest `within` of the metrics that decide. Nobody first exposed from
  `ends` on counts, and everybody has had all of their time, so that no number of a deciding metric changes
  any more: all looks from then on are one and the same, and alpha is spent on it once. A deciding metric
  without `within` never gets there; such a plan claims nothing.
- the looks before it (group sequential) are evenly over the time from `starts` to `ends`, and may be taken up
  to `LATE_S` late, as of their time: late lookers see what punctual ones saw. At other times the numbers of
  that moment are shown, and nothing is claimed.

Units whose windows are open make the estimate at an earlier look say less, and have less in common with later
ones, than the share of time that is over: see `links`. Rows that are loaded late, after the look that they
belong to, are the exception to "one and the same".
"""

from itertools import pairwise
from math import ceil, sqrt

from analysis.product.days import end_of, start_of
from analysis.product.totals import Counted
from engine.core.model import Role
from engine.core.product import Method, ProductPlan

LATE_S = 86_400.0
"""A look is due at midnight, the table is loaded in the night, and people meet in the morning."""
CLOSEST = 0.999
"""Two looks are never taken for one: that is integrated with doubles."""


def due_s(plan: ProductPlan) -> float | None:
    """When it is over and decided, Unix seconds: the planned end, or the last planned look (a whole second).

    None while that is open: without a planned end, or where numbers of a planned look would never settle.
    """
    if plan.ends_s is None or plan.method is Method.ANYTIME:
        return plan.ends_s
    windows = [metric.within_s for metric in plan.metrics if metric.role is not Role.QUALITY]
    known = [window for window in windows if window is not None]
    return float(ceil(plan.ends_s + max(known, default=0.0))) if len(known) == len(windows) else None


def ended(plan: ProductPlan, at_s: float) -> bool:
    """Whether it is over, and what was not shown by now is not shown."""
    due = due_s(plan)
    return due is not None and at_s >= due


def planned_s(plan: ProductPlan) -> tuple[float, ...]:
    """Times of the planned looks, ascending, in whole Unix seconds; none for a method without."""
    due = due_s(plan)
    if due is None or plan.method is Method.ANYTIME:
        return ()
    if plan.method is Method.FIXED:
        return (due,)
    if plan.starts_s is None or plan.ends_s is None:
        return ()
    step_s = (plan.ends_s - plan.starts_s) / plan.looks
    return (*(float(ceil(plan.starts_s + look * step_s)) for look in range(1, plan.looks)), due)


def look_s(plan: ProductPlan, at_s: float) -> float:
    """As of when the tables are to be read, and analysed, by who looks at this time.

    The time itself, or that of the planned look which it belongs to: the last one for ever, those before for
    `LATE_S`.
    """
    taken = [planned for planned in planned_s(plan) if planned <= at_s]
    if not taken:
        return at_s
    is_last = len(taken) == len(planned_s(plan))
    return taken[-1] if is_last or at_s - taken[-1] <= LATE_S else at_s


def next_look_s(plan: ProductPlan, at_s: float) -> float | None:
    """When the next planned look is; None when there is none to come."""
    return next((planned for planned in planned_s(plan) if planned > at_s), None)


def may_claim(plan: ProductPlan, at_s: float) -> bool:
    """Whether numbers as of this time may be claimed: of any time, or of a planned look's alone.

    Args:
        plan: the experiment.
        at_s: as of when the numbers are: from `look_s`.
    """
    return plan.method is Method.ANYTIME or at_s in planned_s(plan)


def information(plan: ProductPlan, at_s: float) -> float:
    """Share of the planned time that is over, in [0, 1]; 1 without a planned start and end."""
    if plan.ends_s is None or plan.starts_s is None or plan.ends_s <= plan.starts_s:
        return 1.0
    return min(max((at_s - plan.starts_s) / (plan.ends_s - plan.starts_s), 0.0), 1.0)


def links(plan: ProductPlan, looks: tuple[float, ...], counted: Counted, at_s: float) -> tuple[float, ...]:
    """At least how correlated the estimate at each look is with that at the look before; 0 for the first.

    The squared correlation is the information at the earlier look as a share of that at the later one (see
    `analysis.product.anytime`). For rare events the earlier one has at least that of its units who had had
    all their time, and the later one at most that of all its units: so many days' units over so many others'.
    Where most units convert, young ones take information away, but too little to matter: simulated with 5 and
    20 looks, windows of 1 to 14 days in two weeks, units that come evenly or ever faster, and 30 to 90 %
    converting, no rate of false claims was above its 5 % by more than chance. By time alone it is up to 9 %.

    Args:
        plan: the experiment.
        looks: share of the planned time at each, as `sequential.reached` has it.
        counted: when its units came.
        at_s: time of the last of these looks, Unix seconds.
    """
    due = due_s(plan)
    if not looks or due is None or plan.starts_s is None or plan.ends_s is None:
        return (0.0,) * len(looks)
    length_s, longest_s = plan.ends_s - plan.starts_s, due - plan.ends_s
    times = [*(plan.starts_s + share * length_s for share in looks[:-1]), at_s]
    shares = (
        _units(counted, before - longest_s, whole=True) / max(_units(counted, now, whole=False), 1)
        for before, now in pairwise(times)
    )
    return (0.0, *(min(sqrt(share), CLOSEST) for share in shares))


def _units(counted: Counted, until_s: float, *, whole: bool) -> int:
    """First exposed on days that were over by then, or else that had begun."""
    return sum(
        sum(units.values())
        for day, units in counted.days.items()
        if (end_of(day) <= until_s if whole else start_of(day) < until_s)
    )
