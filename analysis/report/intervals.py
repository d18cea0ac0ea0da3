"""Intervals of a table drawn on axes that rows share, with zero and the limits. Knows no metric. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from analysis.report.plot import Axis, Range

_WIDTH_PX = 200
_HEIGHT_PX = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """One interval with what it is held against; None is unknown or unbounded."""

    zero: float
    at: float
    low: float | None
    high: float | None
    tolerance: float | None
    margin: float | None

    @property
    def fixed(self) -> list[float]:
        """What an axis must have room for."""
        return [each for each in (self.zero, self.at, self.tolerance, self.margin) if each is not None]

    @property
    def ends(self) -> list[float]:
        """Of the interval, where it ends."""
        return [each for each in (self.low, self.high) if each is not None]


def room_of(spans: Sequence[Span]) -> Range:
    """Wide enough for estimates and limits; of wide intervals only a part, an arrow says that they go on."""
    reach = max(max(abs(each) for each in span.fixed) for span in spans) or 0.1
    low = min([-reach * 0.4, *(max(end, -3 * reach) for span in spans for end in (*span.ends, *span.fixed))])
    high = max([reach * 0.4, *(min(end, 3 * reach) for span in spans for end in (*span.ends, *span.fixed))])
    spare = 0.06 * (high - low)
    return Range(low=low - spare, high=high + spare)


def scale(axis: Axis) -> Markup:
    """The axis with its ticks, as wide as an interval."""
    ticks = Markup().join(
        Markup(
            '<path class="axis" d="M{0} 16v4"/><text x="{0}" y="12" text-anchor="middle">{1}</text>'
        ).format(_x(axis, tick.at), tick.label)
        for tick in axis.ticks
    )
    return Markup(
        '<svg class="scale" viewBox="-14 0 {} 22" aria-hidden="true" focusable="false">'
        '{}<path class="axis" d="M0 20H{}"/></svg>'
    ).format(_WIDTH_PX + 28, ticks, _WIDTH_PX)


def interval(axis: Axis | None, span: Span | None) -> Markup | None:
    """One row's interval on the axis; None where either is missing."""
    if axis is None or span is None:
        return None
    middle = _HEIGHT_PX / 2
    limits = Markup().join(
        Markup('<path d="M{} 2V{}" stroke="{}" stroke-width="2" stroke-dasharray="{}"/>').format(
            _x(axis, at), _HEIGHT_PX - 2, colour, dash
        )
        for at, colour, dash in (
            (span.tolerance, "var(--bad)", "5 3"),
            (span.margin, "var(--series-3)", "2 2"),
        )
        if at is not None
    )
    return Markup(
        '<svg class="forest" viewBox="-14 0 {width} {height}" aria-hidden="true" focusable="false">'
        '<path class="axis" d="M{zero} 0V{height}"/>{limits}{interval}'
        '<circle cx="{at}" cy="{middle}" r="4.5" fill="var(--series-1)"/></svg>'
    ).format(
        width=_WIDTH_PX + 28,
        height=_HEIGHT_PX,
        zero=_x(axis, span.zero),
        limits=limits,
        interval=_line(axis, span, middle),
        at=_x(axis, span.at),
        middle=middle,
    )


def _line(axis: Axis, span: Span, middle: float) -> Markup:
    """The line from end to end: a bar where it ends, an arrow where it goes on."""
    if span.low is None and span.high is None:
        return Markup()
    left = axis.room.low if span.low is None else span.low
    right = axis.room.high if span.high is None else span.high
    ends = (
        _end(_x(axis, left), middle, goes_on=span.low is None or left < axis.room.low, way=-1),
        _end(_x(axis, right), middle, goes_on=span.high is None or right > axis.room.high, way=1),
    )
    return Markup('<path d="M{} {}H{}{}{}" fill="none" stroke="var(--series-1)" stroke-width="2"/>').format(
        _x(axis, left), middle, _x(axis, right), *ends
    )


def _end(x: float, middle: float, *, goes_on: bool, way: int) -> str:
    if goes_on:
        return f"M{x - 5 * way} {middle - 5}l{5 * way} 5l{-5 * way} 5"
    return f"M{x} {middle - 5}v10"


def _x(axis: Axis, value: float) -> float:
    return round(_WIDTH_PX * axis.share(value), 1)
