"""Splits the pods of one version at random into pseudo-arms, as many to each as a release would have.

Pods come and go: every piece of the past is split among those that served all through it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.calibration.cutting import AaRuns
from analysis.window_files import MetricColumns, RunBlock
from analysis.window_files.layout import NEEDED
from engine.core.model import Experiment, MetricKind
from engine.core.plan import Stage
from engine.errors import UsageError

LONG_WINDOWS = 2000
"""Pieces for dispersion are at least as long where pods live that long: correlation takes a while to show."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PodColumns:
    """One metric of every pod.

    Attributes:
        values: per column of a window file an array of shape (pods, windows), with a last axis of buckets
            for a distribution's `counts`; NaN where the pod was not measured.
        bounds: of the buckets, ascending; () for other kinds.
    """

    kind: MetricKind
    values: Mapping[str, Floats]
    bounds: tuple[float, ...] = ()

    @property
    def measured(self) -> NDArray[np.bool_]:
        """Whether the pod was measured in the window, shape (pods, windows)."""
        if self.kind is MetricKind.DISTRIBUTION:
            every: NDArray[np.bool_] = np.logical_not(np.isnan(self.values["counts"]).any(axis=-1))
            return every
        needed: NDArray[np.bool_] = np.logical_and.reduce(
            [~np.isnan(self.values[name]) for name in NEEDED[self.kind]]
        )
        return needed


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PodWindows:
    """What every pod of one version did in every window.

    Attributes:
        pods: their names. label: that has them. end_s: of the windows, epoch seconds.
        metrics: by name as declared.
    """

    pods: tuple[str, ...]
    label: str
    end_s: Floats
    metrics: Mapping[str, PodColumns]

    @property
    def spans(self) -> NDArray[np.int64]:
        """First and last window in which a pod was measured, shape (pods, 2); (0, -1) where it never was."""
        blank = np.zeros((len(self.pods), len(self.end_s)), dtype=np.bool_)
        seen = np.logical_or.reduce([blank, *(columns.measured for columns in self.metrics.values())])
        last = seen.shape[1] - 1 - np.argmax(seen[:, ::-1], axis=1)
        ever = seen.any(axis=1)
        return np.stack([np.where(ever, np.argmax(seen, axis=1), 0), np.where(ever, last, -1)], axis=1)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Split:
    """One piece of the past and who is in which arm, control first."""

    start: int
    arms: tuple[NDArray[np.intp], ...]


def aa_runs_of_pods(
    pods: PodWindows, experiment: Experiment, windows: int, *, splits: int, seed: int
) -> AaRuns:
    """Runs of `windows` windows, one after the other, each split `splits` times.

    Args:
        pods: of one version.
        experiment: whose last step says the treatments' shares of the pods, and which has as many arms.
        windows: of a run.
        splits: random splits of every piece; more sharpen a rate, but are no new history.
        seed: of the splits.

    Raises:
        UsageError: at no time as many pods as arms served for so long.
    """
    shares = _shares(experiment)
    rng = np.random.default_rng(seed)
    found = list(_splits(pods, shares, windows, splits, rng))
    if not found:
        first, last = pods.spans.T
        longest = int((last - first).max()) + 1
        msg = (
            f"in no {windows} windows in a row did {1 + len(shares)} pods serve all through, of "
            f"{len(pods.pods)} found by the label '{pods.label}' (the longest served {longest} windows); "
            "give a longer past, or a shorter --run-length, or --history FILE with windows in which all "
            "variants ran the same version"
        )
        raise UsageError(msg)
    long = max(windows, LONG_WINDOWS)
    longer = list(_splits(pods, shares, long, splits, rng)) if long > windows else []
    return AaRuns(
        block=_block(pods, found, windows),
        independent=len({split.start for split in found}),
        stretches=(_block(pods, longer, long) if longer else _block(pods, found, windows),),
        pods=min(len(arm) for split in found for arm in split.arms),
    )


def _shares(experiment: Experiment) -> tuple[float, ...]:
    """Share of every treatment at the plan's last split."""
    last = [step for step in experiment.plan.steps if step.stage is Stage.SPLIT][-1]
    return tuple(share / 100.0 for share in last.shares or (last.weight_pct,))


def _splits(
    pods: PodWindows, shares: Sequence[float], windows: int, splits: int, rng: np.random.Generator
) -> Iterator[_Split]:
    first, last = pods.spans.T
    for start in range(0, len(pods.end_s) - windows + 1, windows):
        serving = np.flatnonzero((first <= start) & (last >= start + windows - 1))
        if len(serving) < 1 + len(shares):
            continue
        sizes = _sizes(len(serving), shares)
        for _ in range(splits):
            drawn = rng.permutation(serving)
            yield _Split(start=start, arms=tuple(np.split(drawn, np.cumsum(sizes)[:-1])))


def _sizes(pods: int, shares: Sequence[float]) -> list[int]:
    """Pods of every arm, control first: each has one at least, and control what is left."""
    wanted = [max(1, round(pods * share)) for share in shares]
    while pods - sum(wanted) < 1:
        wanted[int(np.argmax(wanted))] -= 1
    return [pods - sum(wanted), *wanted]


def _block(pods: PodWindows, splits: Sequence[_Split], windows: int) -> RunBlock:
    places = [slice(split.start, split.start + windows) for split in splits]
    sizes = np.array([[len(arm) for arm in split.arms] for split in splits], dtype=np.float64)
    weights = 100.0 * sizes[:, 1:] / sizes.sum(axis=1, keepdims=True)
    return RunBlock(
        runs=tuple(f"{index}" for index in range(len(splits))),
        window_ends=tuple(tuple(map(str, pods.end_s[place].tolist())) for place in places),
        end_s=np.stack([pods.end_s[place] for place in places]),
        lengths=np.full(len(splits), windows),
        weights=np.repeat(weights[:, None, :], windows, axis=1),
        metrics={name: _columns(columns, splits, places) for name, columns in pods.metrics.items()},
    )


def _columns(columns: PodColumns, splits: Sequence[_Split], places: Sequence[slice]) -> MetricColumns:
    """Sums over the pods of every arm; a window in which one of them was not measured has none."""
    arms = [
        {
            name: np.stack(
                [
                    values[split.arms[arm], place].sum(axis=0)
                    for split, place in zip(splits, places, strict=True)
                ]
            )
            for name, values in columns.values.items()
        }
        for arm in range(len(splits[0].arms))
    ]
    present = [PodColumns(kind=columns.kind, values=arm).measured for arm in arms]
    return MetricColumns(
        control=arms[0],
        treatments=tuple(arms[1:]),
        present=np.stack(present, axis=-1),
        bounds=columns.bounds,
    )
