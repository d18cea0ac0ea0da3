"""One look at a product experiment: totals in, all that its report says out. Reads and words nothing."""

from dataclasses import replace
from datetime import date
from functools import partial

from analysis.product.bayes import bayes
from analysis.product.claims import with_claims, with_part_claims
from analysis.product.deciding import answer
from analysis.product.earlier import biased
from analysis.product.effects import effects_of
from analysis.product.faults import faults
from analysis.product.forecast import forecasts
from analysis.product.impact import impacts
from analysis.product.leaving import deciding_of, gone, remaining
from analysis.product.looks import information, may_claim
from analysis.product.result import Analysis, Effect
from analysis.product.split import split_findings
from analysis.product.totals import ALL, DAY, Moments, Slice, Totals
from analysis.product.young import over
from engine.core.product import ProductPlan

WEEKDAY = "@weekday"
"""Dimension of the slices of `Analysis.weekdays`: "1" is Monday."""


def analyse(plan: ProductPlan, totals: Totals, at_s: float, left: frozenset[str] = frozenset()) -> Analysis:
    """What the totals say now.

    Args:
        plan: what was fixed before.
        totals: of one pass over the tables.
        at_s: time of the look, Unix seconds, as of which the tables were read: that of `looks.look_s`.
        left: treatments that were taken out by then, so that nobody is exposed to them any more. What is
            held against each other is the others, see `analysis.product.leaving`.

    Returns:
        The same for the same totals, in whatever order these list their slices and metrics.
    """
    share = information(plan, at_s)
    effects = effects_of(plan, totals, (ALL,), at_s, share)
    parts = effects_of(plan, totals, _parts(plan, totals), at_s, share)
    out = gone(plan, left)
    if may_claim(plan, at_s):
        effects = remaining(effects, out, partial(with_claims, plan))
        parts = remaining(parts, out, partial(with_part_claims, plan))
    days, weekdays = _series(plan, totals, at_s, share)
    rest = deciding_of(plan, out)
    deciding = [each for each in effects if each.variant not in out]
    splits = split_findings(rest, totals)
    wrong = faults(rest, totals, splits, biased(rest, totals, at_s), at_s)
    return Analysis(
        plan=plan,
        at_s=at_s,
        method=plan.method,
        answer=answer(rest, totals, deciding, wrong, at_s),
        units={share.variant: totals.units.get((share.variant, ALL), 0) for share in plan.shares},
        effects=effects,
        parts=parts,
        days=days,
        weekdays=weekdays,
        bayes=bayes(rest, deciding),
        impacts=impacts(rest, totals, deciding),
        splits=splits,
        faults=wrong,
        forecasts=forecasts(rest, totals, deciding, at_s),
        counted=totals.counted,
        caps=totals.caps,
        left=out,
    )


def _series(
    plan: ProductPlan, totals: Totals, at_s: float, share: float
) -> tuple[tuple[Effect, ...], tuple[Effect, ...]]:
    """Effects by day of the first exposure, which shows novelty, and by day of the week."""
    by_weekday = _weekdays(plan, totals, at_s)
    days = effects_of(plan, totals, _slices(totals, DAY), at_s, share)
    return days, effects_of(plan, by_weekday, _slices(by_weekday, WEEKDAY), at_s, share)


def _weekdays(plan: ProductPlan, totals: Totals, at_s: float) -> Totals:
    """Days added up by day of the week; nothing else is left in it.

    Of each metric only days that are over: a day whose units have not had all their time would stand for a
    worse day of the week.
    """
    units: dict[tuple[str, Slice], int] = {}
    for (variant, part), count in totals.units.items():
        if part.dimension == DAY:
            key = (variant, _weekday(part))
            units[key] = units.get(key, 0) + count
    moments: dict[tuple[str, Slice, str], Moments] = {}
    for (variant, part, name), each in totals.moments.items():
        if part.dimension == DAY and over(plan.metric(name), part.value, at_s) is not False:
            place = (variant, _weekday(part), name)
            moments[place] = moments[place] + each if place in moments else each
    return replace(totals, units=units, moments=moments, buckets={})


def _weekday(day: Slice) -> Slice:
    return Slice(dimension=WEEKDAY, value=str(date.fromisoformat(day.value).isoweekday()))


def _parts(plan: ProductPlan, totals: Totals) -> tuple[Slice, ...]:
    """Values of declared dimensions, in the plan's order."""
    return tuple(part for each in plan.dimensions for part in _slices(totals, each.column))


def _slices(totals: Totals, dimension: str) -> tuple[Slice, ...]:
    return tuple(sorted({part for _, part in totals.units if part.dimension == dimension}))
