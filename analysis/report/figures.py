"""Every figure of the page: a chart, a sentence on what it shows, and the table of what is drawn. Pure."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from analysis.report import words
from analysis.report.charts import (
    ABOVE_THRESHOLD,
    LOWEST_LOG10_E,
    difference_chart,
    effect_chart,
    effect_range,
    evidence_chart,
    ramp_chart,
)
from analysis.report.marks import NARROW, WIDE, Canvas, Chart, Range
from analysis.report.rows import MetricRow
from analysis.report.view import ReportView
from engine.core.numbers import duration, percent, points


@dataclass(frozen=True, slots=True, kw_only=True)
class Charts:
    """The same chart for a screen and for a phone."""

    wide: Chart
    narrow: Chart


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One figure; `charts` is None while there is nothing to draw and `empty` says why.

    Rows of the table begin with a time.
    """

    id: str
    title: str
    caption: str
    charts: Charts | None
    columns: tuple[str, ...]
    table: tuple[tuple[str, ...], ...]
    empty: str = "Nothing measured yet."


def figures(view: ReportView) -> tuple[Figure, ...]:
    """All figures in the page's order."""
    return (_evidence(view), *_effects(view), _ramp(view))


def _both(draw: Callable[[Canvas], Chart]) -> Charts:
    return Charts(wide=draw(WIDE), narrow=draw(NARROW))


def _evidence(view: ReportView) -> Figure:
    threshold = 10**view.design.log10_rollback
    highest = threshold * 10**ABOVE_THRESHOLD
    drawn = f"Values under {10**LOWEST_LOG10_E:g} or over {highest:,.0f} are drawn at the edge."
    now = f"The run's e-value is {words.e_value(view.points[-1].log10_e_harm)} now. " if view.points else ""
    return Figure(
        id="evidence",
        title="Evidence of harm over time",
        caption=f"{now}At {threshold:,.0f} the run is rolled back. {drawn}{_lag(view)}",
        charts=_both(lambda canvas: evidence_chart(view, canvas)) if view.points else None,
        columns=(
            words.time_column(view),
            "Windows",
            "Whole run",
            *(f"{row.metric}: {side}" for row in view.metrics for side in ("harm", "not worse")),
        ),
        table=tuple(
            (
                words.time_of_day(view, point.end_s),
                f"{point.windows}" + (f" ({point.warm_up_windows} warm-up)" if point.warm_up_windows else ""),
                words.e_value(point.log10_e_harm),
                *(
                    words.e_value(log10_e)
                    for each in point.metrics
                    for log10_e in (each.log10_e_harm, each.log10_e_promote)
                ),
            )
            for point in view.points
        ),
    )


def _effects(view: ReportView) -> Iterator[Figure]:
    ratios = [row for row in view.metrics if row.measure != "share"]
    for index, row in enumerate(view.metrics):
        without_ratio = words.without_ratio(row)
        yield Figure(
            id=f"effect-{index + 1}",
            title=f"{row.metric}: {'difference' if without_ratio else row.measure} over time",
            caption=_difference_caption(view, index, row) if without_ratio else _effect_caption(view, row),
            charts=_effect_charts(view, row, effect_range(ratios if row in ratios else [row], view)),
            columns=(
                words.time_column(view),
                f"{view.control} in these windows",
                f"{view.treatment} in these windows",
                "Difference, since launch",
                f"{row.measure.capitalize()}, since launch",
                "Low",
                "High",
            ),
            table=tuple(_effect_cells(view, index)),
            empty=_why_no_effect(row),
        )


def _effect_charts(view: ReportView, row: MetricRow, room: Range) -> Charts | None:
    if words.without_ratio(row):
        return _both(lambda canvas: difference_chart(view, row, canvas))
    if row.effect is None:
        return None
    return _both(lambda canvas: effect_chart(view, row, room, canvas))


def _why_no_effect(row: MetricRow) -> str:
    if row.control.total and row.treatment.total:
        return "Without a latency objective there is no share to draw."
    return "Nothing measured yet."


def _effect_cells(view: ReportView, index: int) -> Iterator[tuple[str, ...]]:
    measure = view.metrics[index].measure
    for point in view.points:
        each = point.metrics[index]
        ends = (
            "unbounded" if end is None else words.amount(end, measure=measure)
            for end in (each.low, each.high)
        )
        yield (
            words.time_of_day(view, point.end_s),
            words.trials(each.control),
            words.trials(each.treatment),
            points(each.difference),
            words.amount(each.effect, measure=measure),
            *ends,
        )


def _effect_caption(view: ReportView, row: MetricRow) -> str:
    arms = view.treatment if row.measure == "share" else f"{view.treatment} to {view.control}"
    told = (words.amount(row.effect, measure=row.measure), words.interval(row))
    known = ", ".join(each for each in told if each)
    return (
        f"The {row.measure} of {arms} ({row.counts}), since launch: {known}."
        " The band holds the true value at all times at once,"
        f" except with a probability of {percent(row.alpha)}."
        f" Held against: {words.held_against(row)}."
    )


def _difference_caption(view: ReportView, index: int, row: MetricRow) -> str:
    now, needed = view.points[-1].metrics[index].log10_e_promote, view.design.log10_promote
    return (
        f"{view.control} had no {row.counts}, so there is no ratio; drawn is the difference"
        f" {view.treatment} minus {view.control} since launch, now {points(row.difference)}."
        f" Held against: {words.held_against(row)}."
        f" That the margin is kept has an e-value of {words.e_value(now)}; promotion needs"
        f" {words.e_value(needed)}."
    )


def _lag(view: ReportView) -> str:
    behind = words.lag(view)
    return f" Points stand where requests were served; {behind}." if behind else ""


def _ramp(view: ReportView) -> Figure:
    plan = ", ".join(f"{rung.weight_pct} % for {duration(rung.hold_s)}" for rung in view.ramp)
    return Figure(
        id="ramp",
        title="Traffic over time",
        caption=(
            f"Share of traffic for {view.treatment}. Planned: {plan}, then 100 %. Now: {words.traffic(view)}."
        ),
        charts=_both(lambda canvas: ramp_chart(view, canvas)),
        columns=(words.time_column(view), f"Share of {view.treatment}"),
        table=tuple((words.time_of_day(view, each.at_s), words.split(each)) for each in view.splits),
    )
