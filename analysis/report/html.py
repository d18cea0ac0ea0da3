"""The report as one self-contained page: no network, no script. Charts need the extra `report`.

Without that extra the page is complete: every figure's data table stands open in its place.
"""

import re
from dataclasses import dataclass
from functools import cache

import yaml
from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from analysis.report import words
from analysis.report.figures import Figure, figures
from analysis.report.marks import Chart
from analysis.report.view import ReportView
from engine.core.model import Mode
from engine.core.numbers import clock_time, duration, percent


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """A figure with its pictures, None where there is nothing to draw or nothing to draw it with."""

    figure: Figure
    wide: Markup | None
    narrow: Markup | None


def to_html(view: ReportView) -> str:
    """The page."""
    drawn = [_drawn(figure) for figure in figures(view)]
    undrawn = any(each.figure.charts is not None and each.wide is None for each in drawn)
    return _template().render(
        view=view,
        figures=drawn,
        can_draw=not undrawn,
        observe=view.mode is Mode.OBSERVE,
        spec=yaml.safe_dump(dict(view.spec), sort_keys=False, allow_unicode=True, width=100),
    )


def _drawn(figure: Figure) -> Drawn:
    if figure.charts is None:
        return Drawn(figure=figure, wide=None, narrow=None)
    return Drawn(figure=figure, wide=draw(figure.charts.wide), narrow=draw(figure.charts.narrow))


def draw(chart: Chart) -> Markup | None:
    """The chart as SVG for inlining, or None without the extra `report`."""
    try:
        import vl_convert  # noqa: PLC0415 (an extra, 30 MB)
    except ImportError:
        return None
    svg: str = vl_convert.vegalite_to_svg(chart)
    # Inside a page the namespace is implied; size comes from the style sheet; the figure carries the words.
    svg = re.sub(r' xmlns(:xlink)?="[^"]*"', "", svg, count=2)
    svg = re.sub(r'^<svg ([^>]*?)width="[\d.]+" height="[\d.]+"', r'<svg aria-hidden="true" \1', svg)
    return Markup(svg)  # noqa: S704 (drawn by Vega, which escapes every text)


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
    environment.globals["words"] = words
    return environment.get_template("report.html.j2")
