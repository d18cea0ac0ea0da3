"""The metric table drawn: intervals of one unit on one axis, relative differences all on one. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from analysis.report.intervals import Span, interval, room_of, scale
from analysis.report.plot import Axis, even_ticks, value_ticks
from analysis.report.product.rows import POINTS, Group, Row


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A row with its two intervals drawn, None where there is nothing to draw.

    `own_axis` is the difference's where it is not in percentage points.
    """

    row: Row
    difference: Markup | None
    relative: Markup | None
    own_axis: Markup | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Forest:
    """All groups with their lines, and the axes that stand above the columns."""

    groups: tuple[tuple[Group, tuple[Line, ...]], ...]
    points_axis: Markup | None
    relative_axis: Markup | None


def forest(groups: Iterable[Group]) -> Forest:
    """The whole table on its axes."""
    chosen = tuple(groups)
    rows = [row for group in chosen for row in group.rows]
    axes = {name: _axis([row for row in rows if row.axis == name]) for name in _names(rows)}
    relative = _relative_axis([row.relative_span for row in rows])
    return Forest(
        groups=tuple((group, tuple(_line(row, axes, relative) for row in group.rows)) for group in chosen),
        points_axis=_scale(axes.get(POINTS)),
        relative_axis=_scale(relative),
    )


def _names(rows: Iterable[Row]) -> list[str]:
    return list(dict.fromkeys(row.axis for row in rows))


def _line(row: Row, axes: Mapping[str, Axis | None], relative: Axis | None) -> Line:
    axis = axes[row.axis]
    own = None if row.axis == POINTS or row.span is None else _scale(axis)
    return Line(
        row=row,
        difference=interval(axis, row.span),
        relative=interval(relative, row.relative_span),
        own_axis=own,
    )


def _axis(rows: Sequence[Row]) -> Axis | None:
    """That of rows which share one."""
    known = [row.span for row in rows if row.span is not None]
    if not known:
        return None
    room, unit = room_of(known), rows[0].value_unit
    if rows[0].axis == POINTS:
        return Axis(title="difference", room=room, ticks=even_ticks(room, 4))
    few, more = (value_ticks(room, most, unit) for most in (3, 5))
    return Axis(title="difference", room=room, ticks=few if len(few) > 1 else more)


def _relative_axis(spans: Iterable[Span | None]) -> Axis | None:
    known = [each for each in spans if each is not None]
    if not known:
        return None
    room = room_of(known)
    return Axis(title="percent of control", room=room, ticks=even_ticks(room, 4))


def _scale(axis: Axis | None) -> Markup | None:
    return None if axis is None else scale(axis)
