"""What the charts of a product experiment show: units per day, and an effect by day and by weekday. Pure."""

from collections.abc import Sequence
from datetime import UTC, datetime

from analysis.product.result import Analysis, Effect
from analysis.report.figures import Figure
from analysis.report.intervals import Span, room_of
from analysis.report.plot import Axis, Chart, Level, Line, Range, Sample, Tick, even_ticks, value_ticks
from analysis.report.product.rows import POINTS, axis_of, row, span
from engine.core.product import ProductMetric
from engine.core.wording import product as wording
from engine.core.wording.product_method import DAYS_ALONE

DAY_S = 86_400.0
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def exposure_figure(analysis: Analysis) -> Figure:
    """Units first exposed per day and variant."""
    days, plan = analysis.counted.days, analysis.plan
    names = [share.variant for share in plan.shares]
    whole = sum(sum(units.values()) for units in days.values())
    return Figure(
        id="exposure",
        title=f"New {plan.unit}s per day and variant",
        caption=(
            f"{whole:,} {plan.unit}s were first exposed on {_days(len(days))}. Each counts once, on the day"
            " (UTC) of its first exposure; lines that part from each other are a split that changed."
        ),
        chart=_exposure_chart(analysis, names) if whole else None,
        columns=("Day (UTC)", *names),
        table=tuple((day, *(f"{units.get(name, 0):,}" for name in names)) for day, units in days.items()),
        empty="Nobody has been exposed yet.",
    )


def _exposure_chart(analysis: Analysis, names: Sequence[str]) -> Chart:
    days = analysis.counted.days
    lines = tuple(
        Line(
            name=name,
            look=index,
            samples=tuple(Sample(at_s=at_s(day), value=units.get(name, 0)) for day, units in days.items()),
        )
        for index, name in enumerate(names)
    )
    most = max(units.get(name, 0) for units in days.values() for name in names)
    room = Range(low=0.0, high=1.08 * most or 1.0)
    ticks = tuple(Tick(at=each.at, label=_short(each.at)) for each in even_ticks(room, 5))
    axis = Axis(title=f"new {analysis.plan.unit}s per day", room=room, ticks=ticks)
    return _over_days(axis, lines, [at_s(day) for day in days])


def day_figure(analysis: Analysis, name: str, effects: Sequence[Effect], *, trusted: bool) -> Figure:
    """One comparison by the day of the first exposure."""
    first = effects[0]
    return Figure(
        id=f"{name}-days",
        title=f"{first.metric}, {first.variant}: by day of the first exposure",
        caption=(
            f"Difference of {first.variant} to {analysis.plan.control}, {_spread(analysis, effects)}. An"
            f" effect of novelty would come closer to 0 day by day. {DAYS_ALONE}"
        ),
        chart=_day_chart(analysis, effects),
        columns=_columns("Day (UTC)", analysis, first),
        table=tuple(_cells(analysis, each.slice.value, each, trusted=trusted) for each in effects),
        empty="Too few data on every day.",
    )


def weekday_figure(analysis: Analysis, name: str, effects: Sequence[Effect], *, trusted: bool) -> Figure:
    """One comparison by the day of the week."""
    first = effects[0]
    return Figure(
        id=f"{name}-weekdays",
        title=f"{first.metric}, {first.variant}: by day of the week",
        caption=(
            f"Difference of {first.variant} to {analysis.plan.control}, {_spread(analysis, effects)}. A week"
            f" that is not whole gives some days more weight. {DAYS_ALONE}"
        ),
        chart=_weekday_chart(analysis, effects),
        columns=_columns("Day of the week", analysis, first),
        table=tuple(
            _cells(analysis, WEEKDAYS[int(each.slice.value) - 1], each, trusted=trusted) for each in effects
        ),
        empty="Too few data on every day of the week.",
    )


