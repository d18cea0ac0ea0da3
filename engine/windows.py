"""Which windows are due, and what the engine knows about each. Windows lie on a fixed grid from launch on.

The grid makes evidence independent of when ticks happen: a late tick reads the same windows as a timely one.
"""

import math
from collections.abc import Mapping, Sequence

from engine.core.arms import live_arms, stage_of
from engine.core.measure import Observation, Reading, Window
from engine.core.model import Experiment, Mode
from engine.core.plan import Stage
from engine.core.run import Run
from engine.core.target import TargetGone, TargetState, Weights

MAX_WINDOWS = 240
"""Windows read in one tick at the most; an hour's backlog at the default interval, the rest follows."""


def due_windows(experiment: Experiment, run: Run, now_s: float, watermark_s: float) -> tuple[Window, ...]:
    """Windows that are over, older than the watermark, and not counted yet."""
    over = int((now_s - watermark_s - run.launched_s) // experiment.interval_s)
    return tuple(_window(experiment, run, index) for index in range(run.windows_done, over))


def _window(experiment: Experiment, run: Run, index: int) -> Window:
    start_s = run.launched_s + index * experiment.interval_s
    return Window(index=index, start_s=start_s, end_s=run.launched_s + (index + 1) * experiment.interval_s)


def observe_windows(
    experiment: Experiment,
    run: Run,
    windows: Sequence[Window],
    readings: Sequence[Mapping[str, Reading]],
    target: TargetState | TargetGone,
) -> tuple[Observation, ...]:
    """The windows that were read, marked with warm-up and with the first whole one after a weight change.

    What an ill or freshly recovered control did is no yardstick, so its windows are warm-up too, but not once
    the treatment has all traffic and control is only kept.
    """
    treatment_warm_s = _treatment_warm_s(experiment, run, target)
    both_warm_s = max(treatment_warm_s, _control_warm_s(experiment, run, target))
    observations = []
    for window, reading in zip(windows, readings, strict=False):
        stage = stage_of(experiment, _step_in(run, window))
        warm_s = treatment_warm_s if stage is Stage.SETTLE else both_warm_s
        observation = Observation(
            window=window,
            readings=reading,
            warm_up=window.start_s < warm_s,
            new_start=window.start_s - experiment.interval_s < run.step_since_s <= window.start_s
            and window.index > 0,
            stage=stage,
            weights=_weights_all_through(experiment, run, window, target),
        )
        observations.append(observation)
    return tuple(observations)


def _step_in(run: Run, window: Window) -> int:
    """The step that was current when a window began; what a change cuts in two belongs to the one before."""
    if window.start_s >= run.step_since_s:
        return run.step
    return run.step - 1 if run.step_before is None else run.step_before


def _weights_all_through(
    experiment: Experiment, run: Run, window: Window, target: TargetState | TargetGone
) -> Weights | None:
    """The split that held all through a window, which the one just after a change is not sure to have."""
    settled = window.start_s >= run.step_since_s + experiment.interval_s
    if not settled or experiment.mode is not Mode.ACT or not isinstance(target, TargetState):
        return None
    ours = target.exact and target.weights == run.weights
    return (target.compared or run.weights) if ours else None


def _control_warm_s(experiment: Experiment, run: Run, target: TargetState | TargetGone) -> float:
    """Until when windows are no evidence because control is ill, or was until a warm-up ago."""
    if isinstance(target, TargetGone):
        return run.launched_s
    if not target.control.ready:
        return math.inf
    recovered_s = max(target.control.ready_since_s or 0.0, run.control_well_since_s)
    return recovered_s + experiment.warm_up_s if recovered_s > run.launched_s else run.launched_s


def _treatment_warm_s(experiment: Experiment, run: Run, target: TargetState | TargetGone) -> float:
    """Until when windows are no evidence because the treatment is warming up.

    Bounded by the progress deadline after the last weight change: a treatment that keeps restarting must not
    hide from the evidence for ever.
    """
    if isinstance(target, TargetGone):
        return run.launched_s
    health = [target.treatments[arm] for arm in live_arms(experiment, run) if arm < len(target.treatments)]
    ready_s = [each.ready_since_s for each in health if each.ready_since_s is not None]
    if not ready_s:
        return run.launched_s
    latest_s = run.step_since_s + experiment.progress_deadline_s
    return min(max(ready_s), latest_s) + experiment.warm_up_s
