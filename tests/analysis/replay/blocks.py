"""Blocks of runs for tests, made from readings as a live run would have them."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from analysis.window_files import MetricColumns, RunBlock
from engine.core.measure import (
    EventsReading,
    Histogram,
    HistogramReading,
    Missing,
    Moments,
    MomentsReading,
    Observation,
    Quotient,
    QuotientReading,
    Reading,
    Trials,
    TrialsReading,
)
from engine.core.model import Arm, Experiment, Metric, MetricKind

Run = Sequence[Observation]


def block_of(experiment: Experiment, runs: Mapping[str, Run]) -> RunBlock:
    """What a window file with these runs would be read as."""
    longest = max(map(len, runs.values()))
    shape = (len(runs), longest)
    end_s = np.full(shape, np.nan)
    weights = np.full((*shape, len(experiment.treatments)), np.nan)
    for place, run in enumerate(runs.values()):
        for window, observation in enumerate(run):
            end_s[place, window] = observation.window.end_s
            if observation.weights is not None:
                for index in range(len(experiment.treatments)):
                    weights[place, window, index] = observation.weights.share(index)
    measured: dict[str, list[Metric]] = {}
    for metric in experiment.metrics:
        measured.setdefault(metric.measure or metric.name, []).append(metric)
    return RunBlock(
        runs=tuple(runs),
        window_ends=tuple(tuple(f"{each.window.end_s:g}" for each in run) for run in runs.values()),
        end_s=end_s,
        lengths=np.array([len(run) for run in runs.values()]),
        weights=weights,
        metrics={name: _columns(metrics, list(runs.values()), shape) for name, metrics in measured.items()},
    )


def _columns(metrics: Sequence[Metric], runs: Sequence[Run], shape: tuple[int, int]) -> MetricColumns:
    first = metrics[0]
    control = _arm(first, Arm.CONTROL, runs, shape)
    treatments = tuple(_arm(metric, Arm.TREATMENT, runs, shape) for metric in metrics)
    present = np.stack([~np.isnan(next(iter(arm.values()))) for arm in (control, *treatments)], axis=-1)
    if first.kind is MetricKind.DISTRIBUTION:
        present = present[..., 0, :]
    return MetricColumns(control=control, treatments=treatments, present=present, bounds=_bounds(first, runs))


def _bounds(metric: Metric, runs: Sequence[Run]) -> tuple[float, ...]:
    readings = [each.readings[metric.name] for run in runs for each in run]
    return next((each.control.bounds_s for each in readings if isinstance(each, HistogramReading)), ())


def _arm(
    metric: Metric, arm: Arm, runs: Sequence[Run], shape: tuple[int, int]
) -> dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float64]]]:
    cells: dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float64]]] = {}
    width = (len(_bounds(metric, runs)) + 1,) if metric.kind is MetricKind.DISTRIBUTION else ()
    for place, run in enumerate(runs):
        for window, observation in enumerate(run):
            reading: Reading = observation.readings[metric.name]
            if isinstance(reading, Missing):
                continue
            for name, value in _CELLS[type(reading)](getattr(reading, arm.value)).items():
                cells.setdefault(name, np.full((*shape, *width), np.nan))[place, window] = value
    return cells


def _trials(arm: Trials) -> dict[str, object]:
    return {"bad": arm.bad, "total": arm.total}


def _histogram(arm: Histogram) -> dict[str, object]:
    return {"counts": arm.counts}


def _moments(arm: Moments) -> dict[str, object]:
    return {"count": arm.count, "sum": arm.sum, "sum_sq": np.nan if arm.sum_sq is None else arm.sum_sq}


def _quotient(arm: Quotient) -> dict[str, object]:
    return {"numerator": arm.numerator, "denominator": arm.denominator, "value": arm.numerator}


_CELLS: Mapping[type, Callable[..., dict[str, object]]] = {
    TrialsReading: _trials,
    HistogramReading: _histogram,
    EventsReading: lambda arm: {"count": arm},
    MomentsReading: _moments,
    QuotientReading: _quotient,
}
