"""The plan as one self-contained page: no network, no script."""

from functools import cache

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined, Template

from analysis.planning.drawing import pictures
from analysis.planning.report import PlanReport
from analysis.planning.tables import assumptions, summary, tables


def to_html(report: PlanReport) -> str:
    """The page, in the looks of the report."""
    return _template().render(
        experiment=report.experiment,
        summary=summary(report),
        metrics=[
            {
                "name": plan.metric.name,
                "assumptions": assumptions(plan),
                "tables": tables(plan),
                "pictures": pictures(plan),
            }
            for plan in report.metrics
        ],
    )


@cache
def _template() -> Template:
    environment = Environment(
        loader=ChoiceLoader([PackageLoader("analysis.planning"), PackageLoader("analysis.report")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("plan.html.j2")
