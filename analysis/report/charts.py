"""Charts as Vega-Lite dicts. Pure: nothing is drawn here, and colours are CSS variables of the page.

Series differ in colour, dash and marker, so that none of them is told by colour alone.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from analysis.report.history import Split
from analysis.report.rows import MetricRow
from analysis.report.view import ReportView
from analysis.report.words import iso

Chart = dict[str, Any]
"""A Vega-Lite specification."""

WHOLE_RUN = "whole run"
LOWEST_LOG10_E = -3.0
ABOVE_THRESHOLD = 3.0

_COLOURS = ("var(--series-1)", "var(--series-2)", "var(--series-3)", "var(--series-4)")
_DASHES = ([1, 0], [7, 3], [2, 2], [9, 3, 2, 3])
_SHAPES = ("circle", "square", "triangle-up", "diamond")
_FONT = "system-ui, sans-serif"


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """Limits of an axis."""

    low: float
    high: float

    def clip(self, value: float) -> float:
        """The nearest value inside."""
        return min(max(value, self.low), self.high)


def evidence_chart(view: ReportView) -> Chart:
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
    axis = {"title": "e-value against harm", "labelExpr": _POWER_OF_TEN, "tickMinStep": 1, "titlePadding": 12}
    y = {"field": "y", "type": "quantitative", "axis": axis, "scale": {"domain": [room.low, room.high]}}
    return _framed(
        view,
        [
            _limit(threshold, f"roll back at {10**threshold:,.0f}", "var(--bad)"),
            *_weight_changes(view.splits),
            *_lines(values, y, names),
        ],
    )


def effect_chart(view: ReportView, row: MetricRow, room: Range) -> Chart:
    """One metric's effect over time with its confidence sequence, cumulative since launch."""
    index = [each.metric for each in view.metrics].index(row.metric)
    values = [
        {
            "t": iso(point.end_s),
            "y": room.clip(each.effect),
            "low": room.low if each.low is None else room.clip(each.low),
            "high": room.high if each.high is None else room.clip(each.high),
        }
        for point in view.points
        if (each := point.metrics[index]).effect is not None
    ]
    ratio = row.measure != "share"
    axis = {"title": row.measure, "format": "~g" if ratio else "~%", "tickCount": 6}
    scale = {"type": "log" if ratio else "linear", "domain": [room.low, room.high], "nice": False}
    y = {"field": "y", "type": "quantitative", "axis": axis, "scale": scale}
    band = {
        "mark": {"type": "area", "color": _COLOURS[0], "opacity": 0.25},
        "encoding": _x() | {"y": y | {"field": "low"}, "y2": {"field": "high"}},
    }
    line = {"mark": {"type": "line", "color": _COLOURS[0], "strokeWidth": 2}, "encoding": _x() | {"y": y}}
    last = {
        "data": {"values": values[-1:]},
        "mark": {"type": "point", "color": _COLOURS[0], "filled": True, "size": 60},
        "encoding": _x() | {"y": y},
    }
    return _framed(view, [band, *_limits(row, room), *_weight_changes(view.splits), line, last], values)


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


def ramp_chart(view: ReportView) -> Chart:
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
    return _framed(
        view, _lines(values, y, names, interpolate="step-after"), span=_span_s([*actual, *planned])
    )


_POWER_OF_TEN = (
    "abs(datum.value) < 4 ? format(pow(10, datum.value), ',~g') : '10^' + format(datum.value, '~g')"
)


def _span_s(path: Sequence[tuple[float, int]]) -> float:
    times = [at_s for at_s, _ in path]
    return max(times) - min(times) if times else 0.0


def _limits(row: MetricRow, room: Range) -> list[Chart]:
    """The levels that an effect is held against; names are placed so that close levels do not collide."""
    if row.measure == "share":
        return [] if row.margin_rate is None else [_limit(room.clip(row.margin_rate), "limit", "var(--bad)")]
    lines = [_limit(1.0, "no difference", "var(--muted)", (1, 0), where="under")]
    control = row.control.rate
    if control and row.tolerance_rate is not None:
        at = room.clip(row.tolerance_rate / control)
        lines.append(_limit(at, "tolerance", "var(--bad)", where="left"))
    if control and row.margin_rate is not None:
        lines.append(_limit(room.clip(row.margin_rate / control), "margin", "var(--series-3)", (2, 3)))
    return lines


