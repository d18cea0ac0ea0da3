"""Draws the plan's two charts as SVG: chances over time, and final chances over the true effect.

Axes, looks and swatches are those of the report's charts, whose own axis of time is a calendar.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from analysis.design.rules import Floats
from analysis.planning.fates import moments
from analysis.planning.report import MetricPlan
from analysis.report.marks import WIDE, look, swatch
from analysis.report.plot import Axis, Level, Range, Tick, even_ticks, ratio_ticks
from engine.core.wording import plans as words

_HOUR_S = 3600.0
_CHANCES = Axis(
    title="probability",
    room=Range(low=0.0, high=1.0),
    ticks=tuple(Tick(at=each / 100.0, label=f"{each} %") for each in (0, 25, 50, 75, 100)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """A named line of values along the lower axis."""

    name: str
    at: Sequence[float]
    values: Sequence[float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A chart with its title, what it shows in a sentence, and its legend."""

    title: str
    caption: str
    svg: Markup
    legend: tuple[tuple[Markup, str], ...]


def pictures(plan: MetricPlan) -> tuple[Picture, ...]:
    """Chances over time, and over the true effect."""
    return (_over_time(plan), _over_effect(plan))


def _over_time(plan: MetricPlan) -> Picture:
    seconds = moments(plan.schedule)
    curves = list(_curves(plan, seconds))
    until_s = _settled_s(curves, seconds)
    kept = seconds <= until_s
    shown = [
        Curve(
            name=each.name,
            at=(seconds[kept] / _HOUR_S).tolist(),
            values=np.asarray(each.values)[kept].tolist(),
        )
        for each in curves
    ]
    room = Range(low=0.0, high=until_s / _HOUR_S)
    axis = Axis(title="hours since launch", room=room, ticks=even_ticks(room, 8))
    changes = _changes(plan, until_s)
    return Picture(
        title="Chances over time",
        caption="How likely each release has been rolled back or promoted by then. Dotted: weight changes.",
        svg=_draw(shown, axis, changes),
        legend=_legend(shown),
    )


def _over_effect(plan: MetricPlan) -> Picture:
    known = plan.characteristic
    curves = [
        Curve(name="rolled back", at=known.ratios, values=known.rollback),
        Curve(name="promoted", at=known.ratios, values=known.promotion),
    ]
    room = Range(low=min(known.ratios), high=max(known.ratios))
    title = "control over treatment" if plan.metric.higher_is_better else "treatment over control"
    axis = Axis(title=title, room=room, ticks=ratio_ticks(room, apart=0.07), log=True)
    question = plan.question
    levels = [Level(at=question.effect, name="effect", colour="var(--bad)")]
    levels += [] if question.better else [Level(at=question.worst, name="margin", colour="var(--series-3)")]
    return Picture(
        title="Chances over the true effect",
        caption="How a run ends by its horizon, for every true effect (operating characteristic).",
        svg=_draw(curves, axis, [each for each in levels if room.low <= each.at <= room.high]),
        legend=_legend(curves),
    )


def _curves(plan: MetricPlan, seconds: Floats) -> Iterator[Curve]:
    """Of every release the end that is more likely."""
    for release in plan.releases:
        fate = release.fate
        rolled = fate.rollback.probability > fate.promotion.probability
        ends, word = (fate.rollbacks, "rolled back") if rolled else (fate.promotions, "promoted")
        name = f"{words.quality(release.quality, release.ratio)}: {word}"
        yield Curve(name=name, at=seconds.tolist(), values=ends.by(seconds).tolist())


def _settled_s(curves: Sequence[Curve], seconds: Floats) -> float:
    """From when on hardly anything changes."""
    still = [int(np.argmax(np.asarray(each.values) >= 0.995 * each.values[-1])) for each in curves]
    return float(seconds[max(1, *still)]) if still else float(seconds[-1])


def _changes(plan: MetricPlan, until_s: float) -> list[Level]:
    return [
        Level(
            at=step.starts_s / _HOUR_S, name=f"{step.phase.weight_pct} %", colour="var(--muted)", dash="1 3"
        )
        for step in plan.steps[1:]
        if step.starts_s <= until_s
    ]


def _legend(curves: Sequence[Curve]) -> tuple[tuple[Markup, str], ...]:
    return tuple((swatch(index), curve.name) for index, curve in enumerate(curves))


def _draw(curves: Sequence[Curve], axis: Axis, marks: Sequence[Level]) -> Markup:
    """The chart; `marks` stand upright. It carries no words for a screen reader; the figure does."""
    parts = Markup().join(
        [*_grid(axis), *_marks(axis, marks), *(_line(axis, i, each) for i, each in enumerate(curves))]
    )
    height_px = WIDE.height_px + 84
    return Markup(
        '<svg viewBox="0 0 {} {}" aria-hidden="true" focusable="false">'
        '<text class="unit" x="0" y="12">{}</text><g transform="translate({} 40)">{}</g></svg>'
    ).format(WIDE.width_px, height_px, _CHANCES.title, WIDE.left_px, parts)


def _grid(axis: Axis) -> Iterator[Markup]:
    for tick in _CHANCES.ticks:
        yield Markup(
            '<path class="grid" d="M0 {0}H{1}"/><text x="-6" y="{0}" dy="4" text-anchor="end">{2}</text>'
        ).format(_y_px(tick.at), WIDE.plot_px, tick.label)
    for tick in axis.ticks:
        yield Markup(
            '<path class="axis" d="M{0} {1}v5"/><text x="{0}" y="{2}" text-anchor="middle">{3}</text>'
        ).format(_x_px(axis, tick.at), WIDE.height_px, WIDE.height_px + 18, tick.label)
    yield Markup(
        '<path class="axis" d="M0 {}H{}"/><text class="unit" x="{}" y="{}" text-anchor="end">{}</text>'
    ).format(WIDE.height_px, WIDE.plot_px, WIDE.plot_px, WIDE.height_px + 36, axis.title)


def _marks(axis: Axis, marks: Sequence[Level]) -> Iterator[Markup]:
    for number, mark in enumerate(marks):
        yield Markup(
            '<path d="M{0} 0V{1}" stroke="{2}" stroke-dasharray="{3}" stroke-width="1.5"/>'
            '<text x="{0}" y="{4}" text-anchor="middle" fill="{2}">{5}</text>'
        ).format(
            _x_px(axis, mark.at), WIDE.height_px, mark.colour, mark.dash, -5 - 14 * (number % 2), mark.name
        )


def _line(axis: Axis, index: int, curve: Curve) -> Markup:
    seen = look(index)
    places = [(_x_px(axis, x), _y_px(y)) for x, y in zip(curve.at, curve.values, strict=True)]
    path = "L".join(f"{x:g} {y:g}" for x, y in places)
    return Markup(
        '<path d="M{}" fill="none" stroke="{}" stroke-width="2" stroke-dasharray="{}"/>'
        '<path d="{}" transform="translate({} {})" fill="{}"/>'
    ).format(path, seen.colour, seen.dash, seen.shape, *places[-1], seen.colour)


def _x_px(axis: Axis, value: float) -> float:
    return round(WIDE.plot_px * axis.share(value), 1)


def _y_px(probability: float) -> float:
    return round(WIDE.height_px * (1.0 - _CHANCES.share(probability)), 1)
