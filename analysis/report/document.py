"""The report as JSON, for machines: the whole view under a schema name. Strict: a missing value is null."""

import json

from analysis.report.view import ReportView
from engine.codec import to_plain

SCHEMA = "rampwise.dev/report/v1"


def to_json(view: ReportView) -> str:
    """JSON text, ending with a newline. ValueError if a number is not finite."""
    plain = {"schema": SCHEMA} | to_plain(ReportView, view)
    return json.dumps(plain, allow_nan=False, ensure_ascii=False, indent=2) + "\n"
