"""Draws a chart as SVG for inlining, without a library: a page of many charts must stay small and quick.

Series differ in colour, dash and marker, so that none of them is told by colour alone. Names of levels stand
beside the plot and shares of traffic above it, apart from each other, where no data can hide them. Colours
are the page's CSS variables.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from analysis.report.plot import Chart, Level, Line, Moment, Sample, Tick, time_ticks

COLOURS = ("var(--series-1)", "var(--series-2)", "var(--series-3)", "var(--series-4)")
DASHES = ("", "7 3", "2 2", "9 3 2 3")
LINE_PX = 15
_LABEL_PX = 46
_SHAPES = (
    "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0Z",
    "M-4 -4H4V4H-4Z",
    "M0 -5L5 4H-5Z",
    "M0 -5L5 0L0 5L-5 0Z",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Canvas:
    """How large a chart is drawn, in pixels, and how many times are written along it."""

    width_px: int
    height_px: int
    left_px: int
    right_px: int
    ticks: int

    @property
    def plot_px(self) -> int:
        """Width of the plot."""
        return self.width_px - self.left_px - self.right_px


WIDE = Canvas(width_px=860, height_px=230, left_px=58, right_px=92, ticks=8)
NARROW = Canvas(width_px=340, height_px=190, left_px=50, right_px=84, ticks=3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What tells one series from another."""

    colour: str
    dash: str
    shape: str


def look(index: int) -> Look:
    """The look of a series; the first sixteen differ in more than colour."""
    turn = index // len(COLOURS)
    return Look(
        colour=COLOURS[index % 4], dash=DASHES[(index + turn) % 4], shape=_SHAPES[(index + 2 * turn) % 4]
    )


def draw(chart: Chart, canvas: Canvas) -> Markup:
    """The chart. It carries no words for a screen reader; the figure around it does."""
    rows = change_rows(chart, canvas)
    top_px = LINE_PX * (1 + max((row for _, row in rows), default=0)) + 25
    height_px = top_px + canvas.height_px + 44
    parts = Markup().join(
        [
            *_grid(chart, canvas),
            *_stages(chart, canvas),
            *_changes(chart, canvas, rows),
            *(_band(chart, canvas, line) for line in chart.lines),
            *_levels(chart, canvas),
            *(_line(chart, canvas, line) for line in chart.lines),
        ]
    )
    return Markup(
        '<svg viewBox="0 0 {} {}" aria-hidden="true" focusable="false">'
        '<text class="unit" x="0" y="12">{}</text><g transform="translate({} {})">{}</g></svg>'
    ).format(canvas.width_px, height_px, chart.axis.title, canvas.left_px, top_px, parts)


def swatch(index: int, *, outline: bool = False) -> Markup:
    """A series' line and marker for the legend."""
    seen = look(index)
    colour, dash = ("var(--muted)", "3 3") if outline else (seen.colour, seen.dash)
    mark = (
        ""
        if outline
        else Markup('<path d="{}" transform="translate(38 7)" fill="{}"/>').format(seen.shape, seen.colour)
    )
    return Markup(
        '<svg viewBox="0 0 44 14" width="44" height="14" aria-hidden="true" focusable="false">'
        '<path d="M0 7H38" stroke="{}" stroke-width="2.5" stroke-dasharray="{}"/>{}</svg>'
    ).format(colour, dash, mark)


def x_px(chart: Chart, canvas: Canvas, at_s: float) -> float:
    """How far from the plot's left edge a moment (or what else is along the bottom) is."""
    if chart.across is not None:
        return round(canvas.plot_px * chart.across.share(at_s), 1)
    return round(canvas.plot_px * (at_s - chart.from_s) / (chart.until_s - chart.from_s), 1)


def y_px(chart: Chart, canvas: Canvas, value: float) -> float:
    """How far from the plot's upper edge a value is."""
    return round(canvas.height_px * (1 - chart.axis.share(value)), 1)


def change_rows(chart: Chart, canvas: Canvas) -> list[tuple[Moment, int]]:
    """The changes with the row above the plot where each has room."""
    placed: list[tuple[Moment, int]] = []
    busy_until_px: list[float] = []
    for change in chart.changes:
        at_px = x_px(chart, canvas, change.at_s)
        row = next((i for i, end_px in enumerate(busy_until_px) if end_px <= at_px), len(busy_until_px))
        busy_until_px[row : row + 1] = [at_px + max(_LABEL_PX, 8 * len(change.text))]
        placed.append((change, row))
    return placed


def level_places(chart: Chart, canvas: Canvas) -> list[tuple[Level, float]]:
    """The levels with the height of their names, moved down where they would collide."""
    placed: list[tuple[Level, float]] = []
    free_px = -math.inf
    for level in sorted(chart.levels, key=lambda each: -each.at):
        at_px = max(y_px(chart, canvas, level.at), free_px)
        free_px = at_px + LINE_PX
        placed.append((level, at_px))
    return placed


