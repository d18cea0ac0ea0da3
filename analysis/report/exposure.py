"""Whom each treatment served so far, warm-up included. Pure; probes are nobody."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from analysis.report.history import Split
from analysis.report.tallies import Counts, counts, total
from engine.core import wording
from engine.core.measure import Observation
from engine.core.model import Experiment, Metric, MetricKind, Unit
from engine.core.plan import Stage

_COUNTING = (
    {MetricKind.PROPORTION, MetricKind.THRESHOLD},
    {MetricKind.DISTRIBUTION},
    {MetricKind.MEAN},
)
"""Kinds that count trials, the most telling first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """Trials of `metric` that the treatment `variant` served, and bad ones among them.

    `treatment` is None as long as no window was measured; `unknown_windows` were not measured at all, those
    before there was anything to compare left out. `given` says whether it ever had traffic,
    `counted` what those ones are, bad or good. `metric` is empty where no metric counts trials.
    """

    metric: str
    unit: Unit
    treatment: Counts | None
    unknown_windows: int
    variant: str = ""
    given: bool = True
    counted: str = "bad"


def exposures(
    experiment: Experiment, observations: Sequence[Observation], path: Sequence[Split]
) -> tuple[Exposure, ...]:
    """One per treatment, by the first metric that counts errors of visitors, else by one that counts them."""
    visited = [each for each in experiment.metrics if each.stage is not Stage.PREVIEW] or experiment.metrics
    counting = [each for kinds in _COUNTING for each in visited if each.kind in kinds]
    if not counting:
        return tuple(
            _uncounted(visited[0].unit, name, given=_given(path, index))
            for index, name in enumerate(experiment.treatments)
        )
    declared = counting[0].measure or counting[0].name
    return tuple(
        _exposure(
            [
                each
                for each in visited
                if (each.measure or each.name) == declared and each.treatment_index == index
            ],
            observations,
            declared,
            name,
            given=_given(path, index),
        )
        for index, name in enumerate(experiment.treatments)
    )


def _given(path: Sequence[Split], index: int) -> bool:
    return any(split.shares[index : index + 1] > (0,) for split in path)


def _uncounted(unit: Unit, variant: str, *, given: bool) -> Exposure:
    return Exposure(metric="", unit=unit, treatment=None, unknown_windows=0, variant=variant, given=given)


def _exposure(
    metrics: Sequence[Metric],
    observations: Sequence[Observation],
    declared: str,
    variant: str,
    *,
    given: bool,
) -> Exposure:
    by_stage = {metric.stage: metric for metric in metrics}
    pairs = [
        counts(by_stage[observation.stage], observation)
        for observation in observations
        if observation.stage in by_stage
    ]
    measured = [_trials(metrics[0], pair[1]) for pair in pairs if pair is not None]
    return Exposure(
        metric=declared,
        unit=metrics[0].unit,
        treatment=total(measured),
        unknown_windows=len(pairs) - len(measured),
        variant=variant,
        given=given,
        counted=wording.counted_as(metrics[0]),
    )


def _trials(metric: Metric, counted: Counts) -> Counts:
    """Of a mean only how many values there were."""
    return replace(counted, bad=None) if metric.kind is MetricKind.MEAN else counted
