"""The report's charts as Vega-Lite dicts. Pure: nothing is drawn here, and colours are CSS variables.

Each is made for a canvas, because text that fits a screen is too small on a phone.
"""

from collections.abc import Iterable

from analysis.report.marks import (
    COLOURS,
    Canvas,
    Chart,
    Frame,
    Level,
    Range,
    framed,
    level_inside,
    levels_beside,
    lines,
    time_axis,
    weight_changes,
)
from analysis.report.rows import MetricRow
from analysis.report.trace import MetricPoint
from analysis.report.view import ReportView
from analysis.report.words import iso

WHOLE_RUN = "whole run"
LOWEST_LOG10_E = -3.0
ABOVE_THRESHOLD = 3.0

_POWER_OF_TEN = (
    "abs(datum.value) < 4 ? format(pow(10, datum.value), ',~g') : '10^' + format(datum.value, '~g')"
)


def evidence_chart(view: ReportView, canvas: Canvas) -> Chart:
    """E-values against harm over time, run and metrics, decimal logs, with the rollback threshold."""
    threshold = view.design.log10_rollback
    highest = max((point.log10_e_harm for point in view.points), default=0.0)
    room = Range(low=LOWEST_LOG10_E, high=min(max(highest, threshold + 0.5), threshold + ABOVE_THRESHOLD))
    names = [WHOLE_RUN, *(row.metric for row in view.metrics)]
    values = [
        {"t": iso(point.end_s), "series": series, "y": room.clip(log10_e)}
        for point in view.points
        for series, log10_e in zip(
            names, (point.log10_e_harm, *(each.log10_e_harm for each in point.metrics)), strict=True
        )
    ]
    axis = {"title": "e-value against harm", "labelExpr": _POWER_OF_TEN, "tickMinStep": 1}
    y = {"field": "y", "type": "quantitative", "axis": axis, "scale": {"domain": [room.low, room.high]}}
    limit = Level(at=threshold, name=f"roll back at {10**threshold:,.0f}", colour="var(--bad)")
    frame = _frame(view, canvas)
    changes = weight_changes(frame, view.splits)
    return framed(frame, [level_inside(limit), *changes, *lines(canvas, values, y, names)])


def effect_chart(view: ReportView, row: MetricRow, room: Range, canvas: Canvas) -> Chart:
    """One metric's effect over time with its confidence sequence, cumulative since launch."""
    values = [
        {
            "t": iso(end_s),
            "y": room.clip(each.effect),
            "low": room.low if each.low is None else room.clip(each.low),
            "high": room.high if each.high is None else room.clip(each.high),
        }
        for end_s, each in _of(view, row)
        if each.effect is not None
    ]
    ratio = row.measure != "share"
    axis = {"title": row.measure, "format": "~g" if ratio else "~%", "tickCount": 6}
    scale = {"type": "log" if ratio else "linear", "domain": [room.low, room.high], "nice": False}
    y = {"field": "y", "type": "quantitative", "axis": axis, "scale": scale}
    band = {
        "mark": {"type": "area", "color": COLOURS[0], "opacity": 0.25},
        "encoding": time_axis() | {"y": y | {"field": "low"}, "y2": {"field": "high"}},
    }
    levels = levels_beside(_effect_levels(row, room), room, canvas, log=ratio)
    frame = _frame(view, canvas)
    return framed(frame, [band, *levels, *weight_changes(frame, view.splits), *_line(values, y)], values)


def difference_chart(view: ReportView, row: MetricRow, canvas: Canvas) -> Chart:
    """Treatment minus control in percentage points over time, for a metric that has no ratio."""
    seen = [(end_s, 100 * each.difference) for end_s, each in _of(view, row) if each.difference is not None]
    levels = _difference_levels(row)
    reach = [value for _, value in seen] + [level.at for level in levels]
    spare = max(0.15 * (max(reach) - min(reach)), 0.01)
    room = Range(low=min(reach) - spare, high=max(reach) + spare)
    values = [{"t": iso(end_s), "y": value} for end_s, value in seen]
    axis = {"title": "difference (pp)", "format": "~g", "tickCount": 6}
    scale = {"domain": [room.low, room.high], "nice": False}
    y = {"field": "y", "type": "quantitative", "axis": axis, "scale": scale}
    frame = _frame(view, canvas)
    named = levels_beside(levels, room, canvas, log=False)
    return framed(frame, [*named, *weight_changes(frame, view.splits), *_line(values, y)], values)


