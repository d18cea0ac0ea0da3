"""The forest table: rows by role, intervals of a unit on one axis, with zero and the limits. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from analysis.report.plot import Axis, Range, even_ticks, ratio_ticks, value_ticks
from analysis.report.rows import MetricRow
from analysis.report.view import ReportView
from engine.core import wording
from engine.core.model import Role

_WIDTH_PX = 200
_HEIGHT_PX = 30
_ROLES = {
    Role.OBJECTIVE: "Objectives: what should get better",
    Role.GUARDRAIL: "Guardrails: what must not get worse",
    Role.QUALITY: "Shown only: decides nothing",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A metric's row with its two intervals drawn, None where there is nothing to draw.

    `own_axis` is the difference's, where it is not in percentage points.
    """

    metric: MetricRow
    points: Markup | None
    ratio: Markup | None
    own_axis: Markup | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Rows of one role."""

    title: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Forest:
    """All groups and the two axes that their rows share."""

    groups: tuple[Group, ...]
    points_axis: Markup | None
    ratio_axis: Markup | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Span:
    """One interval with what it is held against; None is unknown or unbounded."""

    zero: float
    at: float
    low: float | None
    high: float | None
    tolerance: float | None
    margin: float | None

    @property
    def fixed(self) -> list[float]:
        return [each for each in (self.zero, self.at, self.tolerance, self.margin) if each is not None]

    @property
    def ends(self) -> list[float]:
        return [each for each in (self.low, self.high) if each is not None]


def forest(view: ReportView) -> Forest:
    """The whole table."""
    shares = [_difference(row) for row in view.metrics if wording.is_share(row)]
    differences = [span for span in shares if span is not None]
    ratios = {row.metric: span for row in view.metrics if (span := _ratio(row)) is not None}
    points = _points_axis(differences) if differences else None
    times = _ratio_axis(list(ratios.values())) if ratios else None
    groups = (
        Group(
            title=title,
            rows=tuple(
                _row(row, points, _drawn(times, ratios.get(row.metric)))
                for row in view.metrics
                if row.role is role
            ),
        )
        for role, title in _ROLES.items()
    )
    return Forest(
        groups=tuple(group for group in groups if group.rows),
        points_axis=None if points is None else _scale(points),
        ratio_axis=None if times is None else _scale(times),
    )


def _row(row: MetricRow, points: Axis | None, ratio: Markup | None) -> Row:
    """A difference in percentage points is on the axis of all of them, any other on its own."""
    span = _difference(row)
    if wording.is_share(row) or span is None:
        return Row(metric=row, points=_drawn(points, span), ratio=ratio)
    axis = _own_axis(row, span)
    return Row(metric=row, points=_drawn(axis, span), ratio=ratio, own_axis=_scale(axis))


def _difference(row: MetricRow) -> _Span | None:
    control = row.control.rate
    if row.difference is None or control is None or row.measure == "share":
        return None
    size = 100 if wording.is_share(row) else 1
    return _Span(
        zero=0.0,
        at=size * row.difference,
        low=None if row.difference_low is None else size * row.difference_low,
        high=None if row.difference_high is None else size * row.difference_high,
        tolerance=None if row.tolerance_rate is None else size * (row.tolerance_rate - control),
        margin=None if row.margin_rate is None else size * (row.margin_rate - control),
    )


def _ratio(row: MetricRow) -> _Span | None:
    control = row.control.rate
    if not row.effect or not control or row.measure == "share":
        return None
    return _Span(
        zero=1.0,
        at=row.effect,
        low=row.low,
        high=row.high,
        tolerance=_over(row.tolerance_rate, control),
        margin=_over(row.margin_rate, control),
    )


def _over(rate: float | None, control: float) -> float | None:
    """A limit as a ratio; one that is not above 0 has no place on an axis of ratios."""
    return rate / control if rate is not None and rate > 0.0 else None


def _points_axis(spans: Sequence[_Span]) -> Axis:
    room = _room(spans)
    return Axis(title="percentage points", room=room, ticks=even_ticks(room, 4))


def _own_axis(row: MetricRow, span: _Span) -> Axis:
    room = _room([span])
    return Axis(title="difference", room=room, ticks=value_ticks(room, 4, row.value_unit))


def _room(spans: Sequence[_Span]) -> Range:
    """Wide enough for estimates and limits; of wide intervals only a part, an arrow says that they go on."""
    reach = max(max(abs(each) for each in span.fixed) for span in spans) or 0.1
    low = min([-reach * 0.4, *(max(end, -3 * reach) for span in spans for end in (*span.ends, *span.fixed))])
    high = max([reach * 0.4, *(min(end, 3 * reach) for span in spans for end in (*span.ends, *span.fixed))])
    spare = 0.06 * (high - low)
    return Range(low=low - spare, high=high + spare)


def _ratio_axis(spans: Sequence[_Span]) -> Axis:
    reach = [min(max(each, 0.1), 10.0) for span in spans for each in (*span.fixed, *span.ends)]
    room = Range(low=min([0.8, *reach]) / 1.1, high=max([1.25, *reach]) * 1.1)
    return Axis(title="times control", room=room, ticks=ratio_ticks(room, apart=0.2), log=True)


def _scale(axis: Axis) -> Markup:
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


def _drawn(axis: Axis | None, span: _Span | None) -> Markup | None:
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
        interval=_interval(axis, span, middle),
        at=_x(axis, span.at),
        middle=middle,
    )


def _interval(axis: Axis, span: _Span, middle: float) -> Markup:
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
