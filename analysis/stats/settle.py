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
from analysis.stats.counts import TrialCounts
from analysis.stats.evidence import MetricEvidence
from analysis.stats.faults import metric_fault, reading_fault
from analysis.stats.interval import share_interval
from analysis.stats.mixture import Floats
from analysis.stats.monitor import Monitor, State
from analysis.stats.one_sample import OneSampleMethod
from analysis.stats.reading import slower_than_objective
from engine.core.measure import (
    HistogramReading,
    Measured,
    Missing,
    MissingReason,
    Observation,
    Trials,
    TrialsReading,
)
from engine.core.model import Arm, Metric, MetricKind
from engine.core.plan import Stage
from engine.core.verdict import Effect

_LOG_TWO = log(2.0)
_ANY_LIMIT = 0.5
"""Sums and starts are of the same form for every limit."""
_UNKNOWN = Missing(
    reason=MissingReason.NO_TRAFFIC,
    detail="control had no trials before the switch that the treatment could be compared with",
)


def compares_with_before(metric: Metric) -> bool:
    """Whether the metric is a before/after check; a threshold that is settling has its own limit."""
    return metric.stage is Stage.SETTLE and metric.kind is not MetricKind.THRESHOLD


def nothing_yet(metric: Metric) -> MetricEvidence:
    """No evidence."""
    return MetricEvidence(
        name=metric.name, sums=_monitor(metric, _ANY_LIMIT).start(), distrust=metric_fault(metric)
    )


def at_new_start(metric: Metric, state: MetricEvidence, part: float) -> MetricEvidence:
    """With a new start point for harm, on which `part` of what waits is bet."""
    return replace(state, sums=_monitor(metric, _ANY_LIMIT).with_start(state.sums, part))


def _monitor(metric: Metric, worst_fine: float) -> Monitor:
    """Tests the treatment's trials against a limit; conditions may swing, which is said, not tested."""
    method = OneSampleMethod(limit=worst_fine)
    return Monitor(method=method, dispersion=metric.dispersion, ratio_matters=False, most_swing=0.0)


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
    control, treatment = state.control, state.treatment
    if not control.total or not treatment.total:
        return Effect(measure="risk ratio", estimate=None, low=None, high=None, alpha=alpha)
    varies = float(state.sums.dispersion[0])
    low_c, high_c = share_interval(control.bad / varies, control.total / varies, alpha / 2)
    low_t, high_t = share_interval(treatment.bad / varies, treatment.total / varies, alpha / 2)
    return Effect(
        measure="risk ratio",
        estimate=(treatment.bad / treatment.total) / (control.bad / control.total) if control.bad else None,
        low=low_t / high_c if low_t else None,
        high=high_t / low_c if low_c else None,
        alpha=alpha,
    )


def difference(state: MetricEvidence) -> float | None:
    """The treatment's share minus control's before; None until both are known."""
    control, treatment = state.control.rate, state.treatment.rate
    return None if control is None or treatment is None else treatment - control


def limit(metric: Metric, before: Trials, alpha: float, dispersion: float = 1.0) -> float:
    """Largest share of trials gone wrong that is no harm, at most 1 (then nothing is).

    Where higher is better, `bad` counts good trials, and those that are not good have gone wrong.
    `alpha` bounds the probability that control's share lies beyond the bound that is used. Trials that vary
    `dispersion` times as much as independent ones are worth as many fewer.
    """
    low, high = share_interval(before.bad / dispersion, before.total / dispersion, alpha)
    tolerance = metric.tolerance
    if not metric.higher_is_better:
        return min(1.0, tolerance.limit_for(high))
    fewest_good = min(low / (1.0 + (tolerance.relative or 0.0)), low - (tolerance.absolute or 0.0))
    return min(1.0, 1.0 - fewest_good)


def _with_before(metric: Metric, state: MetricEvidence, observation: Observation) -> MetricEvidence:
    """With control's trials while it serves; nothing is missing here, as nothing is compared yet."""
    rested = fold.at_rest(metric, state)
    reading = observation.readings[metric.name]
    if isinstance(reading, Missing) or observation.warm_up or rested.distrust:
        return rested
    if reading_fault(metric, reading, ()):
        return rested
    control = _counts(metric, reading).control
    if not control.total:
        return rested
    seen = np.zeros_like(state.sums.totals)
    seen[0, 2:4] = control.bad, control.total
    return replace(rested, sums=replace(state.sums, totals=state.sums.totals + seen))


def _with_after(
    metric: Metric, state: MetricEvidence, treatment: Trials, alpha_rollback: float
) -> MetricEvidence:
    control, before = state.control, state.sums
    part = alpha_rollback * (metric.weight if metric.decides and metric.weight > 0.0 else 1.0)
    counted = Trials(bad=int(control.bad), total=int(control.total))
    worst_fine = limit(metric, counted, part / 2, float(before.dispersion[0]))
    wrong = treatment.total - treatment.bad if metric.higher_is_better else treatment.bad
    earlier = replace(before, totals=_wrong_totals(metric, before.totals))
    if worst_fine < 1.0:
        grown = _monitor(metric, worst_fine).update(earlier, _trials(wrong, treatment.total))
    else:
        grown = _monitor(metric, _ANY_LIMIT).update(earlier, _trials(0, 0))
    totals = before.totals.copy()
    totals[0, :2] += treatment.bad, treatment.total
    after = _halved(before, replace(grown, totals=totals, promote=before.promote))
    return replace(state, sums=after, missing=None, distrust="")


def _wrong_totals(metric: Metric, totals: Floats) -> Floats:
    """Totals in which the treatment's bad trials are those gone wrong, as the monitor is told."""
    if not metric.higher_is_better:
        return totals
    wrong = totals.copy()
    wrong[:, 0] = totals[:, 1] - totals[:, 0]
    return wrong


def _trials(wrong: int, total: int) -> TrialCounts:
    nothing = np.zeros(1)
    return TrialCounts(
        bad_t=np.array([float(wrong)]), n_t=np.array([float(total)]), bad_c=nothing, n_c=nothing
    )


def _halved(before: State, grown: State) -> State:
    """Half of alpha is spent on the bound: the e-value of the test counts half."""
    log_e = grown.log_e_harm - _LOG_TWO
    return replace(grown, log_e_harm=log_e, log_e_harm_max=np.maximum(before.log_e_harm_max, log_e))


def _not_comparable(state: MetricEvidence, treatment: Trials) -> Missing | None:
    if not state.control.total:
        return _UNKNOWN
    if treatment.total:
        return None
    return Missing(reason=MissingReason.NO_TRAFFIC, detail=f"no trials in {Arm.TREATMENT}", arm=Arm.TREATMENT)


def _counts(metric: Metric, reading: Measured) -> TrialsReading:
    if isinstance(reading, HistogramReading):
        return slower_than_objective(metric, reading)
    if not isinstance(reading, TrialsReading):
        msg = f"no trials: {type(reading).__name__}"
        raise TypeError(msg)
    return reading
