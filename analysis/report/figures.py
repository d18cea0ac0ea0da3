"""Every figure of the page: a chart, a sentence on what it shows, and the table of what is drawn. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

from analysis.report import words
from analysis.report.charts import (
    ABOVE_THRESHOLD,
    LOWEST_LOG10_E,
    Chart,
    effect_chart,
    effect_range,
    evidence_chart,
    ramp_chart,
)
from analysis.report.rows import MetricRow
from analysis.report.view import ReportView
from engine.core.numbers import duration, percent

_LAG = "Points stand where requests were served; their data are read some seconds later."


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One figure; `chart` is None while there is nothing to draw and `empty` says why.

    Rows of the table begin with a time.
    """

    id: str
    title: str
    caption: str
    chart: Chart | None
    columns: tuple[str, ...]
    table: tuple[tuple[str, ...], ...]
    empty: str = "Nothing measured yet."


def figures(view: ReportView) -> tuple[Figure, ...]:
    """All figures in the page's order."""
    return (_evidence(view), *_effects(view), _ramp(view))


def _evidence(view: ReportView) -> Figure:
    threshold = 10**view.design.log10_rollback
    highest = threshold * 10**ABOVE_THRESHOLD
    drawn = f"Values under {10**LOWEST_LOG10_E:g} or over {highest:,.0f} are drawn at the edge."
    now = f"The run's e-value is {words.e_value(view.points[-1].log10_e_harm)} now. " if view.points else ""
    return Figure(
        id="evidence",
        title="Evidence of harm over time",
        caption=f"{now}At {threshold:,.0f} the run is rolled back. {drawn} {_LAG}",
        chart=evidence_chart(view) if view.points else None,
        columns=(
            "Time (UTC)",
            "Windows",
            "Whole run",
            *(f"{row.metric}: {side}" for row in view.metrics for side in ("harm", "not worse")),
        ),
        table=tuple(
            (
                words.time_of_day(point.end_s),
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
        room = effect_range(ratios if row in ratios else [row], view)
        drawable = any(point.metrics[index].effect is not None for point in view.points)
        yield Figure(
            id=f"effect-{index + 1}",
            title=f"{row.metric}: {row.measure} over time",
            caption=_effect_caption(view, row),
            chart=effect_chart(view, row, room) if drawable else None,
            columns=(
                "Time (UTC)",
                f"{view.control} in these windows",
                f"{view.treatment} in these windows",
                f"{row.measure}, since launch",
                "Low",
                "High",
            ),
            table=tuple(_effect_cells(view, index, row)),
            empty=_why_no_effect(view, row),
        )


def _why_no_effect(view: ReportView, row: MetricRow) -> str:
    if not (row.control.total and row.treatment.total):
        return "Nothing measured yet."
    none = " and ".join(
        name for name, arm in ((view.control, row.control), (view.treatment, row.treatment)) if not arm.bad
    )
    return f"There is no ratio to draw: {none} had no such requests. The table above has the difference."


def _effect_cells(view: ReportView, index: int, row: MetricRow) -> Iterator[tuple[str, ...]]:
    for point in view.points:
        each = point.metrics[index]
        ends = (
            "unbounded" if end is None else words.amount(end, measure=row.measure)
            for end in (each.low, each.high)
        )
        yield (
            words.time_of_day(point.end_s),
            words.trials(each.control),
            words.trials(each.treatment),
            words.amount(each.effect, measure=row.measure),
            *ends,
        )


def _effect_caption(view: ReportView, row: MetricRow) -> str:
    arms = view.treatment if row.measure == "share" else f"{view.treatment} to {view.control}"
    return (
        f"The {row.measure} of {arms} ({row.counts}), since launch: {words.effect(row)}."
        " The band holds the true value at all times at once,"
        f" except with a probability of {percent(row.alpha)}."
        f" Held against: {words.held_against(row)}."
    )


def _ramp(view: ReportView) -> Figure:
    plan = ", ".join(f"{rung.weight_pct} % for {duration(rung.hold_s)}" for rung in view.ramp)
    return Figure(
        id="ramp",
        title="Traffic over time",
        caption=(
            f"Share of traffic for {view.treatment}. Planned: {plan}, then 100 %. Now: {words.traffic(view)}."
        ),
        chart=ramp_chart(view),
        columns=("Time (UTC)", f"Share of {view.treatment}"),
        table=tuple((words.time_of_day(each.at_s), words.split(each)) for each in view.splits),
    )
