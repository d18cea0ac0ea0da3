"""Every figure of the page: a chart, a sentence on what it shows, and the table of what is drawn. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

from analysis.report import latency_words, words
from analysis.report.charts import (
    ABOVE_THRESHOLD,
    LOWEST_LOG10_E,
    deciding,
    difference_chart,
    effect_chart,
    effect_range,
    harm_chart,
    promotion_chart,
    ramp_chart,
    share_chart,
)
from analysis.report.curves import curve_chart
from analysis.report.plot import Chart, Range
from analysis.report.rows import MetricRow
from analysis.report.view import ReportView
from engine.core import wording
from engine.core.model import MetricKind
from engine.core.numbers import amount, duration, percent, points
from engine.core.plan import Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One figure; `chart` is None while there is nothing to draw and `empty` says why.

    Rows of the table begin with a time, or with what else is along the bottom of the chart.
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
    return (_harm(view), _promotion(view), *_effects(view), *_curves(view), _ramp(view), *_shares(view))


def _harm(view: ReportView) -> Figure:
    threshold = 10**view.design.log10_rollback
    now = f"The run's e-value is {words.e_value(view.points[-1].log10_e_harm)} now. " if view.points else ""
    return Figure(
        id="evidence",
        title="Evidence of harm over time",
        caption=f"{now}At {threshold:,.0f} the run is rolled back. {_edges(threshold)}{_lag(view)}",
        chart=harm_chart(view) if view.points else None,
        columns=(words.time_column(view), "Windows", "Whole run", *(row.metric for row in view.metrics)),
        table=tuple(
            (
                words.time_of_day(view, point.end_s),
                f"{point.windows}" + (f" ({point.warm_up_windows} warm-up)" if point.warm_up_windows else ""),
                words.e_value(point.log10_e_harm),
                *(words.e_value(each.log10_e_harm) for each in point.metrics),
            )
            for point in view.points
        ),
    )


def _promotion(view: ReportView) -> Figure:
    threshold = 10**view.design.log10_promote
    rows = deciding(view)
    places = [view.metrics.index(row) for row in rows]
    better = [place for place, row in zip(places, rows, strict=True) if row.log10_e_better is not None]
    needed = (
        f"Promotion needs {threshold:,.0f} from each metric that decides, at the moment it is decided."
        if not view.design.needs_better
        else f"Promotion needs an objective that is better, at {threshold:,.0f} or (Holm) more, and every"
        " deciding metric not worse, at the moment it is decided."
    )
    return Figure(
        id="promotion",
        title="Evidence for promotion over time",
        caption=f"{needed} {_edges(threshold)}",
        chart=promotion_chart(view) if view.points and rows else None,
        columns=(
            words.time_column(view),
            *(f"{row.metric}: not worse" for row in rows),
            *(f"{view.metrics[place].metric}: better" for place in better),
        ),
        table=tuple(
            (
                words.time_of_day(view, point.end_s),
                *(words.e_value(point.metrics[place].log10_e_promote) for place in places),
                *(words.e_value(point.metrics[place].log10_e_better) for place in better),
            )
            for point in view.points
        ),
    )


def _effects(view: ReportView) -> Iterator[Figure]:
    ratios = [row for row in view.metrics if row.measure != "share"]
    for index, row in enumerate(view.metrics):
        without_ratio = words.without_ratio(row)
        told = _difference_caption if without_ratio else _effect_caption
        yield Figure(
            id=f"effect-{index + 1}",
            title=f"{row.metric}: {'difference' if without_ratio else row.measure} over time",
            caption=told(view, row),
            chart=_effect_chart(view, row, effect_range(ratios if row in ratios else [row], view)),
            columns=(
                words.time_column(view),
                f"{view.control} in these windows",
                f"{row.variant} in these windows",
                "Difference, since launch",
                f"{row.measure.capitalize()}, since launch",
                "Low",
                "High",
            ),
            table=tuple(_effect_cells(view, index)),
            empty=_why_no_effect(row),
        )


def _effect_chart(view: ReportView, row: MetricRow, room: Range) -> Chart | None:
    if words.without_ratio(row):
        return difference_chart(view, row)
    return None if row.effect is None else effect_chart(view, row, room)


def _why_no_effect(row: MetricRow) -> str:
    if row.control.total and row.treatment.total:
        return "Without a latency objective there is no share to draw."
    return "Nothing measured yet."


def _effect_cells(view: ReportView, index: int) -> Iterator[tuple[str, ...]]:
    row = view.metrics[index]
    for point in view.points:
        if row.stage is not Stage.SPLIT and point.stage is not row.stage:
            continue
        each = point.metrics[index]
        ends = (
            "unbounded" if end is None else words.amount(end, measure=row.measure)
            for end in (each.low, each.high)
        )
        yield (
            words.time_of_day(view, point.end_s),
            words.trials(row, each.control),
            words.trials(row, each.treatment),
            wording.gap(row, each.difference),
            words.amount(each.effect, measure=row.measure),
            *ends,
        )


def _effect_caption(view: ReportView, row: MetricRow) -> str:
    arms = row.variant if row.measure == "share" else f"{row.variant} to {view.control}"
    told = (words.amount(row.effect, measure=row.measure), words.interval(row))
    known = ", ".join(each for each in told if each)
    return (
        f"The {row.measure} of {arms} ({row.counts}{_compared(row)}), since launch: {known}."
        " The band holds the true value at all times at once,"
        f" except with a probability of {percent(row.alpha)}."
        f" Held against: {words.held_against(row)}."
    )


def _difference_caption(view: ReportView, row: MetricRow) -> str:
    now = view.points[-1].metrics[view.metrics.index(row)].log10_e_promote
    counted = row.kind is MetricKind.COUNT or wording.is_share(row)
    why = f"{view.control} had no {row.counts}" if counted else f"{view.control} was not above 0"
    return (
        f"{why}, so there is no ratio; drawn is the difference"
        f" {row.variant} minus {view.control} since launch, now {words.difference(row)}."
        f" Held against: {words.held_against(row)}."
        f" That the margin is kept has an e-value of {words.e_value(now)}; promotion needs"
        f" {words.e_value(view.design.log10_promote)}."
    )


def _compared(row: MetricRow) -> str:
    stage = words.stage(row)
    return f"; {stage}" if stage else ""


def _edges(threshold: float) -> str:
    highest = threshold * 10**ABOVE_THRESHOLD
    return f"Values under {10**LOWEST_LOG10_E:g} or over {highest:,.0f} are drawn at the edge."


def _lag(view: ReportView) -> str:
    behind = words.lag(view)
    return f" Points stand where requests were served; {behind}." if behind else ""


def _curves(view: ReportView) -> Iterator[Figure]:
    for index, row in enumerate(view.latencies):
        arms = (row.control, row.treatment)
        yield Figure(
            id=f"latency-{index + 1}",
            title=f"{row.metric}: share of trials slower than each bucket bound",
            caption=(
                f"{row.told} Both axes are logarithmic; a share of 0 is drawn at the edge. Counted: "
                + ", ".join(f"{latency_words.counted(arm)} for {arm.variant}" for arm in arms)
                + f". The bands hold the true shares at all times at once, except with a probability of"
                f" {percent(row.alpha)} each, if they do not change during the run."
            ),
            chart=curve_chart(row),
            columns=("Slower than", *(f"{arm.variant}, likely" for arm in arms)),
            table=tuple(
                (amount(places[0].bound_s, "s"), *map(latency_words.above, places))
                for places in zip(row.control.above, row.treatment.above, strict=True)
            ),
        )


def _ramp(view: ReportView) -> Figure:
    plan = ", ".join(
        f"{words.planned(rung)}{words.stage_name(rung)} for {duration(rung.hold_s)}" for rung in view.ramp
    )
    which = " for one of them" if len(view.treatments) > 1 else ""
    then = "" if view.ramp and view.ramp[-1].weight_pct == 100 else f", then 100 %{which}"
    names = view.treatments
    return Figure(
        id="ramp",
        title="Traffic over time",
        caption=(
            f"Share of traffic for {' and '.join(names)}. Planned: {plan}{then}. Now: {words.traffic(view)}."
        ),
        chart=ramp_chart(view),
        columns=(words.time_column(view), *(f"Share of {name}" for name in names)),
        table=tuple(
            (
                words.time_of_day(view, each.at_s),
                *(words.split(each, index) for index in range(len(names))),
            )
            for each in view.splits
        ),
    )


def _shares(view: ReportView) -> Iterator[Figure]:
    for index, row in enumerate(view.split_check.rows):
        seen = [(point, point.shares[index]) for point in view.points if len(point.shares) > index]
        counted = [pair for pair in seen if pair[1].seen is not None]
        alarm = "It has been reached." if row.alarm else "It has not been reached."
        yield Figure(
            id=f"split-{index + 1}",
            title=f"Split of visitors: {row.treatment} against {view.control}",
            caption=(
                f"{row.told or 'No window counts yet.'} Up to {points(row.tolerance).removeprefix('+')} off"
                f" is tolerated. The e-value that it is further off is {words.e_value(row.log10_e)}; at 100"
                f" the results are not to be trusted. {alarm} Windows around weight changes are left out."
            ),
            chart=share_chart(view, row, index) if counted else None,
            columns=(words.time_column(view), "Planned", "Seen", "e-value"),
            table=tuple(
                (
                    words.time_of_day(view, point.end_s),
                    percent(share.planned),
                    percent(share.seen),
                    words.e_value(share.log10_e),
                )
                for point, share in counted
            ),
        )
