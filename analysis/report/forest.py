"""The forest table: rows by role, intervals of a unit on one axis, with zero and the limits. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from analysis.report.intervals import Span, interval, room_of, scale
from analysis.report.plot import Axis, Range, even_ticks, ratio_ticks, value_ticks
from analysis.report.rows import MetricRow
from analysis.report.view import ReportView
from engine.core import wording
from engine.core.model import Role

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
                _row(row, points, interval(times, ratios.get(row.metric)))
                for row in view.metrics
                if row.role is role
            ),
        )
        for role, title in _ROLES.items()
    )
    return Forest(
        groups=tuple(group for group in groups if group.rows),
        points_axis=None if points is None else scale(points),
        ratio_axis=None if times is None else scale(times),
    )


def _row(row: MetricRow, points: Axis | None, ratio: Markup | None) -> Row:
    """A difference in percentage points is on the axis of all of them, any other on its own."""
    span = _difference(row)
    if wording.is_share(row) or span is None:
        return Row(metric=row, points=interval(points, span), ratio=ratio)
    axis = _own_axis(row, span)
    return Row(metric=row, points=interval(axis, span), ratio=ratio, own_axis=scale(axis))


def _difference(row: MetricRow) -> Span | None:
    control = row.control.rate
    if row.difference is None or control is None or row.measure == "share":
        return None
    size = 100 if wording.is_share(row) else 1
    return Span(
        zero=0.0,
        at=size * row.difference,
        low=None if row.difference_low is None else size * row.difference_low,
        high=None if row.difference_high is None else size * row.difference_high,
        tolerance=None if row.tolerance_rate is None else size * (row.tolerance_rate - control),
        margin=None if row.margin_rate is None else size * (row.margin_rate - control),
    )


def _ratio(row: MetricRow) -> Span | None:
    control = row.control.rate
    if not row.effect or not control or row.measure == "share":
        return None
    return Span(
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


def _points_axis(spans: Sequence[Span]) -> Axis:
    room = room_of(spans)
    return Axis(title="percentage points", room=room, ticks=even_ticks(room, 4))


def _own_axis(row: MetricRow, span: Span) -> Axis:
    room = room_of([span])
    return Axis(title="difference", room=room, ticks=value_ticks(room, 4, row.value_unit))


def _ratio_axis(spans: Sequence[Span]) -> Axis:
    reach = [min(max(each, 0.1), 10.0) for span in spans for each in (*span.fixed, *span.ends)]
    room = Range(low=min([0.8, *reach]) / 1.1, high=max([1.25, *reach]) * 1.1)
    return Axis(title="times control", room=room, ticks=ratio_ticks(room, apart=0.2), log=True)