def _grid(chart: Chart, canvas: Canvas) -> Iterator[Markup]:
    for tick in chart.axis.ticks:
        yield Markup(
            '<path class="grid" d="M0 {0}H{1}"/><text x="-6" y="{0}" dy="4" text-anchor="end">{2}</text>'
        ).format(y_px(chart, canvas, tick.at), canvas.plot_px, tick.label)
    for tick in _along(chart, canvas):
        yield Markup(
            '<path class="axis" d="M{0} {1}v5"/><text x="{0}" y="{2}" text-anchor="middle">{3}</text>'
        ).format(x_px(chart, canvas, tick.at), canvas.height_px, canvas.height_px + 18, tick.label)
    yield Markup(
        '<path class="axis" d="M0 {}H{}"/><text class="unit" x="{}" y="{}" text-anchor="end">{}</text>'
    ).format(
        canvas.height_px,
        canvas.plot_px,
        canvas.plot_px,
        canvas.height_px + 36,
        chart.across.title if chart.across else "time (UTC)",
    )


def _along(chart: Chart, canvas: Canvas) -> tuple[Tick, ...]:
    """What is written along the bottom; of ticks that are given as many as have room."""
    if chart.across is None:
        return time_ticks(chart.from_s, chart.until_s, canvas.ticks)
    return chart.across.ticks[:: math.ceil(len(chart.across.ticks) / (canvas.ticks + 1)) or 1]


def _stages(chart: Chart, canvas: Canvas) -> Iterator[Markup]:
    for number, stage in enumerate(chart.stages):
        yield Markup(
            '<path class="change" stroke-dasharray="1 3" d="M{0} 0V{1}"/>'
            '<text class="unit" x="{2}" y="{3}">{4}</text>'
        ).format(
            x_px(chart, canvas, stage.at_s),
            canvas.height_px,
            x_px(chart, canvas, stage.at_s) + 4,
            canvas.height_px - 6 - LINE_PX * (number % 3),
            stage.text,
        )


def _changes(chart: Chart, canvas: Canvas, rows: Sequence[tuple[Moment, int]]) -> Iterator[Markup]:
    for change, row in rows:
        at_px = x_px(chart, canvas, change.at_s)
        yield Markup(
            '<path class="change" d="M{0} 0V{1}"/>'
            '<text class="unit" x="{0}" y="{2}" text-anchor="middle">{3}</text>'
        ).format(at_px, canvas.height_px, -9 - LINE_PX * row, change.text)


def _levels(chart: Chart, canvas: Canvas) -> Iterator[Markup]:
    for level, name_px in level_places(chart, canvas):
        yield Markup(
            '<path d="M0 {}H{}" stroke="{}" stroke-dasharray="{}" stroke-width="1.5"/>'
            '<text x="{}" y="{}" dy="4" fill="{}">{}</text>'
        ).format(
            y_px(chart, canvas, level.at),
            canvas.plot_px,
            level.colour,
            level.dash,
            canvas.plot_px + 8,
            name_px,
            level.colour,
            level.name,
        )


def _band(chart: Chart, canvas: Canvas, line: Line) -> Markup:
    """Where the true value is; an end that is unknown is at the edge."""
    held = [each for each in line.samples if each.low is not None or each.high is not None]
    if not held:
        return Markup()
    room = chart.axis.room

    def ends(sample: Sample) -> tuple[float, float]:
        return (
            room.low if sample.low is None else sample.low,
            room.high if sample.high is None else sample.high,
        )

    upper = [f"{x_px(chart, canvas, each.at_s):g} {y_px(chart, canvas, ends(each)[1]):g}" for each in held]
    lower = [f"{x_px(chart, canvas, each.at_s):g} {y_px(chart, canvas, ends(each)[0]):g}" for each in held]
    return Markup('<path d="M{}Z" fill="{}" opacity="0.22"/>').format(
        "L".join([*upper, *reversed(lower)]), look(line.look).colour
    )


def _line(chart: Chart, canvas: Canvas, line: Line) -> Markup:
    """The line, and the series' marker at its end."""
    if not line.samples:
        return Markup()
    seen = look(line.look)
    path = f"M{_path(chart, canvas, line)}"
    if line.outline:
        return Markup(
            '<path d="{}" fill="none" stroke="var(--muted)" stroke-width="1.5" stroke-dasharray="3 3"/>'
        ).format(path)
    last = line.samples[-1]
    return Markup(
        '<path d="{}" fill="none" stroke="{}" stroke-width="{}" stroke-dasharray="{}"/>'
        '<path d="{}" transform="translate({} {})" fill="{}"/>'
    ).format(
        path,
        seen.colour,
        2.5 if line.look == 0 else 1.75,
        seen.dash,
        seen.shape,
        x_px(chart, canvas, last.at_s),
        y_px(chart, canvas, last.value),
        seen.colour,
    )


def _path(chart: Chart, canvas: Canvas, line: Line) -> str:
    places = [(x_px(chart, canvas, each.at_s), y_px(chart, canvas, each.value)) for each in line.samples]
    if not line.stepped:
        return "L".join(f"{x:g} {y:g}" for x, y in places)
    return f"{places[0][0]:g} {places[0][1]:g}" + "".join(f"H{x:g}V{y:g}" for x, y in places[1:])
