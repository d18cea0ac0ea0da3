"""What a chart is: lines, bands and levels over one time axis, as plain values. Nothing is drawn here."""

import math
from dataclasses import dataclass
from datetime import UTC, datetime

from engine.core.numbers import amount

_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)
_DAY_S = 86400
_RATIOS = (1, 2, 0.5, 5, 0.2, 10, 0.1, 20, 0.05, 50, 0.02, 100, 0.01, 1.5, 1.25, 0.8, 1.1, 0.9)
"""Ratios that may stand on an axis, the most welcome first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """Limits of an axis of values."""

    low: float
    high: float

    def clip(self, value: float) -> float:
        """The nearest value inside."""
        return min(max(value, self.low), self.high)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """A place on an axis and what stands there."""

    at: float
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """The axis of values."""

    title: str
    room: Range
    ticks: tuple[Tick, ...]
    log: bool = False

    def share(self, value: float) -> float:
        """How far up a value lies, from 0 to 1; what lies outside is at the edge."""
        low, high, at = self.room.low, self.room.high, self.room.clip(value)
        if self.log:
            low, high, at = math.log(low), math.log(high), math.log(at)
        return (at - low) / (high - low)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A value at a time, with the ends of its interval where it has one."""

    at_s: float
    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One series.

    Attributes:
        look: which colour, dash and marker it has. stepped: it changes at once and not gradually.
        outline: it is a plan and not a fact.
    """

    name: str
    samples: tuple[Sample, ...]
    look: int = 0
    stepped: bool = False
    outline: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """A value worth a line across the plot."""

    at: float
    name: str
    colour: str
    dash: str = "6 4"


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """Something that happened, told above the plot."""

    at_s: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A whole chart; `stages` name stretches of time from their beginning on.

    `across` is the axis along the bottom where that is not time; `at_s` are its values then, in seconds.
    """

    from_s: float
    until_s: float
    axis: Axis
    lines: tuple[Line, ...]
    levels: tuple[Level, ...] = ()
    changes: tuple[Moment, ...] = ()
    stages: tuple[Moment, ...] = ()
    across: Axis | None = None


def even_ticks(room: Range, most: int, unit: str = "") -> tuple[Tick, ...]:
    """Round values inside the room, evenly spaced, at most so many."""
    rough = (room.high - room.low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * each for each in (1, 2, 5, 10) if power * each >= rough)
    first, last = math.ceil(room.low / step - 1e-9), math.floor(room.high / step + 1e-9)
    return tuple(Tick(at=n * step, label=f"{_plain(n * step)}{unit}") for n in range(first, last + 1))


def log_ticks(room: Range) -> tuple[float, ...]:
    """Powers of ten inside the room, with 2 and 5 times them where there are few."""
    powers = range(math.floor(math.log10(room.low)), math.ceil(math.log10(room.high)) + 1)
    inside = [10.0**n * k for n in powers for k in (1, 2, 5) if room.low <= 10.0**n * k <= room.high]
    tens = [at for at in inside if math.isclose(math.log10(at) % 1, 0, abs_tol=1e-9)]
    return tuple(tens if len(tens) > 3 else inside)


def value_ticks(room: Range, most: int, unit: str) -> tuple[Tick, ...]:
    """Round values of a unit; see `even_ticks`."""
    return tuple(Tick(at=tick.at, label=amount(tick.at, unit)) for tick in even_ticks(room, most))


def ratio_ticks(room: Range, *, apart: float) -> tuple[Tick, ...]:
    """Round ratios inside the room, on a log axis at least this share of it apart; 1 comes first."""
    axis = Axis(title="", room=room, ticks=(), log=True)
    kept: list[float] = []
    for value in _RATIOS:
        inside = room.low <= value <= room.high
        if inside and all(abs(axis.share(value) - axis.share(other)) >= apart for other in kept):
            kept.append(value)
    return tuple(Tick(at=value, label=f"{value:g}×") for value in sorted(kept))


def time_ticks(from_s: float, until_s: float, most: int) -> tuple[Tick, ...]:
    """Round moments in UTC, at most so many."""
    span_s = until_s - from_s
    step_s = next((step for step in _STEPS_S if span_s / step <= most), 0)
    step_s = step_s or _DAY_S * math.ceil(span_s / most / _DAY_S)
    first = math.ceil(from_s / step_s)
    form = "%d %b" if step_s >= _DAY_S else "%d %b %H:%M" if span_s >= _DAY_S else "%H:%M"
    form = f"{form}:%S" if step_s < 60 else form
    return tuple(
        Tick(at=float(n * step_s), label=datetime.fromtimestamp(n * step_s, UTC).strftime(form))
        for n in range(first, math.floor(until_s / step_s) + 1)
    )


def _plain(value: float) -> str:
    return f"{value:g}" if abs(value) > 1e-12 else "0"
