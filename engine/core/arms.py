"""Which treatments still take part in a run. Pure; an A/B test may have several, everything else has one."""

from engine.core.model import Experiment, Stage
from engine.core.run import Run


def live_arms(experiment: Experiment, run: Run) -> tuple[int, ...]:
    """Indices of the treatments that have traffic, or of all while none has."""
    every = range(len(experiment.treatments))
    return tuple(index for index in every if run.weights.share(index) > 0) or tuple(every)


def stage_of(experiment: Experiment, step: int) -> Stage:
    """The stage of a step; before the first one it is the first one's."""
    return experiment.plan.steps[max(step, 0)].stage
