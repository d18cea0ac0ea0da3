"""A block of runs as windows that monitors take, one metric at a time. Judges nothing but what is usable.

A window counts where both arms were measured and had traffic; everywhere else it holds zeros, so that it adds
nothing. A threshold compares nothing and needs the treatment alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from analysis.stats.counts import BucketCounts, Counts, EventCounts, Quotients, TrialCounts, ValueSums
from analysis.stats.mixture import Floats
from analysis.window_files import MetricColumns, RunBlock
from engine.core.model import Metric, MetricKind
from engine.errors import UsageError

Bools = NDArray[np.bool_]

_COLUMNS: Mapping[MetricKind, tuple[str, ...]] = {
    MetricKind.PROPORTION: ("bad", "total"),
    MetricKind.THRESHOLD: ("bad", "total"),
    MetricKind.COUNT: ("count",),
    MetricKind.MEAN: ("count", "sum", "sum_sq"),
    MetricKind.RATIO: ("numerator", "denominator"),
    MetricKind.GAUGE: ("value",),
}
"""In the order in which `analysis.stats.counts` has them."""
_TRAFFIC: Mapping[MetricKind, str] = {
    MetricKind.PROPORTION: "total",
    MetricKind.THRESHOLD: "total",
    MetricKind.COUNT: "count",
    MetricKind.MEAN: "count",
    MetricKind.RATIO: "denominator",
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Feed:
    """One metric's windows of a batch of runs.

    Attributes:
        treatment, control: shape (windows, runs, columns), zeros where nothing counts.
        share: the treatment's planned share of both arms' traffic, shape (windows, runs).
        counted: whether the window is evidence, shape (windows, runs).
        spread_known: whether all of a run's sums of squares are known, shape (runs,); a batch has one answer.
        slo: index of the bucket that ends at the latency objective.
    """

    metric: Metric
    treatment: Floats
    control: Floats
    share: Floats
    counted: Bools
    spread_known: Bools
    slo: int | None

    def at(self, window: int) -> Counts:
        """The counts of one window."""
        t, c = self.treatment[window], self.control[window]
        match self.metric.kind:
            case MetricKind.COUNT:
                return EventCounts(treatment=t[:, 0], control=c[:, 0], share=self.share[window])
            case MetricKind.DISTRIBUTION:
                return BucketCounts(treatment=t, control=c, slo=self.slo)
            case MetricKind.MEAN:
                return ValueSums(treatment=t, control=c, spread_known=bool(self.spread_known[0]))
            case MetricKind.RATIO | MetricKind.GAUGE:
                return Quotients(treatment=t, control=c)
            case _:
                return TrialCounts(bad_t=t[:, 0], n_t=t[:, 1], bad_c=c[:, 0], n_c=c[:, 1])

    def only(self, runs: NDArray[np.intp]) -> "Feed":
        """The same of some of the runs."""
        return replace(
            self,
            treatment=self.treatment[:, runs],
            control=self.control[:, runs],
            share=self.share[:, runs],
            counted=self.counted[:, runs],
            spread_known=self.spread_known[runs],
        )


def feed_of(metric: Metric, block: RunBlock, planned: Floats) -> Feed:
    """The windows of one metric.

    Args:
        metric: of the split stage.
        block: the runs.
        planned: see `planned_pct`.

    Raises:
        UsageError: no bucket ends at the latency objective, a count has no planned weights to be held
            against, or control is below 0 where a part of it is allowed.
    """
    columns = block.metrics[metric.measure or metric.name]
    one_sample = metric.kind is MetricKind.THRESHOLD
    treatment = _values(metric, columns.treatments[metric.treatment_index], columns)
    control = _values(metric, columns.control, columns)
    present = columns.present[..., 1 + metric.treatment_index] & (one_sample | columns.present[..., 0])
    _refuse_below_zero(metric, block, control, present)
    share = _share(planned, metric.treatment_index)
    if metric.kind is MetricKind.COUNT:
        _refuse_without_weights(metric, block, planned, present)
        counted = present & (share > 0.0) & (share < 1.0)
    else:
        had = _traffic(metric, treatment) * (1.0 if one_sample else _traffic(metric, control))
        counted = present & (had > 0.0)
    known = ~(np.isnan(treatment) | np.isnan(control)).any(axis=-1)
    return Feed(
        metric=metric,
        treatment=_by_window(treatment, counted),
        control=_by_window(control, counted),
        share=np.where(counted, share, 0.0).T.copy(),
        counted=counted.T.copy(),
        spread_known=np.logical_and.reduce(known | ~counted, axis=1),
        slo=_slo_bucket(metric, columns.bounds) if present.any() else None,
    )


def planned_pct(block: RunBlock) -> Floats:
    """Planned percent, (runs, windows, treatments); where none is recorded, as in the window before."""
    weights = block.weights
    known = ~np.isnan(weights)
    latest = np.where(known, np.arange(weights.shape[1])[None, :, None], 0)
    return np.take_along_axis(weights, np.maximum.accumulate(latest, axis=1), axis=1)


def treatment_total(metric: Metric, block: RunBlock) -> Floats:
    """Traffic of all treatments in each window, shape (runs, windows), counted or not; see `rows.Row`."""
    columns = block.metrics[metric.measure or metric.name]
    if metric.kind is MetricKind.GAUGE:
        any_arm: Floats = np.logical_or.reduce(columns.present[..., 1:], axis=-1).astype(np.float64)
        return any_arm
    total: Floats = np.zeros(columns.present.shape[:2])
    for arm in columns.treatments:
        is_histogram = metric.kind is MetricKind.DISTRIBUTION
        had = arm["counts"].sum(axis=-1) if is_histogram else arm[_TRAFFIC[metric.kind]]
        total += np.nan_to_num(had)
    return total


def _values(metric: Metric, arm: Mapping[str, Floats], columns: MetricColumns) -> Floats:
    if metric.kind is MetricKind.DISTRIBUTION:
        counts = arm["counts"]
        # A histogram always has a finite bound; one that was never measured gets one in which nothing is.
        return counts if columns.bounds else np.concatenate([np.zeros_like(counts), counts], axis=-1)
    values = [arm[name] for name in _COLUMNS[metric.kind]]
    if metric.kind is MetricKind.GAUGE:
        values.append(np.ones_like(values[0]))
    return np.stack(values, axis=-1)


def _traffic(metric: Metric, values: Floats) -> Floats:
    """What says that an arm had any, shape (runs, windows)."""
    column = {MetricKind.DISTRIBUTION: slice(None), MetricKind.MEAN: slice(0, 1)}
    had: Floats = values[..., column.get(metric.kind, slice(1, 2))].sum(axis=-1)
    return had


def _by_window(values: Floats, counted: Bools) -> Floats:
    kept = np.where(counted[..., None], np.nan_to_num(values), 0.0)
    return np.ascontiguousarray(np.swapaxes(kept, 0, 1))


def _share(planned: Floats, index: int) -> Floats:
    own = np.nan_to_num(planned[..., index])
    both = own + np.maximum(100.0 - np.nansum(planned, axis=-1), 0.0)
    share: Floats = own / np.where(both > 0.0, both, 1.0)
    return share


def _refuse_below_zero(metric: Metric, block: RunBlock, control: Floats, present: Bools) -> None:
    """A part of a negative value is negative: equal arms would be as bad as harm."""
    values = {MetricKind.MEAN: 1, MetricKind.RATIO: 0, MetricKind.GAUGE: 0}
    if metric.kind not in values or not (metric.tolerance.relative or metric.margin.relative):
        return
    below = np.argwhere(present & (control[..., values[metric.kind]] < 0.0))
    if below.size:
        run, window = below[0]
        at = f"run '{block.runs[run]}', " if block.runs[run] else ""
        msg = (
            f"metric '{metric.measure or metric.name}': control is below 0 ({at}window_end "
            f"{block.window_ends[run][window]}), so that a part of it says nothing; declare its "
            "tolerance and margin as absolute"
        )
        raise UsageError(msg)


def _refuse_without_weights(metric: Metric, block: RunBlock, planned: Floats, present: Bools) -> None:
    """A count has no denominator: only planned weights say how many events each arm should have."""
    lacking = np.flatnonzero((present & np.isnan(planned[..., metric.treatment_index])).any(axis=1))
    if lacking.size:
        run = block.runs[lacking[0]]
        where = f"run '{run}'" if run else "the file"
        msg = (
            f"metric '{metric.measure or metric.name}' counts events, which are held against planned "
            f"traffic, but {where} has none; add a column 'weight' with the treatment's percent"
        )
        raise UsageError(msg)


def _slo_bucket(metric: Metric, bounds: tuple[float, ...]) -> int | None:
    if metric.slo_s is None:
        return None
    near = np.isclose(bounds, metric.slo_s, rtol=1e-9, atol=0.0)
    if not near.any():
        listed = ", ".join(f"{bound:g}" for bound in bounds) or "none but +Inf"
        msg = (
            f"metric '{metric.measure or metric.name}': the objective of {metric.slo_s:g} s is not a bucket "
            f"bound, so nothing says how many were slower; the bounds are {listed}: choose one of them as slo"
        )
        raise UsageError(msg)
    return int(np.flatnonzero(near)[0])
