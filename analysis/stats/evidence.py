"""One metric's evidence as a fold over windows: which ones count, and what they add. Draws no conclusion."""

from dataclasses import dataclass, replace

import numpy as np

from analysis.stats import harm, one_sample, promotion
from analysis.stats.better import is_asked
from analysis.stats.conditional import (
    RatioPoints,
    WindowLogs,
    ratio_points,
    turned,
    uses_exact_form,
    window_logs,
)
from analysis.stats.faults import metric_fault, reading_fault
from analysis.stats.harm import Harm
from analysis.stats.interval import GRID_RATIOS
from analysis.stats.mixture import BETTER_RATIOS, Floats
from analysis.stats.promotion import Promotion
from analysis.stats.tally import Tally
from engine.core.measure import (
    HistogramReading,
    Measured,
    Missing,
    MissingReason,
    Reading,
    Trials,
    TrialsReading,
)
from engine.core.model import Arm, Bound, Metric, MetricKind


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MetricEvidence:
    """State of one metric.

    A before/after check (see `settle`) keeps control's trials before the switch in its tally.

    Attributes:
        ratios: binomial-form log likelihood at the candidate risk ratios of the confidence sequence.
        bounds_s: the histogram's bucket bounds in the first window that counted; empty before and without.
        windows: how many counted; `exact_windows` of them in the exact form.
        warm_up_windows: measured during warm-up and not counted. missing_windows: gave nothing.
        missing: why the latest window gave nothing. distrust: why the latest window cannot be used.
        better: log likelihood ratios of the alternatives of being better, shape (5,); None where that is not
            asked.
    """

    name: str
    tally: Tally
    harm: Harm
    promotion: Promotion
    ratios: Floats
    bounds_s: tuple[float, ...] = ()
    windows: int = 0
    exact_windows: int = 0
    warm_up_windows: int = 0
    missing_windows: int = 0
    missing: Missing | None = None
    distrust: str = ""
    better: Floats | None = None


def nothing_yet(metric: Metric) -> MetricEvidence:
    """No evidence for this metric."""
    histogram = metric.kind is MetricKind.DISTRIBUTION
    tolerance = Bound() if metric.kind is MetricKind.THRESHOLD else metric.tolerance
    return MetricEvidence(
        name=metric.name,
        tally=Tally(),
        harm=harm.nothing_yet(tolerance, 0 if histogram else 1, histogram=histogram),
        promotion=promotion.nothing_yet(),
        ratios=np.zeros(len(GRID_RATIOS)),
        distrust=metric_fault(metric),
        better=_even_bets() if is_asked(metric) else None,
    )


def _even_bets() -> Floats:
    return np.zeros(len(BETTER_RATIOS))


def completed(metric: Metric, state: MetricEvidence) -> MetricEvidence:
    """With what evidence stored by earlier versions did not have."""
    begins = state.better is None and is_asked(metric)
    return replace(state, better=_even_bets()) if begins else state


def at_new_start(state: MetricEvidence) -> MetricEvidence:
    """With a new start point for harm."""
    started = harm.at_new_start(state.harm)
    return state if started is state.harm else replace(state, harm=started)


def at_new_step(state: MetricEvidence) -> MetricEvidence:
    """With the step's totals back at zero."""
    return replace(state, tally=state.tally.at_new_step())


def at_rest(metric: Metric, state: MetricEvidence) -> MetricEvidence:
    """State in a window that has nothing to say about the metric; a wrong declaration stays wrong."""
    fault = metric_fault(metric)
    unchanged = state.missing is None and state.distrust == fault
    return state if unchanged else replace(state, missing=None, distrust=fault)


def with_reading(metric: Metric, state: MetricEvidence, reading: Reading, *, warm_up: bool) -> MetricEvidence:
    """State after one window. Only a complete, trustworthy window after warm-up becomes evidence."""
    if isinstance(reading, Missing):
        return without(state, reading, warm_up=warm_up)
    distrust = metric_fault(metric) or reading_fault(metric, reading, state.bounds_s)
    if distrust:
        return replace(state, distrust=distrust, missing=None)
    empty = _no_traffic(metric, reading)
    if empty is not None:
        return without(state, empty, warm_up=warm_up)
    if warm_up:
        return in_warm_up(state)
    return _with_measured(metric, state, reading)


def _with_measured(metric: Metric, state: MetricEvidence, reading: Measured) -> MetricEvidence:
    if isinstance(reading, HistogramReading):
        return _with_histogram(metric, state, reading)
    if metric.kind is MetricKind.THRESHOLD and metric.limit is not None:
        return _with_threshold(state, reading, metric.limit)
    return _with_proportion(metric, state, reading)


