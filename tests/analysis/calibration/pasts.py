"""Pasts of a service in which nothing was released, from a seed."""

from collections.abc import Mapping, Sequence

import numpy as np

from analysis.calibration import PodColumns, PodWindows
from analysis.window_files import MetricColumns, RunBlock
from engine.core.model import MetricKind

Floats = np.ndarray


def trials(bad: Sequence[Floats], total: Sequence[Floats]) -> MetricColumns:
    """A proportion of control and treatments, each of shape (runs, windows)."""
    arms = [{"bad": b.astype(float), "total": n.astype(float)} for b, n in zip(bad, total, strict=True)]
    present = np.stack([~np.isnan(arm["bad"]) for arm in arms], axis=-1)
    return MetricColumns(control=arms[0], treatments=tuple(arms[1:]), present=present)


def latencies(counts: Sequence[Floats], bounds: tuple[float, ...]) -> MetricColumns:
    """A distribution of control and treatment, each of shape (runs, windows, buckets)."""
    arms = [{"counts": count.astype(float)} for count in counts]
    present = np.ones((*counts[0].shape[:2], len(arms)), dtype=bool)
    return MetricColumns(control=arms[0], treatments=tuple(arms[1:]), present=present, bounds=bounds)


def a_past(metrics: Mapping[str, MetricColumns], weight: float = 50.0) -> RunBlock:
    """These metrics at this weight, in windows of 15 s."""
    runs, windows, arms = next(iter(metrics.values())).present.shape
    end_s = np.broadcast_to(15.0 * (1.0 + np.arange(windows)), (runs, windows)).copy()
    return RunBlock(
        runs=tuple(f"day {run}" for run in range(runs)),
        window_ends=tuple(tuple(map(str, ends)) for ends in end_s.tolist()),
        end_s=end_s,
        lengths=np.full(runs, windows),
        weights=np.full((runs, windows, arms - 1), weight),
        metrics=metrics,
    )


def errors(
    runs: int, windows: int, *, swing: float = 0.0, rate: float = 0.01, requests: int = 200, seed: int = 1
) -> MetricColumns:
    """Both arms at the same rate; each window of each arm has its own, log-normal by `swing`."""
    rng = np.random.default_rng(seed)
    total = np.full((runs, windows), requests)
    rates = [
        rate * np.exp(rng.normal(0.0, swing, (runs, windows)) - swing**2 / 2.0) if swing else rate
        for _ in range(2)
    ]
    return trials([rng.binomial(total, np.minimum(each, 1.0)) for each in rates], [total, total])


def pods(
    count: int,
    windows: int,
    *,
    rates: Sequence[float] | None = None,
    serving: Mapping[int, slice] | None = None,
) -> PodWindows:
    """Pods of 100 requests a window each; some serve only for a while."""
    rng = np.random.default_rng(3)
    total = np.full((count, windows), 100.0)
    for pod, while_ in (serving or {}).items():
        total[pod] = np.nan
        total[pod, while_] = 100.0
    each = np.asarray(rates if rates is not None else [0.02] * count)[:, None]
    bad = np.where(np.isnan(total), np.nan, rng.binomial(100, np.broadcast_to(each, total.shape)))
    columns = PodColumns(kind=MetricKind.PROPORTION, values={"bad": bad, "total": total})
    return PodWindows(
        pods=tuple(f"pod-{index}" for index in range(count)),
        label="pod",
        end_s=15.0 * (1.0 + np.arange(windows)),
        metrics={"errors": columns},
    )
