"""Which windows a metric counts: each belongs to one stage of the plan. Adds nothing up itself."""

from analysis.stats import evidence as fold
from analysis.stats import pod_places, settle
from analysis.stats.evidence import MetricEvidence
from analysis.stats.monitor import State
from engine.core.measure import Observation, TrialsReading
from engine.core.model import Experiment, Metric
from engine.core.plan import Stage


def nothing_yet(metric: Metric) -> MetricEvidence:
    """No evidence for this metric."""
    return settle.nothing_yet(metric) if settle.compares_with_before(metric) else fold.nothing_yet(metric)


def fits(metric: Metric, state: MetricEvidence) -> bool:
    """Whether the state's sums are those that this metric keeps: stored ones may be of another version."""
    before_after = settle.compares_with_before(metric)
    empty = settle.nothing_yet(metric).sums if before_after else fold.watched(metric, state).start()
    scores = state.sums.blocks.information.shape[1]
    return _shapes(empty) == _shapes(state.sums) and pod_places.fits(state.sums.pods, state.pod_names, scores)


def _shapes(sums: State) -> list[tuple[int, ...]]:
    arrays = (sums.harm, sums.promote, sums.better, sums.effect, sums.memory, sums.totals, sums.step)
    return [array.shape for array in arrays]


def at_new_start(metric: Metric, state: MetricEvidence, part: float) -> MetricEvidence:
    """With a new start point for harm, on which `part` of what waits is bet."""
    begun = settle.at_new_start if settle.compares_with_before(metric) else fold.at_new_start
    return begun(metric, state, part)


def with_window(
    experiment: Experiment, metric: Metric, state: MetricEvidence, observation: Observation
) -> MetricEvidence:
    """State after one window.

    A metric of another stage than the window's is at rest, but for before/after checks: for those, control's
    trials before the switch are half of the comparison. A preview in which nothing was asked misses nothing.
    """
    stage = metric.stage
    if settle.compares_with_before(metric):
        return settle.with_window(metric, state, observation, experiment.alpha_rollback)
    if stage is not observation.stage:
        return fold.at_rest(metric, state)
    reading = observation.readings[metric.name]
    if stage is Stage.PREVIEW and isinstance(reading, TrialsReading) and not reading.treatment.total:
        return fold.at_rest(metric, state)
    share = planned_share(metric, observation)
    read = fold.with_reading(metric, state, reading, warm_up=observation.warm_up, share=share)
    # Among others a part may be named with little evidence of its own, so that any evidence has to be sound.
    alpha = 1.0 if metric.family else experiment.alpha_rollback
    return fold.unless_too_correlated(metric, read, alpha)


def planned_share(metric: Metric, observation: Observation) -> float | None:
    """The treatment's planned part of its own and control's traffic; None where weights are uncertain."""
    weights = observation.weights
    if weights is None:
        return None
    mine = weights.share(metric.treatment_index)
    both = mine + weights.control
    return mine / both if both else None
