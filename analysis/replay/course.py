"""What was recorded of a batch of runs besides metrics: length, steps, floors and time. Judges nothing."""

from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from analysis.replay.feed import Bools
from analysis.stats.mixture import Floats
from analysis.window_files import RunBlock
from engine.core.model import Experiment
from engine.core.plan import Stage

_Cell = TypeVar("_Cell", bound=np.generic)

STARTS_PER_HORIZON = 32
"""Points of the time grid at which harm may begin."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Course:
    """How runs went.

    Attributes:
        lengths: windows per run, shape (runs,). The others have shape (windows, runs).
        changed: the first window at new weights. on_grid: the first window of a part of the horizon.
        floor: trials that each arm needs at the step.
        at_highest: the highest weight recorded in the run has been reached.
    """

    lengths: NDArray[np.int64]
    changed: Bools
    on_grid: Bools
    floor: Floats
    at_highest: Bools

    def only(self, runs: NDArray[np.intp]) -> "Course":
        """The same of some of the runs."""
        return replace(
            self,
            lengths=self.lengths[runs],
            changed=self.changed[:, runs],
            on_grid=self.on_grid[:, runs],
            floor=self.floor[:, runs],
            at_highest=self.at_highest[:, runs],
        )


def course_of(experiment: Experiment, block: RunBlock, planned: Floats) -> Course:
    """The course of all runs of a block; without recorded weights, a run is one step at its highest."""
    known = np.nan_to_num(planned)
    given = known.sum(axis=-1)
    changed = np.zeros(given.shape, dtype=np.bool_)
    changed[:, 1:] = (known[:, 1:] != known[:, :-1]).any(axis=-1)
    reached = np.maximum.accumulate(given, axis=1) >= given.max(axis=1, keepdims=True)
    return Course(
        lengths=block.lengths,
        changed=_by_window(changed),
        on_grid=_by_window(_on_grid(block.end_s, experiment.horizon_s)),
        floor=_by_window(_floors(experiment, given)),
        at_highest=_by_window(reached),
    )


def _by_window(values: NDArray[_Cell]) -> NDArray[_Cell]:
    return np.ascontiguousarray(values.T)


def _on_grid(end_s: Floats, horizon_s: float) -> Bools:
    part = np.floor((end_s - end_s[:, :1]) / horizon_s * STARTS_PER_HORIZON)
    found = np.zeros(end_s.shape, dtype=np.bool_)
    found[:, 1:] = part[:, 1:] > part[:, :-1]
    return found


def _floors(experiment: Experiment, given: Floats) -> Floats:
    """The floor of the plan's step at these weights; of the last step where the plan has no such step."""
    steps = [step for step in experiment.plan.steps if step.stage is Stage.SPLIT]
    floors = np.full(given.shape, float(steps[-1].floor))
    for step in steps:
        floors[given == step.weight_pct] = step.floor
    return floors
