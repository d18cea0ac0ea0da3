"""Whom each treatment served so far, warm-up included. Pure; probes are nobody."""

from collections.abc import Sequence
from dataclasses import dataclass

from analysis.report.history import Split
from analysis.report.trace import Counts, counts, total
from engine.core import wording
from engine.core.measure import Observation
from engine.core.model import Experiment, Metric, MetricKind, Unit
from engine.core.plan import Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """Trials of `metric` that the treatment `variant` served, and bad ones among them.

    `treatment` is None as long as no window was measured; `unknown_windows` were not measured at all, those
    before there was anything to compare left out. `given` says whether it ever had traffic,
    `counted` what those ones are, bad or good.
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
    """One per treatment, by the first metric that counts errors of visitors."""
    visited = [each for each in experiment.metrics if each.stage is not Stage.PREVIEW] or experiment.metrics
    first = next((each for each in visited if each.kind is not MetricKind.DISTRIBUTION), visited[0])
    declared = first.measure or first.name
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
            given=any(split.shares[index : index + 1] > (0,) for split in path),
        )
        for index, name in enumerate(experiment.treatments)
    )


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
        counts(by_stage[observation.stage], observation.readings[by_stage[observation.stage].name])
        for observation in observations
        if observation.stage in by_stage
    ]
    measured = [pair[1] for pair in pairs if pair is not None]
    return Exposure(
        metric=declared,
        unit=metrics[0].unit,
        treatment=total(measured),
        unknown_windows=len(pairs) - len(measured),
        variant=variant,
        given=given,
        counted=wording.counted_as(metrics[0]),
    )
