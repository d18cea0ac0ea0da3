"""Before and after the switch: harm when the treatment, with all traffic, is worse than control was before.

Nothing is concurrent here: a change of conditions at the switch looks like harm. So this may only take
traffic away, and claims nothing in the treatment's favour.

Control's share of bad trials before the switch has an upper confidence bound, valid at any time of the
switch; the tolerance above that bound is the limit that the treatment's trials are tested against, one
sample, as in `one_sample`. Each metric has its part of alpha_rollback (its weight times it) and spends half
of it on the bound and half on the test, whose e-value therefore counts half: a false rollback takes a bound
that is missed or a halved e-process that crosses, each with probability at most half the part.
"""

from dataclasses import replace
from math import log

import numpy as np

from analysis.stats import evidence as fold
from analysis.stats import harm, one_sample
from analysis.stats.evidence import MetricEvidence, slower_than_objective
from analysis.stats.faults import metric_fault, reading_fault
from analysis.stats.harm import Harm
from analysis.stats.interval import share_interval
from analysis.stats.mixture import HARM_RATIOS, Floats
from engine.core.measure import (
    HistogramReading,
    Measured,
    Missing,
    MissingReason,
    Observation,
    Trials,
    TrialsReading,
)
from engine.core.model import Arm, Bound, Metric, MetricKind
from engine.core.plan import Stage
from engine.core.verdict import Effect

_LOG_TWO = log(2.0)
_NO_TRIALS = Trials(bad=0, total=0)
_UNKNOWN = Missing(
    reason=MissingReason.NO_TRAFFIC,
    detail="control had no trials before the switch that the treatment could be compared with",
)


def compares_with_before(metric: Metric) -> bool:
    """Whether the metric is a before/after check; a threshold that is settling has its own limit."""
    return metric.stage is Stage.SETTLE and metric.kind is not MetricKind.THRESHOLD


def nothing_yet(metric: Metric) -> MetricEvidence:
    """No evidence."""
    return replace(fold.nothing_yet(metric), harm=harm.nothing_yet(Bound(), 1, histogram=False))


def with_window(
    metric: Metric, state: MetricEvidence, observation: Observation, alpha_rollback: float
) -> MetricEvidence:
    """State after one window: control's trials count before the switch, the treatment's after it."""
    if observation.stage is not Stage.SETTLE:
        return _with_before(metric, state, observation)
    reading = observation.readings[metric.name]
    if isinstance(reading, Missing):
        return fold.without(state, reading, warm_up=observation.warm_up)
    distrust = metric_fault(metric) or reading_fault(metric, reading, ())
    if distrust:
        return replace(state, distrust=distrust, missing=None)
    treatment = _counts(metric, reading).treatment
    missing = _not_comparable(state, treatment)
    if missing is not None:
        return fold.without(state, missing, warm_up=observation.warm_up)
    if observation.warm_up:
        return fold.in_warm_up(state)
    return _with_after(metric, state, treatment, alpha_rollback)


def effect(state: MetricEvidence, alpha: float) -> Effect:
    """The treatment's share over control's before; the interval takes both as constant in time."""
    control, treatment = state.tally.control, state.tally.treatment
    if not control.total or not treatment.total:
        return Effect(measure="risk ratio", estimate=None, low=None, high=None, alpha=alpha)
    low_c, high_c = share_interval(control.bad, control.total, alpha / 2)
    low_t, high_t = share_interval(treatment.bad, treatment.total, alpha / 2)
    return Effect(
        measure="risk ratio",
        estimate=(treatment.bad / treatment.total) / (control.bad / control.total) if control.bad else None,
        low=low_t / high_c if low_t else None,
        high=high_t / low_c if low_c else None,
        alpha=alpha,
    )


def difference(state: MetricEvidence) -> float | None:
    """The treatment's share minus control's before; None until both are known."""
    control, treatment = state.tally.control.rate, state.tally.treatment.rate
    return None if control is None or treatment is None else treatment - control


def limit(metric: Metric, before: Trials, alpha: float) -> float:
    """Largest share of trials gone wrong that is no harm, at most 1 (then nothing is).

    Where higher is better, `bad` counts good trials, and those that are not good have gone wrong.
    `alpha` bounds the probability that control's share lies beyond the bound that is used.
    """
    low, high = share_interval(before.bad, before.total, alpha)
    tolerance = metric.tolerance
    if not metric.higher_is_better:
        return min(1.0, tolerance.limit_for(high))
    fewest_good = min(low / (1.0 + (tolerance.relative or 0.0)), low - (tolerance.absolute or 0.0))
    return min(1.0, 1.0 - fewest_good)


def _with_before(metric: Metric, state: MetricEvidence, observation: Observation) -> MetricEvidence:
    """With control's trials while it serves; nothing is missing here, as nothing is compared yet."""
    rested = fold.at_rest(metric, state)
    reading = observation.readings[metric.name]
    if isinstance(reading, Missing) or observation.warm_up or reading_fault(metric, reading, ()):
        return rested
    control = _counts(metric, reading).control
    if not control.total:
        return rested
    return replace(rested, tally=state.tally.plus(TrialsReading(control=control, treatment=_NO_TRIALS)))


def _with_after(
    metric: Metric, state: MetricEvidence, treatment: Trials, alpha_rollback: float
) -> MetricEvidence:
    before = Trials(bad=state.tally.control.bad, total=state.tally.control.total)
    part = alpha_rollback * (metric.weight if metric.decides and metric.weight > 0.0 else 1.0)
    worst_fine = limit(metric, before, part / 2)
    reading = TrialsReading(control=_NO_TRIALS, treatment=treatment)
    grown = harm.with_counts(state.harm, Bound(), reading, _logs(metric, treatment, worst_fine))
    return replace(
        state,
        tally=state.tally.plus(reading),
        harm=_halved(state.harm, grown),
        windows=state.windows + 1,
        missing=None,
        distrust="",
    )


def _logs(metric: Metric, treatment: Trials, worst_fine: float) -> Floats:
    """Log likelihood ratios of shares above the limit, shape (4,); where all is fine, no bet is made."""
    if worst_fine >= 1.0:
        return np.zeros(len(HARM_RATIOS))
    wrong = treatment.total - treatment.bad if metric.higher_is_better else treatment.bad
    return one_sample.increments(Trials(bad=wrong, total=treatment.total), worst_fine)[0]


def _halved(before: Harm, grown: Harm) -> Harm:
    log_e = grown.log_e - _LOG_TWO
    return replace(grown, log_e=log_e, log_e_max=max(before.log_e_max, log_e))


def _not_comparable(state: MetricEvidence, treatment: Trials) -> Missing | None:
    if not state.tally.control.total:
        return _UNKNOWN
    if treatment.total:
        return None
    return Missing(reason=MissingReason.NO_TRAFFIC, detail=f"no trials in {Arm.TREATMENT}", arm=Arm.TREATMENT)


def _counts(metric: Metric, reading: Measured) -> TrialsReading:
    return slower_than_objective(metric, reading) if isinstance(reading, HistogramReading) else reading
