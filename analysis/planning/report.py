"""The plan of an experiment as a value: what a launch would take and risk, metric by metric.

Each metric is planned as if only it were harmed: the run's evidence is an average, so the others count as 1.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from math import exp

import numpy as np

from analysis.design.threshold import calibrated_threshold
from analysis.planning.fates import Ends, Fate, fate_of
from analysis.planning.learning import price
from analysis.planning.questions import Question, question_of
from analysis.planning.schedule import Phase, Schedule, only_step, schedule_of
from analysis.planning.traffic import Flow, NoFlow, is_planned
from engine.core.model import Experiment, Metric

POWER = 0.8
"""Requests "needed" give this probability."""
RELEASES_PER_YEAR = 250.0
_CURVE_RATIOS = (0.8, 0.9, 1.0, 1.1, 1.2, 1.3, 1.4, 1.5, 1.7, 2.0, 2.5, 3.0, 4.0)
_SAME = 1e-3
_FEWEST_ERRORS, _MOST_ERRORS = 10.0, 50_000.0
"""Of a run that reaches its horizon: with so many a threshold is calibrated."""


class Quality(StrEnum):
    """Releases that a plan asks about."""

    BETTER = "better"
    """Better by the declared effect; asked where promotion takes being better."""
    SAME = "same"
    TOLERATED = "tolerated"
    """As bad as the tolerance allows: the worst that is not harm."""
    EFFECT = "effect"
    TWICE = "twice_the_effect"
    MARGIN = "margin"
    """Worse by the margin: the best that must not be promoted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleasePlan:
    """What becomes of a release of one quality. `rate` is its share of bad (good) trials."""

    quality: Quality
    ratio: float
    rate: float
    fate: Fate


