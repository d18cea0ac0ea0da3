"""The metric table of a product experiment: one row per metric and variant, numbers as people read them."""

from collections.abc import Iterable
from dataclasses import dataclass

from analysis.product.margins import margin_of
from analysis.product.result import Analysis, Effect, Interval, Standing
from analysis.product.totals import ALL
from analysis.report.intervals import Span
from engine.core.model import Role
from engine.core.product import Aggregate, ProductMetric
from engine.core.wording import product as wording

POINTS = "points"
_CLASSES = {
    Standing.BETTER: "better",
    Standing.WORSE: "harmful",
    Standing.NOT_WORSE: "not_worse",
    Standing.UNCLEAR: "undecided",
    Standing.TOO_FEW: "no_data",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What is said of one comparison: icon and word, how it looks, and what must be said beside it."""

    icon: str
    word: str
    look: str
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One comparison with control.

    Attributes:
        id: of its details on the page; empty for a part. sliced: the part that it is of, empty for all units.
        control, treatment: values; `control_units`, `treatment_units`: how many units they are of.
        difference, relative: sizes; `within`, `relative_within`: what is likely, empty without an interval.
        axis: rows of the same axis are drawn on one, in `value_unit`. span, relative_span: what is drawn
            (shares in percentage points, relative differences in percent), None where nothing can be.
    """

    id: str
    metric: str
    variant: str
    role: Role
    sliced: str
    measured: str
    sense: str
    verdict: Verdict
    held_against: str
    control: str
    treatment: str
    control_units: str
    treatment_units: str
    direction: str
    difference: str
    within: str
    relative: str
    relative_within: str
    axis: str
    value_unit: str
    span: Span | None
    relative_span: Span | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Rows of one role; `empty` says what it means that there are none."""

    title: str
    empty: str
    rows: tuple[Row, ...]


def groups(analysis: Analysis, *, trusted: bool) -> tuple[Group, ...]:
    """All roles; one that shows only and has no metric is left out."""
    made = []
    for role, (title, empty) in wording.ROLE_TITLES.items():
        mine = [each for each in analysis.effects if analysis.plan.metric(each.metric).role is role]
        rows = tuple(row(analysis, each, trusted=trusted) for each in mine)
        if rows or empty:
            made.append(Group(title=title, empty=_without(analysis, role, empty), rows=rows))
    return tuple(made)


def _without(analysis: Analysis, role: Role, undeclared: str) -> str:
    declared = any(metric.role is role for metric in analysis.plan.metrics)
    return "Nothing measured yet." if declared else undeclared


def row(analysis: Analysis, effect: Effect, *, trusted: bool, exploratory: bool = False) -> Row:
    """One effect, of all units or of a part."""
    plan = analysis.plan
    metric = plan.metric(effect.metric)
    return Row(
        id=_id(analysis, effect),
        metric=metric.name,
        variant=effect.variant,
        role=metric.role,
        sliced=effect.slice.value,
        measured=wording.measured(metric, plan.unit),
        sense=wording.sense(metric),
        verdict=verdict(metric, effect, trusted=trusted, exploratory=exploratory),
        held_against=wording.held_against(metric),
        control=wording.value(metric, effect.control),
        treatment=wording.value(metric, effect.treatment),
        control_units=f"{effect.units_control:,} {plan.unit}s",
        treatment_units=f"{effect.units_treatment:,} {plan.unit}s",
        direction=_direction(metric, effect.difference),
        difference=wording.gap(metric, effect.difference),
        within=within(metric, effect.interval),
        relative="" if effect.difference is None else wording.relative(effect.relative),
        relative_within=relative_within(effect.relative_interval),
        axis=axis_of(metric),
        value_unit=metric.value_unit,
        span=span(metric, effect),
        relative_span=_relative_span(metric, effect),
    )


def verdict(metric: ProductMetric, effect: Effect, *, trusted: bool, exploratory: bool) -> Verdict:
    """What the standing may be called, given what else is known."""
    if not trusted:
        icon, word = wording.NOT_TRUSTED
        return Verdict(icon=icon, word=word, look="untrustworthy", note="")
    icon, word = wording.STANDING_WORDS[effect.standing]
    look, note = _CLASSES[effect.standing], ""
    differs = effect.standing in (Standing.BETTER, Standing.WORSE)
    if effect.standing is Standing.TOO_FEW:
        note = wording.lack(effect.reason)
    elif differs and exploratory:
        icon, word, look, note = "?", wording.hint(word), "undecided", wording.EXPLORATORY
    elif differs and metric.role is Role.QUALITY:
        word = wording.shown_only(word)
    elif differs and _needs_claim(metric, effect) and not effect.claimed:
        icon, word, look, note = "?", wording.not_claimed(word), "undecided", wording.ON_ITS_OWN
    return Verdict(icon=icon, word=word, look=look, note=note)


def _needs_claim(metric: ProductMetric, effect: Effect) -> bool:
    """Whether it counts only with all questions counted in; a guardrail that is better needs nothing."""
    return metric.role is Role.OBJECTIVE or effect.standing is Standing.WORSE


def within(metric: ProductMetric, interval: Interval | None) -> str:
    """A difference's interval in words; empty without."""
    if interval is None:
        return ""
    return wording.between(wording.gap(metric, interval.low), wording.gap(metric, interval.high))


def relative_within(interval: Interval | None) -> str:
    """A relative difference's interval in words; empty without."""
    if interval is None:
        return ""
    return wording.between(wording.relative(interval.low), wording.relative(interval.high))


def axis_of(metric: ProductMetric) -> str:
    """Which differences share an axis: those of one unit; what has none is on its own."""
    if metric.aggregate is Aggregate.CONVERSION:
        return POINTS
    return f"in {metric.value_unit}" if metric.value_unit else f"of {metric.name}"


def scale_of(metric: ProductMetric) -> float:
    """What a difference is drawn times: shares are drawn in percentage points."""
    return 100.0 if metric.aggregate is Aggregate.CONVERSION else 1.0


def span(metric: ProductMetric, effect: Effect) -> Span | None:
    """The difference as drawn, with a guardrail's margin; None without one."""
    margin = None if effect.control is None else margin_of(metric, effect.control)
    return _span(effect.difference, effect.interval, margin, scale_of(metric))


def _relative_span(metric: ProductMetric, effect: Effect) -> Span | None:
    margin = margin_of(metric, effect.control) if effect.control else None
    share = margin / abs(effect.control) if effect.control and margin is not None else None
    return _span(effect.relative, effect.relative_interval, share, 100.0)


def _span(at: float | None, interval: Interval | None, margin: float | None, scale: float) -> Span | None:
    if at is None:
        return None
    return Span(
        zero=0.0,
        at=scale * at,
        low=None if interval is None else scale * interval.low,
        high=None if interval is None else scale * interval.high,
        tolerance=None,
        margin=None if margin is None else scale * margin,
    )


def _direction(metric: ProductMetric, difference: float | None) -> str:
    if difference is None or wording.gap(metric, difference) == wording.gap(metric, 0.0):
        return ""
    return "↑" if difference > 0 else "↓"


def _id(analysis: Analysis, effect: Effect) -> str:
    """Of the details of a comparison of all units; parts have none."""
    if effect.slice != ALL:
        return ""
    pairs = [(each.metric, each.variant) for each in analysis.effects]
    return f"detail-{pairs.index((effect.metric, effect.variant)) + 1}"


def effects_of(effects: Iterable[Effect], metric: str, variant: str) -> tuple[Effect, ...]:
    """Those of one comparison, in order."""
    return tuple(each for each in effects if (each.metric, each.variant) == (metric, variant))
