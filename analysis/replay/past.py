"""Readings of one past stretch of time as a block of one run. Reads nothing and judges nothing."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

import numpy as np

from analysis.stats.mixture import Floats
from analysis.window_files import MetricColumns, RunBlock
from analysis.window_files.cells import cells_of
from analysis.window_files.layout import columns_of
from engine.core.measure import HistogramReading, Measured, Reading, Window
from engine.core.model import Arm, Experiment, Metric, MetricKind


def block_of(
    experiment: Experiment, name: str, past: Iterable[tuple[Window, Mapping[str, Reading]]]
) -> RunBlock:
    """The run of this name: its windows in order, with the readings of the experiment's metrics.

    Windows end at UTC times in ISO 8601. Weights are unknown, so the run is one step. A histogram with other
    buckets than its first one is as good as none.
    """
    ends: list[float] = []
    seen: dict[str, dict[int, Measured]] = {metric.name: {} for metric in experiment.read_metrics}
    for window, readings in past:
        for metric, reading in readings.items():
            if isinstance(reading, Measured):
                seen[metric][len(ends)] = reading
        ends.append(window.end_s)
    by_measure: dict[str, list[Metric]] = {}
    for each in experiment.metrics:
        if each.name in seen:
            by_measure.setdefault(each.measure or each.name, []).append(each)
    return RunBlock(
        runs=(name,),
        window_ends=(tuple(map(_iso, ends)),),
        end_s=np.array([ends]),
        lengths=np.array([len(ends)]),
        weights=np.full((1, len(ends), len(experiment.treatments)), np.nan),
        metrics={measure: _columns(same, seen, len(ends)) for measure, same in by_measure.items()},
    )


def _iso(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).isoformat().replace("+00:00", "Z")


def _columns(
    metrics: list[Metric], seen: Mapping[str, Mapping[int, Measured]], windows: int
) -> MetricColumns:
    """One measure of control and all treatments; of several stages, the first has the same readings."""
    first = {metric.treatment_index: metric for metric in reversed(metrics)}
    readings = [seen[first[index].name] for index in sorted(first)]
    bounds = _bounds(readings)
    kind = metrics[0].kind
    control = _arm(kind, readings[0], Arm.CONTROL, windows, bounds)
    treatments = tuple(_arm(kind, each, Arm.TREATMENT, windows, bounds) for each in readings)
    needed = "counts" if kind is MetricKind.DISTRIBUTION else columns_of(kind)[0]
    present = [~np.isnan(arm[needed]).reshape(1, windows, -1).any(axis=-1) for arm in (control, *treatments)]
    return MetricColumns(
        control=control, treatments=treatments, present=np.stack(present, axis=-1), bounds=bounds
    )


def _bounds(readings: list[Mapping[int, Measured]]) -> tuple[float, ...]:
    for each in readings:
        for reading in each.values():
            if isinstance(reading, HistogramReading):
                return reading.control.bounds_s
    return ()


def _arm(
    kind: MetricKind, readings: Mapping[int, Measured], arm: Arm, windows: int, bounds: tuple[float, ...]
) -> dict[str, Floats]:
    width = (len(bounds) + 1,) if kind is MetricKind.DISTRIBUTION else ()
    names = ("counts",) if kind is MetricKind.DISTRIBUTION else columns_of(kind)
    values = {name: np.full((1, windows, *width), np.nan) for name in names}
    for window, reading in readings.items():
        if isinstance(reading, HistogramReading) and reading.control.bounds_s != bounds:
            continue
        for name, cell in cells_of(reading, arm).items():
            if name in values:
                values[name][0, window] = cell
    return values
