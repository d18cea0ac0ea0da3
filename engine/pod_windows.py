"""Readings of single pods as arrays. Reads nothing and judges nothing."""

from collections.abc import Mapping, Sequence

import numpy as np

from analysis.calibration import PodColumns, PodWindows
from analysis.window_files.cells import cells_of
from analysis.window_files.layout import columns_of
from engine.core.measure import HistogramReading, Measured, Missing, MissingReason, Reading
from engine.core.model import Arm, Metric, MetricKind


class PodRecorder:
    """Takes the readings of one pod after the other, of which control is the pod.

    Args:
        pods: their names. windows: how many the past has. metrics: what is read.
    """

    def __init__(self, *, pods: Sequence[str], windows: int, metrics: Sequence[Metric]) -> None:
        self._pods = tuple(pods)
        self._windows = windows
        self._kinds = {metric.measure or metric.name: metric.kind for metric in metrics}
        self._bounds: dict[str, tuple[float, ...]] = {}
        self._values: dict[str, dict[str, np.ndarray]] = {
            name: {column: self._blank() for column in columns_of(kind)}
            for name, kind in self._kinds.items()
            if kind is not MetricKind.DISTRIBUTION
        }
        self._read = {name: np.zeros((len(pods), windows), dtype=np.bool_) for name in self._kinds}
        self._missing: dict[str, str] = {}

    @property
    def never(self) -> Mapping[str, str]:
        """Metrics of which no pod had any reading, and the last reason given."""
        blank = [name for name, read in self._read.items() if not read.any()]
        return {name: self._missing.get(name, "no pod has its series") for name in blank}

    def put(self, pod: int, window: int, readings: Mapping[str, Reading]) -> None:
        """What one pod did in one window."""
        for name, reading in readings.items():
            if not isinstance(reading, Missing):
                self._put(name, pod, window, reading)
            elif reading.reason is not MissingReason.NO_SERIES:
                self._missing[name] = reading.detail
            elif name in self._values:
                # A pod without series or without requests: it has no trial to tell, and none is missing.
                for column in self._values[name].values():
                    column[pod, window] = 0.0

    def recorded(self, label: str, start_s: float, window_s: float) -> PodWindows:
        """All that was put, of pods told apart by this label; metrics that were never read are left out."""
        return PodWindows(
            pods=self._pods,
            label=label,
            end_s=np.array([start_s + window_s * (1 + window) for window in range(self._windows)]),
            metrics={
                name: PodColumns(
                    kind=self._kinds[name],
                    values=_while_serving(values, self._read[name]),
                    bounds=self._bounds.get(name, ()),
                )
                for name, values in self._values.items()
                if self._read[name].any()
            },
        )

    def _put(self, name: str, pod: int, window: int, reading: Measured) -> None:
        if isinstance(reading, HistogramReading):
            self._put_histogram(name, pod, window, reading)
            return
        self._read[name][pod, window] = True
        for column, value in cells_of(reading, Arm.CONTROL).items():
            if column in self._values[name]:
                self._values[name][column][pod, window] = value

    def _put_histogram(self, name: str, pod: int, window: int, reading: HistogramReading) -> None:
        """Windows with other buckets than the first one's are left out: they cannot be added up."""
        bounds = self._bounds.setdefault(name, reading.control.bounds_s)
        if name not in self._values:
            self._values[name] = {"counts": self._blank(len(bounds) + 1)}
        if reading.control.bounds_s == bounds:
            self._values[name]["counts"][pod, window] = reading.control.counts
            self._read[name][pod, window] = True

    def _blank(self, *more: int) -> np.ndarray:
        return np.full((len(self._pods), self._windows, *more), np.nan)


def _while_serving(values: Mapping[str, np.ndarray], read: np.ndarray) -> Mapping[str, np.ndarray]:
    """Without the nothing before a pod's first reading and after its last."""
    so_far = np.logical_or.accumulate(read, axis=1)
    to_come = np.logical_or.accumulate(read[:, ::-1], axis=1)[:, ::-1]
    serving = so_far & to_come
    return {
        name: np.where(serving.reshape(*serving.shape, *(1,) * (column.ndim - 2)), column, np.nan)
        for name, column in values.items()
    }
