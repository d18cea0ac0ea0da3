"""Which treatments still take part in a run. Pure; an A/B test may have several, everything else has one."""

from engine.core.model import Experiment
from engine.core.plan import Stage
from engine.core.run import Run
from engine.core.target import TargetGone, TargetState, Weights


def live_arms(experiment: Experiment, run: Run) -> tuple[int, ...]:
    """Indices of the treatments that have traffic, or of all while none has."""
    every = range(len(experiment.treatments))
    return tuple(index for index in every if run.weights.share(index) > 0) or tuple(every)


def stage_of(experiment: Experiment, step: int) -> Stage:
    """The stage of a step; before the first one it is the first one's."""
    return experiment.plan.steps[max(step, 0)].stage


def only_live(experiment: Experiment, run: Run, weights: Weights) -> Weights:
    """The same without treatments that take no part: what lost its traffic never gets it back."""
    for index in set(range(len(weights.treatments))) - set(live_arms(experiment, run)):
        weights = weights.without(index)
    return weights


def no_more_than(weights: Weights, target: TargetState | TargetGone) -> Weights:
    """The same, but nothing gets more than it has on the target now; control gets the rest."""
    if not isinstance(target, TargetState):
        return weights
    return Weights.of(*(min(share, target.weights.share(i)) for i, share in enumerate(weights.treatments)))
