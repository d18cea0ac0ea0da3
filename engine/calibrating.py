"""Joins a service's past with `analysis.calibration`: window files, and Prometheus read pod by pod.

It moves no traffic and writes to no store.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from analysis.calibration import AaRuns, PodWindows, aa_runs_of
from analysis.replay import deciding
from analysis.sources.history import read_history
from analysis.sources.http import SecretHeaders, Trouble, connect
from analysis.sources.measured import parts_of
from analysis.sources.pods import TELLING
from analysis.sources.prometheus import PrometheusOptions
from analysis.window_files import MetricColumns
from engine.core.model import Arm, Experiment, Matcher, Metric, MetricKind, PluginChoice, Selector
from engine.core.numbers import duration
from engine.core.plan import Stage
from engine.errors import Unreachable, UsageError
from engine.fields import format_selector
from engine.pod_windows import PodRecorder
from engine.replaying import blocks_in
from engine.wiring import make_source

PROMETHEUS = "prometheus"
_LOOKS = 1000
"""How often the past is looked at for pods: one that is never seen serves too short a time to be of use."""
_DISCOVERY_TIMEOUT_S = 30.0
_INSTEAD = "give --history FILE with windows in which all variants ran the same version"


def judged(experiment: Experiment) -> Experiment:
    """The experiment, if it compares arms at the same time at all.

    Raises:
        UsageError: it does not.
    """
    if not deciding(experiment):
        msg = (
            f"{experiment.name} has no step in which control and treatment serve at the same time, so "
            "there is nothing to calibrate; a blue/green release has one with `bridge`"
        )
        raise UsageError(msg)
    return experiment


def past_in(path: Path, experiment: Experiment, windows: int) -> AaRuns:
    """A/A runs of `windows` windows from a window file.

    Raises:
        UsageError: no run of the file is as long.
        WindowFileError: something is wrong with the file.
    """
    return aa_runs_of(tuple(blocks_in(path, experiment)), windows)


def without_unmeasured(experiment: Experiment, past: AaRuns) -> tuple[Experiment, tuple[str, ...]]:
    """The experiment without metrics that the past has nothing of, which never promote, and their names.

    The other metrics keep their share of the rollback evidence.

    Raises:
        UsageError: the past has nothing of any metric that decides.
    """
    known = {metric.measure or metric.name: metric for metric in deciding(experiment)}
    blank = {name for name, metric in known.items() if not _is_measured(metric, past.block.metrics.get(name))}
    if blank == known.keys():
        msg = f"the past measures nothing of {', '.join(sorted(known))}; look at another time, or {_INSTEAD}"
        raise UsageError(msg)
    kept = tuple(metric for metric in experiment.metrics if (metric.measure or metric.name) not in blank)
    return replace(experiment, metrics=kept), tuple(sorted(blank))


def _is_measured(metric: Metric, columns: MetricColumns | None) -> bool:
    """Whether all arms that are compared were measured at the same time at all."""
    compared = slice(1 if metric.kind is MetricKind.THRESHOLD else 0, None)
    return columns is not None and bool(columns.present[..., compared].all(axis=-1).any())


def source_of(experiment: Experiment, url: str | None) -> PluginChoice:
    """The Prometheus to read: the experiment's own, at another URL if one is given.

    Raises:
        UsageError: the experiment's source is none, and there is no URL.
    """
    own = experiment.source
    if own.name == PROMETHEUS:
        return replace(own, options={**own.options, "url": url} if url else own.options)
    if url is None:
        msg = f"the source '{own.name}' has no pods to ask for: name one with --prometheus URL, or {_INSTEAD}"
        raise UsageError(msg)
    return PluginChoice(name=PROMETHEUS, options={"url": url})


def read_pods(
    experiment: Experiment,
    source: PluginChoice,
    *,
    start_s: float,
    end_s: float,
    label: str | None,
    tell: Callable[[str], None],
) -> PodWindows:
    """Every window of the past, pod by pod of control, read as a run would have read them.

    Args:
        experiment: its metrics that decide are read; gauges are not, as an expression has no pods.
        source: a Prometheus, see `source_of`.
        start_s: begin of the past, epoch seconds.
        end_s: its end.
        label: names what serves; by default `pod`, then `instance`.
        tell: told what is read.

    Raises:
        Unreachable: the server does not answer.
        UsageError: no label tells at least two pods apart.
    """
    options = PrometheusOptions.model_validate(source.options)
    metrics = [metric for metric in _per_measure(experiment) if parts_of(metric)]
    if not metrics:
        msg = f"{experiment.name} reads no counters, and only those can be split by pod; {_INSTEAD}"
        raise UsageError(msg)
    found, pods = _pods(options, metrics, (label,) if label else TELLING, start_s, end_s)
    reader, window_s = make_source(source), experiment.interval_s
    recorder = PodRecorder(
        pods=tuple(pods), windows=int((end_s - start_s) / window_s + 1e-9), metrics=metrics
    )
    for index, (pod, (first_s, last_s)) in enumerate(pods.items()):
        tell(f"{found} {pod} ({index + 1} of {len(pods)})")
        begin = int(max(first_s - start_s, 0.0) / window_s)
        of_pod = [_of_pod(metric, found, pod) for metric in metrics]
        begin_s, until_s = start_s + begin * window_s, min(last_s, end_s)
        past = read_history(reader, of_pod, start_s=begin_s, end_s=until_s, window_s=window_s)
        for window, readings in past:
            recorder.put(index, begin + window.index, readings)
    for name, why in recorder.never.items():
        tell(f"{name} was never read: {why}")
    return recorder.recorded(found, start_s, window_s)


def _per_measure(experiment: Experiment) -> list[Metric]:
    """One per declared metric: those of further treatments read the same of control."""
    return list({metric.measure or metric.name: metric for metric in reversed(deciding(experiment))}.values())


def _of_pod(metric: Metric, label: str, pod: str) -> Metric:
    """The metric of one pod as control, compared with nothing: a settling metric may have a silent arm."""
    one = Matcher(label=label, op="=", value=pod)
    selectors = {part.value: _narrowed(metric, selector, one) for part, selector in parts_of(metric).items()}
    changes: dict[str, Any] = {
        **selectors,
        "name": metric.measure or metric.name,
        "stage": Stage.SETTLE,
        "arm_labels": {Arm.CONTROL: {label: pod}, Arm.TREATMENT: {label: ""}},
    }
    return replace(metric, **changes)


def _narrowed(metric: Metric, selector: Selector, *more: Matcher) -> Selector:
    """The selector's series of control."""
    own = tuple(
        Matcher(label=label, op="=", value=value) for label, value in metric.arm_labels[Arm.CONTROL].items()
    )
    return replace(selector, matchers=(*selector.matchers, *own, *more))


