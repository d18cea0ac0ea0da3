"""One comparison by day of the first exposure and by day of the week, which decide nothing. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from analysis.product.days import start_of
from analysis.product.result import Analysis, Effect
from analysis.product.young import over
from analysis.report.figures import Figure
from analysis.report.intervals import Span, room_of
from analysis.report.plot import Axis, Chart, Level, Line, Range, Sample, Tick, even_ticks, value_ticks
from analysis.report.product.charts import over_days
from analysis.report.product.course import Course
from analysis.report.product.rows import POINTS, axis_of, row, span
from engine.core.product import ProductMetric
from engine.core.wording import product as wording
from engine.core.wording import product_method as method

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_NONE = Level(at=0.0, name="no difference", colour="var(--muted)", dash="")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Series:
    """Effects of one comparison along days, or days of the week.

    Attributes:
        id: of the figure, after that of the comparison. title: after the names of metric and variant.
        column: heading of `labels`, one per effect. notes: what to think of it. empty: that all lack data.
    """

    id: str
    title: str
    column: str
    notes: tuple[str, ...]
    empty: str
    effects: Sequence[Effect]
    labels: Sequence[str]


def day_figure(
    analysis: Analysis, name: str, effects: Sequence[Effect], course: Course | None, *, trusted: bool
) -> Figure:
    """One comparison by the day of the first exposure; days that are not over are marked.

    Args:
        analysis: the look.
        name: of the comparison, for ids.
        effects: one per day, in the order of time.
        course: of the release, for a mark where the test began.
        trusted: whether the results may be read at all.
    """
    metric = analysis.plan.metric(effects[0].metric)
    young = [over(metric, each.slice.value, analysis.at_s) is False for each in effects]
    series = _Series(
        id="days",
        title="by day of the first exposure",
        column="Day (UTC)",
        notes=(
            "An effect of novelty would come closer to 0 day by day.",
            method.young_told(metric, analysis.plan.unit, sum(young), of=len(effects)),
            method.DAYS_ALONE,
        ),
        empty="Too few data on every day.",
        effects=effects,
        labels=[
            f"{each.slice.value} (not over)" if early else each.slice.value
            for each, early in zip(effects, young, strict=True)
        ],
    )
    return _figure(analysis, name, series, _day_chart(metric, effects, young, course), trusted=trusted)


def weekday_figure(analysis: Analysis, name: str, effects: Sequence[Effect], *, trusted: bool) -> Figure:
    """One comparison by the day of the week; arguments as of `day_figure`."""
    metric = analysis.plan.metric(effects[0].metric)
    series = _Series(
        id="weekdays",
        title="by day of the week",
        column="Day of the week",
        notes=(
            "A week that is not whole gives some days more weight.",
            method.weekdays_told(metric, analysis.plan.unit),
            method.DAYS_ALONE,
        ),
        empty="Too few data on every day of the week.",
        effects=effects,
        labels=[WEEKDAYS[int(each.slice.value) - 1] for each in effects],
    )
    return _figure(analysis, name, series, _weekday_chart(metric, effects), trusted=trusted)


def _figure(analysis: Analysis, name: str, series: _Series, chart: Chart | None, *, trusted: bool) -> Figure:
    first, plan = series.effects[0], analysis.plan
    arms = tuple(f"{each} ({plan.unit}s)" for each in (plan.control, first.variant))
    spread = _spread(plan.metric(first.metric), series.effects)
    told = (f"Difference of {first.variant} to {plan.control}, {spread}.", *series.notes)
    return Figure(
        id=f"{name}-{series.id}",
        title=f"{first.metric}, {first.variant}: {series.title}",
        caption=" ".join(sentence for sentence in told if sentence),
        chart=chart,
        columns=(series.column, *arms, "Difference", "Likely", "Relative"),
        table=tuple(
            _cells(analysis, label, each, trusted=trusted)
            for label, each in zip(series.labels, series.effects, strict=True)
        ),
        empty=series.empty,
    )


def _day_chart(
    metric: ProductMetric, effects: Sequence[Effect], young: Sequence[bool], course: Course | None
) -> Chart | None:
    """Days that are not over as a dashed line that goes on from the last which is, if any is."""
    spans = [span(metric, each) for each in effects]
    known = [each for each in spans if each is not None]
    if not known:
        return None
    places = [start_of(each.slice.value) for each in effects]
    samples = [
        (_sample(place, each), early)
        for place, each, early in zip(places, spans, young, strict=True)
        if each is not None
    ]
    done = tuple(sample for sample, early in samples if not early)
    rest = tuple(
        Sample(at_s=each.at_s, value=each.value)
        for each in (*done[-1:], *(s for s, early in samples if early))
    )
    lines = [Line(name=metric.name, samples=done or tuple(sample for sample, _ in samples))]
    if done and len(rest) > 1:
        lines.append(Line(name="days that are not over", samples=rest, outline=True))
    return over_days(_axis(metric, known), tuple(lines), places, course, levels=(_NONE,))


def _weekday_chart(metric: ProductMetric, effects: Sequence[Effect]) -> Chart | None:
    placed = [(float(each.slice.value), span(metric, each)) for each in effects]
    known = [(place, each) for place, each in placed if each is not None]
    if not known:
        return None
    ticks = tuple(Tick(at=index + 1.0, label=name) for index, name in enumerate(WEEKDAYS))
    return Chart(
        from_s=1.0,
        until_s=7.0,
        axis=_axis(metric, [each for _, each in known]),
        lines=(Line(name=metric.name, samples=tuple(_sample(place, each) for place, each in known)),),
        levels=(_NONE,),
        across=Axis(title="day of the first exposure (UTC)", room=Range(low=0.5, high=7.5), ticks=ticks),
    )


def _sample(place: float, each: Span) -> Sample:
    return Sample(at_s=place, value=each.at, low=each.low, high=each.high)


def _axis(metric: ProductMetric, spans: Sequence[Span]) -> Axis:
    room, shares = room_of(spans), axis_of(metric) == POINTS
    ticks = even_ticks(room, 5) if shares else value_ticks(room, 5, metric.value_unit)
    return Axis(title="difference (pp)" if shares else "difference", room=room, ticks=ticks)


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


def _spread(metric: ProductMetric, effects: Sequence[Effect]) -> str:
    """The smallest and the largest, in words."""
    known = [each.difference for each in effects if each.difference is not None]
    if not known:
        return "not measured on any of them"
    return f"from {wording.gap(metric, min(known))} to {wording.gap(metric, max(known))}"
