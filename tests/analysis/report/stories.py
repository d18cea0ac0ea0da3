"""Every story of scenario.py and kinds.py by name: a new one is in all tests of whole outputs at once."""

import inspect
from collections.abc import Callable

from engine.ports import QueryRecord
from tests.analysis.report import kinds, scenario
from tests.analysis.report.scenario import Story
from tests.builders import NOW_S

QUERY = QueryRecord(
    metric="errors", query='errors_total{code="5"}[5m]', at_s=NOW_S, took_ms=12.4, outcome="2 series"
)


def _told() -> dict[str, Callable[[], Story]]:
    return {
        name: function
        for module in (scenario, kinds)
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__
        and not name.startswith("_")
        and inspect.signature(function).return_annotation is Story
        and all(p.default is not p.empty for p in inspect.signature(function).parameters.values())
    }


STORIES: dict[str, Callable[[], Story]] = {"nothing_observed": Story, **_told()}
