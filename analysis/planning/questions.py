"""A metric's declaration as rules of `analysis.design`: what ends the run, and on which side.

Where more is better, a harmful release has fewer good trials. Then the arms change places: the "bad" trials
of the walk are good ones, and its treatment is control, whose share of them is too large.
"""

from dataclasses import dataclass
from math import log

import numpy as np

from analysis.design.rules import Rule
from analysis.design.traffic import Truth
from analysis.planning.traffic import Flow
from analysis.stats import mixture, prior, starts
from analysis.stats.methods import asks_better
from engine.core.model import Bound, Experiment, Metric

UNKNOWN_DISPERSION = 1.5
"""What a run pays at the least for a dispersion that it has to estimate itself, carefully, in requests."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One metric's rules.

    Attributes:
        harm: ends the run for harm in this metric alone. promotion: None where an absolute margin decides
            (see `absolute`), or where no margin says anything.
        gap: the absolute margin that decides promotion, 0 where a ratio does.
        effect: the worsening to be found, as a ratio. tolerated: the ratio that is not harm.
        worst: the ratio at which promotion is wrong. better: whether promotion takes being better.
        log_promote: log e-value at which "not worse" is shown.
        unknown_dispersion: what not knowing it costs (see `learning`).
    """

    metric: Metric
    flow: Flow
    harm: Rule
    promotion: Rule | None
    gap: float
    effect: float
    tolerated: float
    worst: float
    better: bool
    log_promote: float
    unknown_dispersion: float = UNKNOWN_DISPERSION

    @property
    def dispersion(self) -> float:
        """As declared, else what not knowing it costs; at least 1."""
        return max(1.0, self.metric.dispersion or self.unknown_dispersion)

    @property
    def swapped(self) -> bool:
        """Whether the arms change places."""
        return self.metric.higher_is_better

    def truth(self, ratio: float) -> Truth:
        """A release that is worse than control by this ratio."""
        base = self.flow.base_rate
        rate = base / ratio if self.swapped else base
        return Truth(base_rate=rate, ratio=ratio, dispersion=self.dispersion)

    def rate(self, ratio: float) -> float:
        """The treatment's share of bad (good) trials in such a release."""
        return self.flow.base_rate / ratio if self.swapped else self.flow.base_rate * ratio

    def is_possible(self, ratio: float) -> bool:
        """Whether there can be such a release: shares end at 1."""
        return self.rate(ratio) <= 1.0


def question_of(experiment: Experiment, metric: Metric, flow: Flow) -> Question:
    """What a run of this experiment asks of the metric."""
    tolerated = _ratio(metric.tolerance, flow.base_rate, swapped=metric.higher_is_better)
    effect = prior.declared_ratio(metric)
    worst = _ratio(metric.margin, flow.base_rate, swapped=metric.higher_is_better)
    better = experiment.plan.needs_better and asks_better(metric)
    gap = 0.0 if better or metric.higher_is_better else _deciding_gap(metric.margin, flow.base_rate)
    return Question(
        metric=metric,
        flow=flow,
        harm=_harm(metric, tolerated, effect, experiment.alpha_rollback),
        promotion=_better(experiment) if better else _not_worse(metric, worst, gap, experiment.alpha_promote),
        gap=gap,
        effect=effect,
        tolerated=tolerated,
        worst=1.0 if better else worst,
        better=better,
        log_promote=-log(experiment.alpha_promote),
    )


def _harm(metric: Metric, tolerated: float, effect: float, alpha_rollback: float) -> Rule:
    """The run's e-value is an average: a metric of weight w crosses alone at 1 / (alpha w)."""
    if metric.tolerance.absolute:
        beyond = np.exp(prior.STEPS * log(max(effect, 1.1)))
        ratios = tuple((tolerated * beyond).tolist())
    else:
        ratios = prior.alternatives(tolerated, effect).ratios
    return Rule(
        ratios=ratios,
        log_weights=tuple(prior.LOG_WEIGHTS.tolist()),
        null_ratio=tolerated,
        log_threshold=-log(alpha_rollback * metric.weight),
        first_start_weight=starts.FIRST,
    )


def _not_worse(metric: Metric, worst: float, gap: float, alpha_promote: float) -> Rule | None:
    if gap or worst <= 1.0:
        return None
    relative = metric.margin.relative
    return Rule(
        ratios=tuple(mixture.PROMOTE_RATIOS.tolist()),
        log_weights=tuple(mixture.PROMOTE_LOG_WEIGHTS.tolist()),
        null_ratio=worst if not relative else 1.0 + relative,
        log_threshold=-log(alpha_promote),
    )


def _better(experiment: Experiment) -> Rule:
    """Being better is not being as bad as control; Holm over treatments and objectives."""
    asked = sum(asks_better(metric) for metric in experiment.metrics)
    return Rule(
        ratios=tuple((1.0 / mixture.BETTER_RATIOS).tolist()),
        log_weights=tuple(mixture.BETTER_LOG_WEIGHTS.tolist()),
        null_ratio=1.0,
        log_threshold=log(asked / experiment.alpha_promote),
    )


def _ratio(bound: Bound, base_rate: float, *, swapped: bool) -> float:
    """The ratio that a bound means at this base rate."""
    if not swapped:
        return bound.limit_for(base_rate) / base_rate
    by_gap = base_rate / max(base_rate - (bound.absolute or 0.0), 0.01 * base_rate)
    return max(1.0 + (bound.relative or 0.0), by_gap)


def _deciding_gap(margin: Bound, base_rate: float) -> float:
    """The absolute margin where it decides: where the relative one is not more than twice as wide."""
    gap = margin.absolute or 0.0
    return gap if base_rate * (margin.relative or 0.0) <= 2.0 * gap else 0.0