def effect_range(rows: Iterable[MetricRow], view: ReportView) -> Range:
    """One axis for all ratios, wide enough for each estimate and limit; for shares from 0 up."""
    names = {row.metric for row in rows}
    seen = [
        each.effect
        for point in view.points
        for each in point.metrics
        if each.metric in names and each.effect is not None
    ]
    shares = [row for row in view.metrics if row.metric in names and row.measure == "share"]
    if shares:
        limits = [row.margin_rate for row in shares if row.margin_rate is not None]
        return Range(low=0.0, high=min(1.0, 1.5 * max([0.001, *seen[-1:], *limits])))
    above_zero = [effect for effect in seen if effect > 0]
    return Range(low=min([0.1, *above_zero]), high=max([10.0, *above_zero]))


def ramp_chart(view: ReportView, canvas: Canvas) -> Chart:
    """The treatment's share of traffic: planned at the earliest, and as the target reported it."""
    until_s = view.generated_s if view.ended_s is None else view.ended_s
    planned = [(rung.earliest_s, rung.weight_pct) for rung in view.ramp]
    if view.ramp:
        planned.append((view.ramp[-1].earliest_s + view.ramp[-1].hold_s, 100))
    actual = [(each.at_s, each.weight_pct) for each in view.splits]
    if actual:
        actual.append((max(until_s, actual[-1][0]), actual[-1][1]))
    would = any(each.would for each in view.splits)
    names = ["would be" if would else "actual", "planned at the earliest"]
    values = [
        {"t": iso(at_s), "series": series, "y": weight_pct}
        for series, path in zip(names, (actual, planned), strict=True)
        for at_s, weight_pct in path
    ]
    axis = {"title": "share of traffic (%)", "values": [0, 25, 50, 75, 100]}
    y = {"field": "y", "type": "quantitative", "axis": axis, "scale": {"domain": [0, 100]}}
    frame = _frame(view, canvas, more_s=[at_s for at_s, _ in (*actual, *planned)])
    return framed(frame, lines(canvas, values, y, names, interpolate="step-after"))


def _of(view: ReportView, row: MetricRow) -> list[tuple[float, MetricPoint]]:
    index = [each.metric for each in view.metrics].index(row.metric)
    return [(point.end_s, point.metrics[index]) for point in view.points]


def _effect_levels(row: MetricRow, room: Range) -> list[Level]:
    if row.measure == "share":
        if row.margin_rate is None:
            return []
        return [Level(at=room.clip(row.margin_rate), name="limit", colour="var(--bad)")]
    control = row.control.rate
    levels = [_no_difference(1.0)]
    if control and row.tolerance_rate is not None:
        at = room.clip(row.tolerance_rate / control)
        levels.append(Level(at=at, name="tolerance", colour="var(--bad)"))
    if control and row.margin_rate is not None:
        levels.append(_margin(room.clip(row.margin_rate / control)))
    return levels


def _difference_levels(row: MetricRow) -> list[Level]:
    if row.margin_rate is None or row.control.rate is None:
        return [_no_difference(0.0)]
    return [_no_difference(0.0), _margin(100 * (row.margin_rate - row.control.rate))]


def _no_difference(at: float) -> Level:
    return Level(at=at, name="no difference", colour="var(--muted)", dash=(1, 0))


def _margin(at: float) -> Level:
    return Level(at=at, name="margin", colour="var(--series-3)", dash=(2, 3))


def _line(values: list[Chart], y: Chart) -> list[Chart]:
    """The estimate, with a marker at its end."""
    encoding = time_axis() | {"y": y}
    return [
        {"mark": {"type": "line", "color": COLOURS[0], "strokeWidth": 2}, "encoding": encoding},
        {
            "data": {"values": values[-1:]},
            "mark": {"type": "point", "color": COLOURS[0], "filled": True, "size": 60},
            "encoding": encoding,
        },
    ]


def _frame(view: ReportView, canvas: Canvas, more_s: Iterable[float] = ()) -> Frame:
    """The same time axis for every chart: from the launch to the last that is known."""
    moments = [view.launched_s, *(each.at_s for each in view.splits), *more_s]
    until_s = max([*moments, *(point.end_s for point in view.points)])
    return Frame(canvas=canvas, from_s=min(moments), until_s=max(until_s, min(moments) + 1))
