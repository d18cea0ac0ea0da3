"""A metric's values as people read them: shares in percent, rates per window, means in their own unit.

Only forms of numbers; what they mean for a release is said elsewhere.
"""

from typing import Protocol

from engine.core.model import Bound, MetricKind
from engine.core.numbers import RESCALED, amount, change, percent, points, times

_PER_WINDOW = "a window"
_SHARES = {MetricKind.PROPORTION, MetricKind.DISTRIBUTION, MetricKind.THRESHOLD, MetricKind.ASSIGNMENT}


class Quantity(Protocol):
    """Anything that knows what kind of metric it is of: a metric, or a report's row."""

    @property
    def kind(self) -> MetricKind:
        """What the metric counts."""
        ...

    @property
    def value_unit(self) -> str:
        """What a mean, ratio or level is measured in; empty without."""
        ...


def is_share(of: Quantity) -> bool:
    """Whether its values are shares of trials."""
    return of.kind in _SHARES


def level(of: Quantity, value: float | None) -> str:
    """One arm's value; events are per window at all traffic of both arms."""
    if is_share(of):
        return percent(value)
    return _with_rate(of, value, amount(value, of.value_unit))


def gap(of: Quantity, difference: float | None) -> str:
    """A signed difference of two arms, in the metric's unit; a threshold compares none."""
    if of.kind is MetricKind.THRESHOLD and difference is None:
        return "not compared"
    if is_share(of):
        return points(difference)
    return _with_rate(of, difference, change(difference, of.value_unit))


def bound(of: Quantity, limit: Bound) -> str:
    """A tolerance or margin in words."""
    parts = [] if limit.relative is None else [times(1 + limit.relative)]
    parts += [] if limit.absolute is None else [gap(of, limit.absolute)]
    return parts[0] if len(parts) == 1 else f"the larger of {' and '.join(parts)}"


def behind(of: Quantity, bad: float, total: float) -> str:
    """The totals behind one arm's value."""
    match of.kind:
        case MetricKind.COUNT:
            return f"{whole(bad)} events"
        case MetricKind.MEAN:
            return f"{whole(total)} values"
        case MetricKind.RATIO:
            unit = of.value_unit if of.value_unit in RESCALED else ""
            return f"{amount(bad, unit)} over {amount(total)}"
        case MetricKind.GAUGE:
            return f"{whole(total)} readings"
        case _:
            return f"{whole(bad)} of {whole(total)}"


def whole(count: float) -> str:
    """A count of things.

    >>> whole(1200), whole(1200.0)
    ('1,200', '1,200')
    """
    return f"{count:,.0f}"


def _with_rate(of: Quantity, value: float | None, text: str) -> str:
    return f"{text} {_PER_WINDOW}" if of.kind is MetricKind.COUNT and value is not None else text