@dataclass(frozen=True, slots=True, kw_only=True)
class StepPlan:
    """One step of the plan for one metric.

    Attributes:
        starts_s: seconds after launch at which the step begins at the earliest.
        rollback: treatment trials and seconds at this weight alone until a release with the declared effect
            is rolled back with probability `POWER`; None where the horizon ends before.
        promotion: the same until a release that is as good as control (for `better`: better by the effect)
            is promoted.
        quiet_rollback_s, quiet_promotion_s: seconds in the quietest hour of the day, where known.
        found_by_end: probability that the declared effect is rolled back before this step ends.
    """

    phase: Phase
    starts_s: float
    rollback: tuple[float, float] | None
    promotion: tuple[float, float] | None
    quiet_rollback_s: float | None
    quiet_promotion_s: float | None
    found_by_end: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Characteristic:
    """Final chances over the true ratio of treatment to control (turned round where more is better)."""

    ratios: tuple[float, ...]
    rollback: tuple[float, ...]
    promotion: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricPlan:
    """The plan of one metric.

    Attributes:
        calibrated_log_threshold: log e-value whose false-rollback rate up to the horizon, and no further, is
            the metric's part of alpha_rollback, at most the valid one; None where bad trials are too few to
            say anything, or so many that it would not be worth the wait.
    """

    question: Question
    schedule: Schedule
    steps: tuple[StepPlan, ...]
    releases: tuple[ReleasePlan, ...]
    characteristic: Characteristic
    calibrated_log_threshold: float | None
    horizon_s: float

    @property
    def metric(self) -> Metric:
        """What is planned."""
        return self.question.metric

    def release(self, quality: Quality) -> ReleasePlan | None:
        """The release of this quality, None where it was not asked about."""
        return next((each for each in self.releases if each.quality is quality), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unplanned:
    """A deciding metric that is not planned, and why."""

    metric: Metric
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanReport:
    """The plan of an experiment.

    Attributes:
        false_rollbacks: expected number a year of releases as good as control that are rolled back for harm
            in a planned metric; `promised` is the most that alpha_rollback allows.
    """

    experiment: Experiment
    metrics: tuple[MetricPlan, ...]
    unplanned: tuple[Unplanned, ...]
    releases_per_year: float

    @property
    def false_rollbacks(self) -> float:
        """See above; by the union bound over metrics."""
        found = [metric.release(Quality.SAME) for metric in self.metrics]
        chances = sum(each.fate.rollback.probability for each in found if each is not None)
        return self.releases_per_year * min(chances, self.experiment.alpha_rollback)

    @property
    def promised(self) -> float:
        """False rollbacks a year that are never exceeded on average."""
        return self.releases_per_year * self.experiment.alpha_rollback


def plan(
    experiment: Experiment,
    flows: Mapping[str, Flow | NoFlow],
    *,
    effect: float | None = None,
    releases_per_year: float = RELEASES_PER_YEAR,
) -> PlanReport:
    """The plan of every deciding metric that is a share of bad trials.

    Args:
        experiment: what would be launched.
        flows: by a metric's declared name what its trials are like.
        effect: a worsening to plan for in place of each metric's own, as a fraction of control.
        releases_per_year: like this one.

    Raises:
        ValueError: no step splits traffic, or an effect is not above 0.
    """
    if effect is not None and effect <= 0.0:
        raise ValueError("an effect above 0%, such as 50%")
    metrics, unplanned = list[MetricPlan](), list[Unplanned]()
    for metric in [each for each in experiment.metrics if each.decides]:
        flow = flows.get(metric.measure or metric.name, NoFlow(reason="its traffic is not known"))
        if not is_planned(metric):
            unplanned.append(Unplanned(metric=metric, reason=_why_not(metric)))
        elif isinstance(flow, NoFlow):
            unplanned.append(Unplanned(metric=metric, reason=flow.reason))
        else:
            asked = metric if effect is None else replace(metric, effect=effect)
            metrics.append(_metric_plan(experiment, asked, flow))
    return PlanReport(
        experiment=experiment,
        metrics=tuple(metrics),
        unplanned=tuple(unplanned),
        releases_per_year=releases_per_year,
    )


def _why_not(metric: Metric) -> str:
    return (
        f"plans are of shares of bad trials while both variants serve; this is {metric.kind}, {metric.stage}"
    )


def _metric_plan(experiment: Experiment, metric: Metric, flow: Flow) -> MetricPlan:
    question = question_of(experiment, metric, flow)
    schedule = schedule_of(
        experiment, flow.rate_per_s, metric.treatment_index, swapped=metric.higher_is_better
    ).up_to_errors(flow.base_rate)
    learned = partial(price, question, rate_per_s=flow.rate_per_s, interval_s=experiment.interval_s)
    question = replace(question, unknown_dispersion=learned(schedule.phases[-1]))
    fate = partial(fate_of, question, interval_s=experiment.interval_s)
    releases = tuple(
        ReleasePlan(
            quality=quality, ratio=ratio, rate=question.rate(ratio), fate=fate(schedule=schedule, ratio=ratio)
        )
        for quality, ratio in _qualities(question)
    )
    ratios = [ratio for ratio in _CURVE_RATIOS if question.is_possible(ratio)]
    ends = [fate(schedule=schedule, ratio=ratio) for ratio in ratios]
    return MetricPlan(
        question=question,
        schedule=schedule,
        steps=_steps(question, schedule, learned, experiment.interval_s, releases),
        releases=releases,
        characteristic=Characteristic(
            ratios=tuple(ratios),
            rollback=tuple(each.rollback.probability for each in ends),
            promotion=tuple(each.promotion.probability for each in ends),
        ),
        calibrated_log_threshold=_calibrated(question, schedule, experiment.interval_s),
        horizon_s=experiment.horizon_s,
    )


def _calibrated(question: Question, schedule: Schedule, interval_s: float) -> float | None:
    base_rate = question.truth(question.tolerated).base_rate
    traffic = schedule.traffic(base_rate, interval_s)
    if not _FEWEST_ERRORS <= base_rate * traffic.total_requests <= _MOST_ERRORS:
        return None
    return calibrated_threshold(question.harm, exp(-question.harm.log_threshold), traffic, base_rate)


def _qualities(question: Question) -> list[tuple[Quality, float]]:
    """Each different release once, from the best to the worst."""
    asked = [
        (Quality.SAME, 1.0),
        (Quality.TOLERATED, question.tolerated),
        (Quality.EFFECT, question.effect),
        (Quality.TWICE, 2.0 * question.effect - 1.0),
        *(
            [(Quality.BETTER, 1.0 / question.effect)]
            if question.better
            else [(Quality.MARGIN, question.worst)]
        ),
    ]
    kept: list[tuple[Quality, float]] = []
    for quality, ratio in asked:
        if question.is_possible(ratio) and all(abs(ratio - other) > _SAME for _, other in kept):
            kept.append((quality, ratio))
    return sorted(kept, key=lambda each: each[1])


def _steps(
    question: Question,
    schedule: Schedule,
    learned: Callable[[Phase], float],
    interval_s: float,
    releases: Sequence[ReleasePlan],
) -> tuple[StepPlan, ...]:
    effect = next((each for each in releases if abs(each.ratio - question.effect) <= _SAME), None)
    starts_s, steps = 0.0, list[StepPlan]()
    quiet = question.flow.slowdown
    for phase in schedule.phases:
        alone = only_step(schedule, phase)
        here = replace(question, unknown_dispersion=learned(phase))
        fate = partial(fate_of, here, interval_s=interval_s)
        harmful = (
            None
            if effect is None
            else _needed(fate(schedule=alone, ratio=effect.ratio, may_promote=False).rollbacks, alone)
        )
        good = _needed(
            fate(schedule=alone, ratio=1.0 / question.effect if question.better else 1.0).promotions, alone
        )
        ends_s = starts_s + phase.seconds
        steps.append(
            StepPlan(
                phase=phase,
                starts_s=starts_s,
                rollback=harmful,
                promotion=good,
                quiet_rollback_s=harmful[1] * quiet if harmful and quiet else None,
                quiet_promotion_s=good[1] * quiet if good and quiet else None,
                found_by_end=0.0
                if effect is None
                else float(effect.fate.rollbacks.by(np.array([ends_s]))[0]),
            )
        )
        starts_s = ends_s
    return tuple(steps)


def _needed(ends: Ends, schedule: Schedule) -> tuple[float, float] | None:
    """Treatment trials and seconds by which runs have ended so with probability `POWER`."""
    reached = np.cumsum(ends.chances)
    if not len(reached) or reached[-1] < POWER:
        return None
    at_s = ends.at_s[int(np.searchsorted(reached, POWER))]
    return float(schedule.treatment_by(np.array([at_s]))[0]), float(at_s)