def _limit(at: float, text: str, colour: str, dash: Sequence[int] = (6, 4), where: str = "right") -> Chart:
    """A level line with its name at the left, at the right, or under it at the right."""
    y = {"datum": at, "type": "quantitative"}
    x = {"value": 4 if where == "left" else "width"}
    under = where == "under"
    place = {
        "align": "left" if where == "left" else "right",
        "baseline": "top" if under else "bottom",
        "dy": 4 if under else -3,
    }
    return {
        "data": {"values": [{"text": text}]},
        "layer": [
            {"mark": {"type": "rule", "color": colour, "strokeDash": list(dash)}, "encoding": {"y": y}},
            {
                "mark": {"type": "text", "color": colour} | place,
                "encoding": {"y": y, "x": x, "text": {"field": "text"}},
            },
        ],
    }


def _weight_changes(splits: Sequence[Split]) -> list[Chart]:
    """A thin upright line with the new share wherever it changed."""
    values = [
        {"t": iso(now.at_s), "text": f"{now.weight_pct} %"}
        for before, now in pairwise(splits)
        if now.weight_pct != before.weight_pct
    ]
    if not values:
        return []
    text = {"type": "text", "align": "left", "baseline": "top", "dx": 3, "color": "var(--muted)"}
    return [
        {
            "data": {"values": values},
            "layer": [
                {"mark": {"type": "rule", "color": "var(--grid-strong)"}, "encoding": _x()},
                {"mark": text, "encoding": _x() | {"y": {"value": 2}, "text": {"field": "text"}}},
            ],
        }
    ]


def _lines(values: list[Chart], y: Chart, names: list[str], interpolate: str = "linear") -> list[Chart]:
    """One line per series with a marker at its end."""
    legend = {"orient": "bottom", "title": None, "symbolSize": 120, "columns": 4, "labelLimit": 260}

    def by_series(choices: Sequence[Any]) -> Chart:
        cycled = [choices[index % len(choices)] for index in range(len(names))]
        scale = {"domain": names, "range": cycled}
        return {"field": "series", "type": "nominal", "scale": scale, "legend": legend}

    encoding = _x() | {"y": y, "color": by_series(_COLOURS)}
    ends = list({value["series"]: value for value in values}.values())
    thick = {"condition": {"test": {"field": "series", "equal": names[0]}, "value": 2.5}, "value": 1.5}
    return [
        {
            "data": {"values": values},
            "mark": {"type": "line", "interpolate": interpolate},
            "encoding": encoding | {"strokeDash": by_series(_DASHES), "strokeWidth": thick},
        },
        {
            "data": {"values": ends},
            "mark": {"type": "point", "filled": True, "size": 60},
            "encoding": encoding | {"shape": by_series(_SHAPES)},
        },
    ]


def _x() -> Chart:
    return {"x": {"field": "t", "type": "temporal"}}


def _framed(
    view: ReportView, layers: list[Chart], values: list[Chart] | None = None, span: float | None = None
) -> Chart:
    span_s = (
        span if span is not None else view.points[-1].end_s - view.points[0].start_s if view.points else 0.0
    )
    form = "%H:%M:%S" if span_s < 600 else "%H:%M" if span_s < 86400 else "%d %b %H:%M"
    ink = {"labelColor": "var(--ink)", "titleColor": "var(--ink)", "labelFont": _FONT, "titleFont": _FONT}
    axis = ink | {"gridColor": "var(--grid)", "domainColor": "var(--muted)", "tickColor": "var(--muted)"}
    sizes = {"labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": "normal"}
    x_axis = {"title": "time (UTC)", "format": form, "tickCount": 6, "grid": False}
    chart: Chart = {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "width": 680,
        "height": 240,
        "background": "transparent",
        "encoding": {"x": {"axis": x_axis, "scale": {"type": "utc"}}},
        "layer": layers,
        "config": {
            "aria": False,
            "view": {"stroke": None},
            "axis": axis | sizes,
            "legend": ink | sizes,
            "text": {"font": _FONT, "fontSize": 12},
        },
    }
    return chart if values is None else chart | {"data": {"values": values}}