def in_warm_up(state: MetricEvidence) -> MetricEvidence:
    """State after a good window that does not count."""
    return replace(state, distrust="", missing=None, warm_up_windows=state.warm_up_windows + 1)


def without(state: MetricEvidence, missing: Missing, *, warm_up: bool) -> MetricEvidence:
    """State after a window that gave nothing."""
    return replace(state, missing=missing, missing_windows=state.missing_windows + (not warm_up))


def _no_traffic(metric: Metric, reading: Measured) -> Missing | None:
    """A window without trials in an arm that is compared says nothing; it is not a zero."""
    empty = [] if reading.treatment.total else [Arm.TREATMENT]
    if metric.kind is not MetricKind.THRESHOLD and not reading.control.total:
        empty.append(Arm.CONTROL)
    if not empty:
        return None
    return Missing(
        reason=MissingReason.NO_TRAFFIC,
        detail=f"no trials in {' and '.join(empty)}",
        arm=empty[0] if len(empty) == 1 else None,
    )


def _with_proportion(metric: Metric, state: MetricEvidence, reading: TrialsReading) -> MetricEvidence:
    exact = _takes_exact_form(state.tally, reading)
    worse = turned(reading) if metric.higher_is_better else reading
    logs = window_logs(worse, _points(metric, state), exact=exact)
    return _counted(
        state,
        reading,
        harm=harm.with_counts(state.harm, metric.tolerance, worse, logs.harm),
        promotion=promotion.with_window(state.promotion, metric.margin, worse, logs.promote),
        ratios=state.ratios + (logs.grid[::-1] if metric.higher_is_better else logs.grid),
        exact=exact,
        better=_better(state, logs),
    )


def _points(metric: Metric, state: MetricEvidence) -> RatioPoints:
    return ratio_points(metric.tolerance, metric.margin, asks_better=state.better is not None)


def _better(state: MetricEvidence, logs: WindowLogs) -> Floats | None:
    return None if state.better is None else state.better + logs.better


def _with_threshold(state: MetricEvidence, reading: TrialsReading, limit: float) -> MetricEvidence:
    above, below = one_sample.increments(reading.treatment, limit)
    return _counted(
        state,
        reading,
        harm=harm.with_counts(state.harm, Bound(), reading, above),
        promotion=replace(state.promotion, logs=state.promotion.logs + below),
        ratios=state.ratios,
        exact=False,
    )


def _with_histogram(metric: Metric, state: MetricEvidence, reading: HistogramReading) -> MetricEvidence:
    before = state
    if not state.bounds_s:
        bounds_s = reading.control.bounds_s
        empty = harm.nothing_yet(metric.tolerance, len(bounds_s), histogram=True)
        before = replace(state, bounds_s=bounds_s, harm=empty)
    grown = harm.with_histogram(before.harm, metric.tolerance, reading)
    slower = slower_than_objective(metric, reading)
    if metric.slo_s is None:
        return _counted(
            before, slower, harm=grown, promotion=state.promotion, ratios=state.ratios, exact=False
        )
    exact = _takes_exact_form(state.tally, slower)
    logs = window_logs(slower, _points(metric, state), exact=exact)
    return _counted(
        before,
        slower,
        harm=grown,
        promotion=promotion.with_window(state.promotion, metric.margin, slower, logs.promote),
        ratios=state.ratios + logs.grid,
        exact=exact,
        better=_better(state, logs),
    )


def slower_than_objective(metric: Metric, reading: HistogramReading) -> TrialsReading:
    """Both arms' trials above the latency objective; none of them is bad where none is declared."""
    slo_s = metric.slo_s
    control, treatment = reading.control, reading.treatment
    return TrialsReading(
        control=Trials(bad=control.above(slo_s) if slo_s is not None else 0, total=control.total),
        treatment=Trials(bad=treatment.above(slo_s) if slo_s is not None else 0, total=treatment.total),
    )


def _takes_exact_form(earlier: Tally, reading: TrialsReading) -> bool:
    return uses_exact_form(
        earlier.control.bad + earlier.treatment.bad,
        earlier.control.total + earlier.treatment.total,
        reading.control.total + reading.treatment.total,
    )


def _counted(
    state: MetricEvidence,
    reading: TrialsReading,
    *,
    harm: Harm,
    promotion: Promotion,
    ratios: Floats,
    exact: bool,
    better: Floats | None = None,
) -> MetricEvidence:
    return MetricEvidence(
        name=state.name,
        tally=state.tally.plus(reading),
        harm=harm,
        promotion=promotion,
        ratios=ratios,
        bounds_s=state.bounds_s,
        windows=state.windows + 1,
        exact_windows=state.exact_windows + exact,
        warm_up_windows=state.warm_up_windows,
        missing_windows=state.missing_windows,
        better=better,
    )
