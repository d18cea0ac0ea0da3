"""What all report pages are made with: one template environment, and figures with their pictures drawn."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from analysis.report import words
from analysis.report.figures import Figure
from analysis.report.marks import NARROW, WIDE, draw, swatch
from analysis.report.plot import Chart
from engine.core.numbers import clock_time, duration, percent


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """A figure with its pictures, None where there is nothing to draw, and what its lines are called."""

    figure: Figure
    wide: Markup | None
    narrow: Markup | None
    legend: tuple[tuple[Markup, str], ...]


def drawn(figure: Figure) -> Drawn:
    """The figure for wide and for narrow windows."""
    chart = figure.chart
    if chart is None:
        return Drawn(figure=figure, wide=None, narrow=None, legend=())
    return Drawn(figure=figure, wide=draw(chart, WIDE), narrow=draw(chart, NARROW), legend=_legend(chart))


def environment(names: Mapping[str, Any]) -> Environment:
    """Templates of this package, escaping whatever they are given; `names` are known to all of them."""
    made = Environment(
        loader=PackageLoader("analysis.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"moment": clock_time, "iso": words.iso, "duration": duration, "percent": percent}
    made.globals |= names
    return made


def _legend(chart: Chart) -> tuple[tuple[Markup, str], ...]:
    if len(chart.lines) < 2:
        return ()
    return tuple((swatch(line.look, outline=line.outline), line.name) for line in chart.lines)
