"""The report inside a notebook: shown by itself as a page, as Markdown, or as one line."""

from dataclasses import dataclass
from html import escape

from analysis.product.result import Analysis
from analysis.report.product.answers import headline
from analysis.report.product.markdown import markdown
from analysis.report.product.page import page
from analysis.report.product.view import NOTHING, Origin, harmless

_HEIGHT_PX = 900


@dataclass(frozen=True, slots=True, repr=False)
class ProductReport:
    """One look at a product experiment; the last value of a cell shows its report.

    Attributes:
        analysis: all numbers. origin: where the report comes from.
    """

    analysis: Analysis
    origin: Origin = NOTHING

    def __repr__(self) -> str:
        return f"ProductReport({harmless(self.analysis.plan.name)}: {harmless(headline(self.analysis))})"

    def _repr_html_(self) -> str:
        """The page in a frame of its own, so that neither styles the other; nothing in it can run."""
        whole = escape(page(self.analysis, self.origin))
        return (
            f'<iframe title="Experiment report" sandbox="" srcdoc="{whole}"'
            f' style="width:100%;height:{_HEIGHT_PX}px;border:0"></iframe>'
        )

    def _repr_markdown_(self) -> str:
        return markdown(self.analysis, self.origin)
