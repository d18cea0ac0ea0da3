"""Cuts a past in which all arms ran one version into runs as long as a release. Judges nothing."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.window_files import MetricColumns, RunBlock
from engine.core.model import Experiment
from engine.core.plan import Stage
from engine.errors import UsageError

FEWEST_WINDOWS = 200
"""A shorter run hardly gives an error a chance to happen."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AaRuns:
    """Runs in which nothing differed between the arms.

    Attributes:
        block: runs of one length.
        independent: how many of them share no window with another one.
        stretches: the same past in longer pieces, for dispersion and correlation.
        pods: the fewest pods of an arm, None where it is not known.
    """

    block: RunBlock
    independent: int
    stretches: tuple[RunBlock, ...]
    pods: int | None = None

    @property
    def windows(self) -> int:
        """Windows of each run."""
        return int(self.block.end_s.shape[1])


def windows_of_a_run(experiment: Experiment, run_s: float | None) -> int:
    """Windows of `run_s` seconds; by default of all steps' holds, at least 200 windows.

    Raises:
        UsageError: `run_s` is not even one window.
    """
    if run_s is None:
        hold_s = sum(step.hold_s for step in experiment.plan.steps if step.stage is Stage.SPLIT)
        return max(FEWEST_WINDOWS, math.ceil(hold_s / experiment.interval_s))
    windows = int(run_s / experiment.interval_s + 1e-9)
    if windows < 1:
        msg = f"a run of {run_s:g} s is shorter than a window, which has {experiment.interval_s:g} s"
        raise UsageError(msg)
    return windows


def aa_runs_of(blocks: Sequence[RunBlock], windows: int) -> AaRuns:
    """Consecutive pieces of every recorded run; what is left at its end is too short and not used.

    Args:
        blocks: recorded runs in which all variants ran the same version.
        windows: of every piece.

    Raises:
        UsageError: no recorded run is that long.
    """
    cut = [piece for piece in (_pieces(block, windows) for block in blocks) if piece.runs]
    if not cut:
        longest = max((int(block.lengths.max(initial=0)) for block in blocks), default=0)
        msg = (
            f"the history's longest run has {longest} windows, but a run to be decided takes {windows}; "
            "give a longer history, or a shorter --run-length"
        )
        raise UsageError(msg)
    block = joined(cut)
    return AaRuns(block=block, independent=len(block.runs), stretches=tuple(blocks))


def _pieces(block: RunBlock, windows: int) -> RunBlock:
    counts = block.lengths // windows
    runs = np.repeat(np.arange(len(block.runs)), counts)
    starts = np.concatenate([np.arange(count) for count in counts] or [np.empty(0)]).astype(np.intp) * windows
    return _taken(block, runs, starts, windows)


def _taken(block: RunBlock, runs: NDArray[np.intp], starts: NDArray[np.intp], windows: int) -> RunBlock:
    """Pieces of some runs, each from its start on."""
    places = (runs[:, None], starts[:, None] + np.arange(windows))
    return RunBlock(
        runs=tuple(f"{block.runs[run]} {start}" for run, start in zip(runs, starts, strict=True)),
        window_ends=tuple(
            block.window_ends[run][start : start + windows] for run, start in zip(runs, starts, strict=True)
        ),
        end_s=block.end_s[places],
        lengths=np.full(len(runs), windows),
        weights=block.weights[places],
        metrics={
            name: MetricColumns(
                control={column: values[places] for column, values in columns.control.items()},
                treatments=tuple(
                    {column: values[places] for column, values in arm.items()} for arm in columns.treatments
                ),
                present=columns.present[places],
                bounds=columns.bounds,
            )
            for name, columns in block.metrics.items()
        },
    )


def joined(blocks: Sequence[RunBlock]) -> RunBlock:
    """Blocks of runs of one length and of the same metrics as one."""
    if len(blocks) == 1:
        return blocks[0]
    return RunBlock(
        runs=tuple(run for block in blocks for run in block.runs),
        window_ends=tuple(ends for block in blocks for ends in block.window_ends),
        end_s=np.concatenate([block.end_s for block in blocks]),
        lengths=np.concatenate([block.lengths for block in blocks]),
        weights=np.concatenate([block.weights for block in blocks]),
        metrics={name: _joined([block.metrics[name] for block in blocks]) for name in blocks[0].metrics},
    )


def _joined(parts: Sequence[MetricColumns]) -> MetricColumns:
    first = parts[0]
    return MetricColumns(
        control={name: np.concatenate([part.control[name] for part in parts]) for name in first.control},
        treatments=tuple(
            {name: np.concatenate([part.treatments[index][name] for part in parts]) for name in arm}
            for index, arm in enumerate(first.treatments)
        ),
        present=np.concatenate([part.present for part in parts]),
        bounds=first.bounds,
    )
