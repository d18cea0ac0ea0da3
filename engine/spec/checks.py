"""Rules over several sections of a document. Each works on its own, so that all problems show at once."""

from collections.abc import Iterator
from typing import Any

from analysis.stats.one_sample import fewest_good
from engine.core.model import MetricKind, Mode, Role
from engine.core.plan import Plan, Stage
from engine.errors import Problem
from engine.fields import format_duration, format_percent, parse_duration
from engine.spec.document import Spec
from engine.spec.expand import can_settle
from engine.spec.metrics import KINDS, kind_of
from engine.spec.presets import PRESETS
from engine.spec.problems import problem, shown
from engine.spec.sinks import plugin_of
from engine.spec.yaml_text import Path, Source

_METRICS: Path = ("spec", "metrics")
_HORIZON: Path = ("spec", "horizon")
_ALPHA: Path = ("spec", "alpha_promote")
_NOTIFY: Path = ("spec", "notify")
_MODE: Path = ("spec", "mode")
_PRODUCT: Path = ("spec", "product")
_SETTLING = "a proportion, a threshold, or a distribution with slo"


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
    """The horizon is longer than the preview and all holds together."""
    declared = source.get(_HORIZON)
    try:
        horizon_s = plan.horizon_s if declared is None else parse_duration(declared)
    except ValueError:
        return
    preview_s = plan.probes.time_limit_s if plan.probes else 0.0
    ramp_s = preview_s + sum(step.hold_s for step in plan.steps)
    if horizon_s <= ramp_s:
        found = shown(declared or format_duration(horizon_s))
        what = "the preview and the holds" if preview_s else "the holds"
        expected = f"more than {format_duration(ramp_s)}, which {what} of all steps take"
        yield problem(source, _HORIZON, found=found, expected=expected)


def probes_can_show_the_limits(source: Source, plan: Plan) -> Iterator[Problem]:
    """There are enough probes to show the limits, were all of them good."""
    alpha = source.get(_ALPHA)
    alpha = Spec.model_fields["alpha_promote"].default if alpha is None else alpha
    if plan.probes is None or isinstance(alpha, bool) or not isinstance(alpha, int | float):
        return
    if not 0 < alpha < 1:
        return
    limits = [limit for limit in (plan.probes.error_limit, plan.probes.slow_limit) if limit is not None]
    fewest = fewest_good(min(limits), alpha)
    if plan.probes.count < fewest:
        expected = (
            f"at least {fewest}: fewer cannot show a limit of {format_percent(min(limits))} "
            f"with alpha_promote {alpha}, even if all are good"
        )
        path = ("spec", "strategy", plan.strategy)
        yield problem(source, path, found=f"{plan.probes.count} probes", expected=expected)


def something_can_be_better(source: Source, plan: Plan) -> Iterator[Problem]:
    """Where promotion takes something that is better, there is an objective, or users' events are asked."""
    if plan.needs_better and not has_an_objective(source) and not asks_users_events(source):
        expected = (
            "role: objective on a metric that is compared with control, or preset: conversions, or a product "
            "section, which asks users' events; this strategy promotes only what is better"
        )
        yield problem(source, _METRICS, found="no objective", expected=expected)


def has_an_objective(source: Source) -> bool:
    """Whether a metric is one that can be shown to be better."""
    return any(map(_is_compared_objective, _metrics(source)))


def asks_users_events(source: Source) -> bool:
    """Whether the document has a product experiment."""
    return source.get(_PRODUCT) is not None


def every_metric_is_measured(source: Source, plan: Plan) -> Iterator[Problem]:
    """Where a plan compares before and after, shares can be told, and other metrics need a split besides."""
    if not plan.has(Stage.SETTLE):
        return
    metrics = [(index, metric) for index, metric in enumerate(_metrics(source)) if _kind(metric)]
    others = [(index, metric) for index, metric in metrics if not _settles(metric)]
    if not plan.has(Stage.SPLIT):
        for index, metric in others:
            found = f"{_kind(metric)}, which cannot be compared before and after a switch"
            expected = f"a split too, such as {plan.strategy}: {{bridge: {{weight: 20}}}}, or {_SETTLING}"
            yield problem(source, (*_METRICS, index), found=found, expected=expected)
    elif metrics and all(metric.get("role") == "quality" or not _settles(metric) for _, metric in metrics):
        found = "no deciding metric that can be compared before and after the switch"
        expected = f"also {_SETTLING}, so that it can be taken back"
        yield problem(source, _METRICS, found=found, expected=expected)


