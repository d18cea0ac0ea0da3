"""Rules over several sections of a document. Each works on its own, so that all problems show at once."""

from collections.abc import Iterator
from typing import Any

from engine.core.model import Plan
from engine.errors import Problem
from engine.fields import format_duration, parse_duration
from engine.spec.document import Spec
from engine.spec.metrics import kind_of
from engine.spec.problems import problem, shown
from engine.spec.yaml_text import Path, Source

_METRICS: Path = ("spec", "metrics")
_HORIZON: Path = ("spec", "horizon")


def metric_names_differ(source: Source) -> Iterator[Problem]:
    """No two metrics of one name; a preset's name is its own unless it has another."""
    first: dict[str, int] = {}
    for index, metric in enumerate(_metrics(source)):
        name = metric.get("name", kind_of(metric) if "preset" in metric else None)
        if not isinstance(name, str):
            continue
        if name in first:
            path = (*_METRICS, index, "name")
            found = f"{shown(name)}, which is also the name of metrics[{first[name]}]"
            yield problem(source, path, found=found, expected="a name of its own")
        first.setdefault(name, index)


def something_can_promote(source: Source) -> Iterator[Problem]:
    """At least one metric decides."""
    metrics = _metrics(source)
    if source.get(_METRICS) == []:
        yield problem(source, _METRICS, found="no metric", expected="at least one, or nothing could promote")
    elif metrics and all(metric.get("role") == "quality" for metric in metrics):
        expected = "a guardrail or an objective, or nothing could promote"
        yield problem(source, _METRICS, found="only quality metrics", expected=expected)


def ramp_fits_horizon(source: Source, plan: Plan) -> Iterator[Problem]:
    """The horizon is longer than all holds together."""
    declared = source.get(_HORIZON)
    try:
        horizon_s = Spec.model_fields["horizon"].default if declared is None else parse_duration(declared)
    except ValueError:
        return
    ramp_s = sum(step.hold_s for step in plan.steps)
    if horizon_s <= ramp_s:
        found = shown(declared or format_duration(horizon_s))
        expected = f"more than {format_duration(ramp_s)}, which the holds of all steps take"
        yield problem(source, _HORIZON, found=found, expected=expected)


def variants_differ(source: Source, path: Path) -> Iterator[Problem]:
    """A target's control and treatment are two things, where its options name them so."""
    options = source.get(path)
    if not isinstance(options, dict) or options.get("control") is None:
        return
    if options["control"] == options.get("treatment"):
        found = f"{shown(options['treatment'])}, the same as control"
        yield problem(source, (*path, "treatment"), found=found, expected="another version than control's")


def _metrics(source: Source) -> list[dict[str, Any]]:
    """Those metrics of the document that are mappings, however wrong inside."""
    metrics = source.get(_METRICS)
    return (
        [metric if isinstance(metric, dict) else {} for metric in metrics]
        if isinstance(metrics, list)
        else []
    )
