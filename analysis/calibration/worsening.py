"""Makes the treatment of A/A runs worse by exactly the margin, as chance would. Judges nothing.

Thinning binomial counts gives binomial counts: where the margin is a ratio, each bad trial of the better arm
becomes good with the probability that makes the rates differ by this ratio, whatever the rate was in a
window. Where the margin is an absolute difference, each good trial of the worse arm becomes bad with the
probability that adds the difference.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from analysis.window_files import MetricColumns, RunBlock
from engine.core.model import Metric, MetricKind

Arm = Mapping[str, np.ndarray]
Change = Callable[[Arm], Arm]


def can_be_worsened(metric: Metric) -> bool:
    """Whether single trials are known to be good or bad, so that some can be changed."""
    return metric.kind is MetricKind.PROPORTION or (
        metric.kind is MetricKind.DISTRIBUTION and metric.slo_s is not None
    )


def worsened(metric: Metric, block: RunBlock, rng: np.random.Generator) -> RunBlock | None:
    """The same runs with treatments that are worse by the margin; None where no rate is worse by as much.

    Args:
        metric: of a kind that `can_be_worsened`; its margin is meant.
        block: A/A runs.
        rng: draws which trials change.
    """
    name = metric.measure or metric.name
    columns = block.metrics[name]
    slo = _slo_bucket(metric, columns)
    rate = _rate(columns, slo)
    ratio, gap = 1.0 + (metric.margin.relative or 0.0), metric.margin.absolute or 0.0
    change: Change
    if rate * (1.0 - 1.0 / ratio) >= gap:
        change, at_more = (lambda arm: _moved(arm, slo, 1.0 - 1.0 / ratio, rng, to_bad=False)), False
    elif rate + gap >= 1.0:
        return None
    else:
        change, at_more = (lambda arm: _moved(arm, slo, gap / (1.0 - rate), rng, to_bad=True)), True
    # `bad` counts what is good where higher is better: there, control is to have more of it.
    changes_treatments = at_more is not metric.higher_is_better
    changed = (
        replace(columns, treatments=tuple(change(arm) for arm in columns.treatments))
        if changes_treatments
        else replace(columns, control=change(columns.control))
    )
    return replace(block, metrics={**block.metrics, name: changed})


def _slo_bucket(metric: Metric, columns: MetricColumns) -> int | None:
    """Index of the bucket that ends at the objective; None for trials."""
    if metric.kind is MetricKind.PROPORTION:
        return None
    return int(np.argmin(np.abs(np.asarray(columns.bounds) - (metric.slo_s or 0.0))))


def _rate(columns: MetricColumns, slo: int | None) -> float:
    """Share of bad trials in all arms and windows together."""
    bad = total = 0.0
    for arm in (columns.control, *columns.treatments):
        counts = arm["bad"] if slo is None else arm["counts"][..., slo + 1 :]
        bad += float(np.nansum(counts))
        total += float(np.nansum(arm["total" if slo is None else "counts"]))
    return bad / total if total else 0.0


def _moved(arm: Arm, slo: int | None, share: float, rng: np.random.Generator, *, to_bad: bool) -> Arm:
    """With this share of the good trials bad, or of the bad ones good."""
    if slo is None:
        source = arm["total"] - arm["bad"] if to_bad else arm["bad"]
        moved = _drawn(source, share, rng)
        return {**arm, "bad": arm["bad"] + (moved if to_bad else -moved)}
    counts = arm["counts"].copy()
    source = counts[..., : slo + 1] if to_bad else counts[..., slo + 1 :]
    moved = _drawn(source, share, rng)
    source -= moved
    counts[..., slo + 1 if to_bad else slo] += moved.sum(axis=-1)
    return {**arm, "counts": counts}


def _drawn(counts: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """How many of each count are drawn; NaN stays NaN."""
    drawn = rng.binomial(np.nan_to_num(counts).astype(np.int64), share).astype(np.float64)
    return np.where(np.isnan(counts), np.nan, drawn)
