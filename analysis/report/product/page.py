"""A product experiment's report as one page: one file, no network, no script."""

import re
from functools import cache

from jinja2 import Template

from analysis.product.result import Analysis
from analysis.report.product.forest import forest
from analysis.report.product.view import NOTHING, Origin, build_view
from analysis.report.skeleton import drawn, environment

_LETTER = r"\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff"
_RIGHT_TO_LEFT = re.compile(rf"[{_LETTER}]+(?:[^\w<>&\"']+[{_LETTER}]+)*")
_ISOLATED = "\u2068\\g<0>\u2069"
"""Words that run from right to left keep to themselves, and turn no number or word beside them."""
_UNIT = re.compile(r"<code>.*?</code>|(?<=\d) (?=%|pp\b)")
"""Between a number and its unit no line ends; what is to be copied stays as it is."""


def page(analysis: Analysis, origin: Origin = NOTHING) -> str:
    """The page; byte for byte the same for the same analysis and origin."""
    view = build_view(analysis, origin)
    text = _template().render(
        view=view,
        live=None,
        forest=forest(view.groups),
        exposure=drawn(view.exposure),
        drawn=drawn,
        several=len(view.variants) > 2,
    )
    text = _UNIT.sub(lambda found: "\N{NO-BREAK SPACE}" if found[0] == " " else found[0], text)
    return _RIGHT_TO_LEFT.sub(_ISOLATED, text)


@cache
def _template() -> Template:
    return environment({}).get_template("product.html.j2")