def parts_are_compared(source: Source, plan: Plan) -> Iterator[Problem]:
    """What is broken down is broken down in a split."""
    if plan.has(Stage.SPLIT):
        return
    for index, metric in enumerate(_metrics(source)):
        if metric.get("breakdown") is not None:
            found = "a breakdown, but this plan never splits traffic"
            expected = f"a split, such as {plan.strategy}: {{bridge: {{weight: 20}}}}, or no breakdown"
            yield problem(source, (*_METRICS, index, "breakdown"), found=found, expected=expected)


def _kind(metric: dict[str, Any]) -> MetricKind | None:
    """The kind of a metric, None where it is of no known one."""
    said = kind_of(metric)
    if "preset" not in metric:
        return MetricKind(said) if said in KINDS else None
    if said not in PRESETS:
        return None
    return MetricKind.DISTRIBUTION if said == "http_latency" else MetricKind.PROPORTION


def _settles(metric: dict[str, Any]) -> bool:
    kind = _kind(metric)
    # What decides must have an objective anyway, and is told so by its own rules.
    has_slo = metric.get("slo") is not None or metric.get("role") != Role.QUALITY
    return kind is None or can_settle(kind, has_slo=has_slo)


def _is_compared_objective(metric: dict[str, Any]) -> bool:
    said = kind_of(metric)
    default = PRESETS[said].model_fields["role"].default if "preset" in metric and said in PRESETS else None
    return said != "threshold" and metric.get("role", default) == Role.OBJECTIVE


def sink_names_differ(source: Source) -> Iterator[Problem]:
    """No two sinks of one name; a sink has its plugin's unless it has another."""
    notify = source.get(_NOTIFY)
    first: dict[str, int] = {}
    for index, entry in enumerate(notify if isinstance(notify, list) else ()):
        plugin = plugin_of(entry)
        if not isinstance(plugin, dict) or len(plugin) != 1:
            continue
        name = entry.get("name") or next(iter(plugin))
        if not isinstance(name, str):
            continue
        if name in first:
            found = f"{shown(name)}, which is also the name of notify[{first[name]}]"
            yield problem(source, (*_NOTIFY, index, "name"), found=found, expected="a name of its own")
        first.setdefault(name, index)


def variants_differ(source: Source, path: Path) -> Iterator[Problem]:
    """A target's control and treatment are two things, where its options name them so."""
    options = source.get(path)
    if not isinstance(options, dict) or options.get("control") is None:
        return
    if options["control"] == options.get("treatment"):
        found = f"{shown(options['treatment'])}, the same as control"
        yield problem(source, (*path, "treatment"), found=found, expected="another version than control's")


def observes_only(source: Source, target: str) -> Iterator[Problem]:
    """Where somebody else moves traffic, a run only watches, and nobody planned any shares."""
    mode = source.get(_MODE)
    if mode != Mode.OBSERVE:
        found = f"{shown(mode or Mode.ACT)}, but with {target} somebody else moves the traffic"
        yield problem(source, _MODE, found=found, expected="mode: observe")
    for index, metric in enumerate(_metrics(source)):
        if _kind(metric) is MetricKind.COUNT:
            found = f"count, which needs shares of traffic that {target} does not know"
            expected = "a kind that has a denominator, such as proportion or ratio"
            yield problem(source, (*_METRICS, index, "kind"), found=found, expected=expected)


def _metrics(source: Source) -> list[dict[str, Any]]:
    """Those metrics of the document that are mappings, however wrong inside."""
    metrics = source.get(_METRICS)
    return (
        [metric if isinstance(metric, dict) else {} for metric in metrics]
        if isinstance(metrics, list)
        else []
    )
