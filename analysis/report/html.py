"""The report as one self-contained page: no network, no script of its own."""

from dataclasses import dataclass
from functools import cache

import yaml
from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from analysis.report import costs, latency_words, words
from analysis.report.figures import Figure, figures
from analysis.report.forest import forest
from analysis.report.live import LiveBar
from analysis.report.marks import NARROW, WIDE, draw, swatch
from analysis.report.method import calibrated
from analysis.report.plot import Chart
from analysis.report.view import ReportView
from engine.core.model import Mode
from engine.core.numbers import clock_time, duration, percent


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """A figure with its pictures, None where there is nothing to draw, and what its lines are called."""

    figure: Figure
    wide: Markup | None
    narrow: Markup | None
    legend: tuple[tuple[Markup, str], ...]


def to_html(view: ReportView, live: LiveBar | None = None) -> str:
    """The page; with `live` it is part of a server's, which states the content security policy itself."""
    return _template().render(
        view=view,
        live=live,
        forest=forest(view),
        figures=[_drawn(figure) for figure in figures(view)],
        observe=view.mode is Mode.OBSERVE,
        spec=yaml.safe_dump(dict(view.spec), sort_keys=False, allow_unicode=True, width=100),
    )


def _drawn(figure: Figure) -> Drawn:
    chart = figure.chart
    if chart is None:
        return Drawn(figure=figure, wide=None, narrow=None, legend=())
    return Drawn(figure=figure, wide=draw(chart, WIDE), narrow=draw(chart, NARROW), legend=_legend(chart))


def _legend(chart: Chart) -> tuple[tuple[Markup, str], ...]:
    if len(chart.lines) < 2:
        return ()
    return tuple((swatch(line.look, outline=line.outline), line.name) for line in chart.lines)


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("analysis.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"moment": clock_time, "iso": words.iso, "duration": duration, "percent": percent}
    environment.globals |= {
        "calibrated": calibrated,
        "costs": costs,
        "latency_words": latency_words,
        "words": words,
    }
    return environment.get_template("report.html.j2")