def _pods(
    options: PrometheusOptions, metrics: Sequence[Metric], labels: Sequence[str], start_s: float, end_s: float
) -> tuple[str, Mapping[str, tuple[float, float]]]:
    """The first label that tells two pods apart, and when each was seen first and last."""
    metric = metrics[0]
    selector = _narrowed(metric, next(iter(parts_of(metric).values())))
    step_s = max(1.0, (end_s - start_s) / _LOOKS)
    for label in labels:
        pods = _seen(
            options, f"group by ({label}) ({format_selector(selector)})", label, (start_s, end_s, step_s)
        )
        if len(pods) > 1:
            return label, pods
    tried = " or ".join(f"'{label}'" for label in labels)
    msg = (
        f"nothing tells the pods of {metric.arm_labels[Arm.CONTROL]} apart: {format_selector(selector)} had "
        f"at most one value of the label {tried} in the last {duration(end_s - start_s)}, so there are no "
        f"two arms to compare; name another label with --split-by LABEL, or {_INSTEAD}"
    )
    raise UsageError(msg)


def _seen(
    options: PrometheusOptions, query: str, label: str, times_s: tuple[float, float, float]
) -> dict[str, tuple[float, float]]:
    start_s, end_s, step_s = times_s
    connection = connect(options.url, SecretHeaders(options.bearer_token_env, options.headers_from_env))
    moment = datetime.fromtimestamp(start_s, UTC)
    params = {"start": f"{start_s:.3f}", "end": f"{end_s:.3f}"}
    try:
        answer = connection.custom_query_range(
            query, moment, moment, f"{step_s:.3f}", params=params, timeout=_DISCOVERY_TIMEOUT_S
        )
    except Trouble as trouble:
        msg = f"the pods cannot be read: {trouble.missing.detail}"
        raise Unreachable(msg) from trouble
    found: dict[str, tuple[float, float]] = {}
    for series in answer:
        pod = series["metric"].get(label, "")
        if pod:
            seen_s = [float(at_s) for at_s, _ in series["values"]]
            found[pod] = (seen_s[0] - step_s, seen_s[-1] + step_s)
    return dict(sorted(found.items()))
