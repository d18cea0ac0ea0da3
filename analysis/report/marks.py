"""The parts that charts are made of, as Vega-Lite dicts: frame, lines, levels and changes of traffic. Pure.

Series differ in colour, dash and marker, so that none of them is told by colour alone. Names of levels stand
beside the plot and shares of traffic above it, apart from each other, where no data can hide them.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from analysis.report.history import Split
from analysis.report.words import iso

Chart = dict[str, Any]
"""A Vega-Lite specification."""

COLOURS = ("var(--series-1)", "var(--series-2)", "var(--series-3)", "var(--series-4)")
_DASHES = ([1, 0], [7, 3], [2, 2], [9, 3, 2, 3])
_SHAPES = ("circle", "square", "triangle-up", "diamond")
_FONT = "system-ui, sans-serif"
_BESIDE_PX = 84
_LINE_PX = 15
_LABEL_PX = 42


@dataclass(frozen=True, slots=True, kw_only=True)
class Canvas:
    """How large a chart is drawn, in pixels without axes, and how much text fits along it."""

    width_px: int
    height_px: int
    ticks: int
    legend_columns: int


WIDE = Canvas(width_px=860, height_px=260, ticks=7, legend_columns=4)
NARROW = Canvas(width_px=230, height_px=200, ticks=3, legend_columns=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """Limits of an axis of values."""

    low: float
    high: float

    def clip(self, value: float) -> float:
        """The nearest value inside."""
        return min(max(value, self.low), self.high)


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """A canvas with its time axis, epoch seconds at its left and right edge."""

    canvas: Canvas
    from_s: float
    until_s: float

    def x_px(self, at_s: float) -> float:
        """How far from the left edge a moment is."""
        return self.canvas.width_px * (at_s - self.from_s) / (self.until_s - self.from_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """A value worth a line across the plot."""

    at: float
    name: str
    colour: str
    dash: tuple[int, ...] = (6, 4)


def time_axis() -> Chart:
    """The position of a value along time."""
    return {"x": {"field": "t", "type": "temporal"}}


def level_inside(level: Level) -> Chart:
    """A level whose name stands above its line at the left."""
    return _level(level, {"value": 4}, {"datum": level.at, "type": "quantitative"}, above=True)


def levels_beside(levels: Sequence[Level], room: Range, canvas: Canvas, *, log: bool) -> list[Chart]:
    """Levels whose names stand at the right of the plot, moved down where they would collide."""
    drawn: list[Chart] = []
    free_px = -math.inf
    for level in sorted(levels, key=lambda each: -each.at):
        y_px = max(_y_px(level.at, room, canvas, log=log), free_px)
        free_px = y_px + _LINE_PX
        drawn.append(_level(level, {"value": canvas.width_px + 6}, {"value": y_px}, above=False))
    return drawn


def weight_changes(frame: Frame, splits: Sequence[Split]) -> list[Chart]:
    """A thin upright line wherever the share changed, the new share above the plot."""
    rows: dict[int, list[Chart]] = {}
    busy_until_px: list[float] = []
    for before, now in pairwise(splits):
        if now.weight_pct == before.weight_pct:
            continue
        x_px = frame.x_px(now.at_s)
        row = next((i for i, end_px in enumerate(busy_until_px) if end_px <= x_px), len(busy_until_px))
        busy_until_px[row : row + 1] = [x_px + _LABEL_PX]
        rows.setdefault(row, []).append({"t": iso(now.at_s), "text": f"{now.weight_pct} %"})
    return [_changes(values, y_px=-8 - _LINE_PX * row) for row, values in rows.items()]


def lines(
    canvas: Canvas, values: list[Chart], y: Chart, names: list[str], interpolate: str = "linear"
) -> list[Chart]:
    """One line per series with a marker of its own at its end; the legend shows colour and dash."""
    legend = {
        "orient": "bottom",
        "title": None,
        "symbolType": "stroke",
        "symbolSize": 900,
        "symbolStrokeWidth": 2.5,
        "columns": canvas.legend_columns,
        "labelLimit": 300,
    }

    def by_series(choices: Sequence[Any]) -> Chart:
        scale = {"domain": names, "range": [_cycled(choices, index) for index in range(len(names))]}
        return {"field": "series", "type": "nominal", "scale": scale, "legend": legend}

    series = {"color": by_series(COLOURS), "strokeDash": by_series(_DASHES)}
    thick = {"condition": {"test": {"field": "series", "equal": names[0]}, "value": 2.5}, "value": 1.5}
    return [
        {
            "data": {"values": values},
            "mark": {"type": "line", "interpolate": interpolate},
            "encoding": time_axis() | {"y": y, "strokeWidth": thick} | series,
        },
        *(
            _end([value for value in values if value["series"] == name][-1:], y, index)
            for index, name in enumerate(names)
        ),
    ]


def framed(frame: Frame, layers: list[Chart], values: list[Chart] | None = None) -> Chart:
    """The whole chart: layers over one time axis, `values` for those without data of their own."""
    span_s = frame.until_s - frame.from_s
    form = "%H:%M:%S" if span_s < 600 else "%H:%M" if span_s < 86400 else "%d %b %H:%M"
    ink = {"labelColor": "var(--ink)", "titleColor": "var(--ink)", "labelFont": _FONT, "titleFont": _FONT}
    axis = ink | {"gridColor": "var(--grid)", "domainColor": "var(--muted)", "tickColor": "var(--muted)"}
    sizes = {"labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": "normal"}
    x_axis = {
        "title": "time (UTC)",
        "format": form,
        "tickCount": frame.canvas.ticks,
        "grid": False,
        "labelOverlap": True,
    }
    scale = {"type": "utc", "domain": [iso(frame.from_s), iso(frame.until_s)], "nice": False}
    chart: Chart = {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "width": frame.canvas.width_px,
        "height": frame.canvas.height_px,
        "background": "transparent",
        "encoding": {"x": {"axis": x_axis, "scale": scale}},
        "layer": [_room_beside(frame.canvas), *layers],
        "config": {
            "aria": False,
            "view": {"stroke": None},
            "axis": axis | sizes,
            "axisY": {"minExtent": 40},
            "legend": ink | sizes,
            "text": {"font": _FONT, "fontSize": 12},
        },
    }
    return chart if values is None else chart | {"data": {"values": values}}


def _cycled(choices: Sequence[Any], index: int) -> Any:
    return choices[index % len(choices)]


def _end(values: list[Chart], y: Chart, index: int) -> Chart:
    look = {"color": _cycled(COLOURS, index), "shape": _cycled(_SHAPES, index)}
    return {
        "data": {"values": values},
        "mark": {"type": "point", "filled": True, "size": 60} | look,
        "encoding": time_axis() | {"y": y},
    }


def _changes(values: list[Chart], *, y_px: int) -> Chart:
    text = {"y": {"value": y_px}, "text": {"field": "text"}}
    return {
        "data": {"values": values},
        "layer": [
            {"mark": {"type": "rule", "color": "var(--grid-strong)"}, "encoding": time_axis()},
            {"mark": {"type": "text", "color": "var(--muted)"}, "encoding": time_axis() | text},
        ],
    }


def _room_beside(canvas: Canvas) -> Chart:
    """Nothing to be seen: keeps the same room at the right of every chart, so that their times line up."""
    return {
        "data": {"values": [{}]},
        "mark": {"type": "point", "opacity": 0, "size": 1},
        "encoding": {"x": {"value": canvas.width_px + _BESIDE_PX}, "y": {"value": 0}},
    }


def _level(level: Level, x: Chart, y: Chart, *, above: bool) -> Chart:
    line = {"type": "rule", "color": level.colour, "strokeDash": list(level.dash)}
    text = {"type": "text", "color": level.colour, "align": "left"}
    place = {"baseline": "bottom", "dy": -3} if above else {"baseline": "middle"}
    return {
        "data": {"values": [{"text": level.name}]},
        "layer": [
            {"mark": line, "encoding": {"y": {"datum": level.at, "type": "quantitative"}}},
            {"mark": text | place, "encoding": {"y": y, "x": x, "text": {"field": "text"}}},
        ],
    }


def _y_px(value: float, room: Range, canvas: Canvas, *, log: bool) -> float:
    low, high, at = (math.log(each) if log else each for each in (room.low, room.high, value))
    return canvas.height_px * (high - at) / (high - low)
