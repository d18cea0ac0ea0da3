"""The report as one self-contained page: no network, no script of its own."""

from functools import cache

import yaml
from jinja2 import Template

from analysis.report import costs, latency_words, words
from analysis.report.figures import figures
from analysis.report.forest import forest
from analysis.report.live import LiveBar
from analysis.report.method import calibrated
from analysis.report.skeleton import drawn, environment
from analysis.report.view import ReportView
from engine.core.model import Mode


def to_html(view: ReportView, live: LiveBar | None = None) -> str:
    """The page; with `live` it is part of a server's, which states the content security policy itself."""
    return _template().render(
        view=view,
        live=live,
        forest=forest(view),
        figures=[drawn(figure) for figure in figures(view)],
        observe=view.mode is Mode.OBSERVE,
        spec=yaml.safe_dump(dict(view.spec), sort_keys=False, allow_unicode=True, width=100),
    )


@cache
def _template() -> Template:
    names = {"calibrated": calibrated, "costs": costs, "latency_words": latency_words, "words": words}
    return environment(names).get_template("report.html.j2")
