"""Which windows a metric counts: each belongs to one stage of the plan. Adds nothing up itself."""

from analysis.stats import evidence as fold
from analysis.stats import settle
from analysis.stats.evidence import MetricEvidence
from engine.core.measure import Observation, TrialsReading
from engine.core.model import Experiment, Metric
from engine.core.plan import Stage


def nothing_yet(metric: Metric) -> MetricEvidence:
    """No evidence for this metric."""
    return settle.nothing_yet(metric) if settle.compares_with_before(metric) else fold.nothing_yet(metric)


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
    return fold.with_reading(metric, state, reading, warm_up=observation.warm_up)