def _day_chart(analysis: Analysis, effects: Sequence[Effect]) -> Chart | None:
    places = [at_s(each.slice.value) for each in effects]
    drawn = _effect_line(analysis, effects, places)
    if drawn is None:
        return None
    axis, line = drawn
    return _over_days(axis, (line,), places, levels=(_NONE,))


def _weekday_chart(analysis: Analysis, effects: Sequence[Effect]) -> Chart | None:
    drawn = _effect_line(analysis, effects, [float(each.slice.value) for each in effects])
    if drawn is None:
        return None
    axis, line = drawn
    ticks = tuple(Tick(at=index + 1.0, label=name) for index, name in enumerate(WEEKDAYS))
    across = Axis(title="day of the first exposure (UTC)", room=Range(low=0.5, high=7.5), ticks=ticks)
    return Chart(from_s=1.0, until_s=7.0, axis=axis, lines=(line,), levels=(_NONE,), across=across)


def _effect_line(
    analysis: Analysis, effects: Sequence[Effect], places: Sequence[float]
) -> tuple[Axis, Line] | None:
    metric = analysis.plan.metric(effects[0].metric)
    spans = [(place, span(metric, each)) for place, each in zip(places, effects, strict=True)]
    known = [(place, each) for place, each in spans if each is not None]
    if not known:
        return None
    samples = tuple(Sample(at_s=place, value=each.at, low=each.low, high=each.high) for place, each in known)
    return _axis(metric, [each for _, each in known]), Line(name=metric.name, samples=samples)


def _axis(metric: ProductMetric, spans: Sequence[Span]) -> Axis:
    room, shares = room_of(spans), axis_of(metric) == POINTS
    ticks = even_ticks(room, 5) if shares else value_ticks(room, 5, metric.value_unit)
    return Axis(title="difference (pp)" if shares else "difference", room=room, ticks=ticks)


def _over_days(
    axis: Axis, lines: tuple[Line, ...], places: Sequence[float], levels: tuple[Level, ...] = ()
) -> Chart:
    return Chart(
        from_s=min(places),
        until_s=max(*places, min(places) + DAY_S),
        axis=axis,
        lines=lines,
        levels=levels,
    )


def _columns(first: str, analysis: Analysis, effect: Effect) -> tuple[str, ...]:
    unit = analysis.plan.unit
    arms = (analysis.plan.control, effect.variant)
    return (first, *(f"{name} ({unit}s)" for name in arms), "Difference", "Likely", "Relative")


def _cells(analysis: Analysis, place: str, effect: Effect, *, trusted: bool) -> tuple[str, ...]:
    each = row(analysis, effect, trusted=trusted, exploratory=True)
    return (
        place,
        f"{each.control} ({effect.units_control:,})",
        f"{each.treatment} ({effect.units_treatment:,})",
        each.difference,
        each.within or wording.lack(effect.reason),
        each.relative or "no data",
    )


def _spread(analysis: Analysis, effects: Sequence[Effect]) -> str:
    """The smallest and the largest, in words."""
    metric = analysis.plan.metric(effects[0].metric)
    known = [each.difference for each in effects if each.difference is not None]
    if not known:
        return "not measured on any of them"
    return f"from {wording.gap(metric, min(known))} to {wording.gap(metric, max(known))}"


def at_s(day: str) -> float:
    """The beginning of a day of ISO form in UTC, as Unix time."""
    return datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()


def _days(count: int) -> str:
    return "one day" if count == 1 else f"{count:,} days"


def _short(value: float) -> str:
    """A count that fits beside an axis.

    >>> _short(250.0), _short(12_000.0), _short(1_500_000.0)
    ('250', '12k', '1.5M')
    """
    for size, letter in ((1e6, "M"), (1e4, "k")):
        if value >= size:
            return f"{value / (1e3 if letter == 'k' else size):g}{letter}"
    return f"{value:,g}"


_NONE = Level(at=0.0, name="no difference", colour="var(--muted)", dash="")
