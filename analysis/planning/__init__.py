"""What an experiment will do before it is launched: requests, hours, chances and harm, computed.

Pure: an experiment and what is known of its traffic in, a plan report out. It reads no metric source and
decides nothing. `analysis.design` is the mathematics, here it is asked the questions of a release.
"""

from analysis.planning.report import MetricPlan, PlanReport, Unplanned, plan
from analysis.planning.traffic import Flow, NoFlow, as_read, flow_of, is_planned

__all__ = [
    "Flow",
    "MetricPlan",
    "NoFlow",
    "PlanReport",
    "Unplanned",
    "as_read",
    "flow_of",
    "is_planned",
    "plan",
]
