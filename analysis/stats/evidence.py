"""One metric of a live run: which windows count, and what is kept besides sums. Draws no conclusion."""

from dataclasses import dataclass, replace
from math import log

from analysis.stats.faults import metric_fault, reading_fault
from analysis.stats.methods import asks_better, monitor_of
from analysis.stats.monitor import Monitor, State
from analysis.stats.pod_places import Names, placed
from analysis.stats.reading import counts_of, idle_arms
from engine.core.measure import HistogramReading, Measured, Missing, MissingReason, Reading
from engine.core.model import Metric, MetricKind
from engine.core.verdict import ArmSummary

_TOO_LONG = (
    "windows stay alike for too long: blocks of 64 vary {:.1f} times as much as short ones, so that a swing"
    " cannot be told from harm; run `rampwise calibrate` and declare the dispersion, or use longer windows"
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MetricEvidence:
    """State of one metric; arrays have a leading axis of one run.

    A before/after check (see `settle`) keeps control's trials before the switch in its totals.

    Attributes:
        sums: what its monitor keeps.
        bounds_s: the histogram's bucket bounds in the first window that counted; empty before and without.
        warm_up_windows: measured during warm-up and not counted. missing_windows: gave nothing.
        missing: why the latest window gave nothing. distrust: why the latest window cannot be used.
        pods: the fewest pods of an arm in the windows counted; None where the series do not tell.
        pod_names: whose sums are kept apart, of control and of the treatment.
    """

    name: str
    sums: State
    bounds_s: tuple[float, ...] = ()
    warm_up_windows: int = 0
    missing_windows: int = 0
    missing: Missing | None = None
    distrust: str = ""
    pods: int | None = None
    pod_names: tuple[Names, Names] = ((), ())

    @property
    def windows(self) -> int:
        """How many counted."""
        return int(self.sums.windows[0])

    @property
    def log_e_harm(self) -> float:
        """Log e-value against "not worse than the tolerance", now."""
        return float(self.sums.log_e_harm[0])

    @property
    def log_e_harm_max(self) -> float:
        """Its largest value so far."""
        return float(self.sums.log_e_harm_max[0])

    @property
    def treatment(self) -> ArmSummary:
        """The treatment's totals."""
        return self._arm(0)

    @property
    def control(self) -> ArmSummary:
        """Control's totals."""
        return self._arm(2)

    @property
    def ratio(self) -> float | None:
        """Treatment over control within windows (Mantel-Haenszel); None while control's is zero."""
        treatment, control = self.sums.totals[0, 4:6].tolist()
        return treatment / control if control else None

    @property
    def difference(self) -> float | None:
        """Treatment minus control within windows (Mantel-Haenszel), in the metric's unit, or None."""
        treatment, control, pairs = self.sums.totals[0, 4:].tolist()
        return (treatment - control) / pairs if pairs else None

    def _arm(self, first: int) -> ArmSummary:
        bad, total = self.sums.totals[0, first : first + 2].tolist()
        step_bad, step_total = self.sums.step[0, first : first + 2].tolist()
        return ArmSummary(
            bad=_whole(bad),
            total=_whole(total),
            step_bad=_whole(bad - step_bad),
            step_total=_whole(total - step_total),
        )


def _whole(number: float) -> float:
    """Counts as the integers they are."""
    return int(number) if number == int(number) else number


def watched(metric: Metric, state: MetricEvidence) -> Monitor:
    """The monitor that keeps the state's sums."""
    return monitor_of(metric, len(state.bounds_s))


def nothing_yet(metric: Metric) -> MetricEvidence:
    """No evidence for this metric."""
    return MetricEvidence(name=metric.name, sums=monitor_of(metric).start(), distrust=metric_fault(metric))


def at_new_start(metric: Metric, state: MetricEvidence, part: float) -> MetricEvidence:
    """With a new start point for harm, on which `part` of what waits is bet.

    Before the first window no bet has lost anything, so that none is opened.
    """
    if not state.windows:
        return state
    return replace(state, sums=watched(metric, state).with_start(state.sums, part))


def at_new_step(metric: Metric, state: MetricEvidence) -> MetricEvidence:
    """With the step's totals back at zero."""
    return replace(state, sums=watched(metric, state).with_step(state.sums))


def at_rest(metric: Metric, state: MetricEvidence) -> MetricEvidence:
    """State in a window that has nothing to say about the metric; a wrong declaration stays wrong."""
    fault = metric_fault(metric)
    unchanged = state.missing is None and state.distrust == fault
    return state if unchanged else replace(state, missing=None, distrust=fault)


def with_reading(
    metric: Metric, state: MetricEvidence, reading: Reading, *, warm_up: bool, share: float | None = None
) -> MetricEvidence:
    """State after one window. Only a complete, trustworthy window after warm-up becomes evidence.

    `share` is the treatment's planned part of both arms' traffic; None where it is uncertain.
    """
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
    if metric.kind is MetricKind.COUNT and not (share and share < 1.0):
        return at_rest(metric, state)
    return _with_measured(metric, state, reading, share)


def _with_measured(
    metric: Metric, state: MetricEvidence, reading: Measured, share: float | None
) -> MetricEvidence:
    before = state
    if isinstance(reading, HistogramReading) and not state.bounds_s:
        bounds_s = reading.control.bounds_s
        before = replace(state, bounds_s=bounds_s, sums=monitor_of(metric, len(bounds_s)).start())
    monitor = watched(metric, before)
    scores = monitor.method.widths.scores
    by_pod, names, single = placed(before.sums.pods, before.pod_names, reading.by_pod, scores)
    known = replace(before.sums, pods=by_pod)
    after = monitor.update(known, counts_of(metric, reading, share), pods=single)
    pods = None if reading.pods is None else min(reading.pods)
    return replace(
        before,
        sums=after,
        pod_names=names,
        missing=None,
        distrust="",
        pods=pods if state.pods is None else min(state.pods, state.pods if pods is None else pods),
    )


def in_warm_up(state: MetricEvidence) -> MetricEvidence:
    """State after a good window that does not count."""
    return replace(state, distrust="", missing=None, warm_up_windows=state.warm_up_windows + 1)


def without(state: MetricEvidence, missing: Missing, *, warm_up: bool) -> MetricEvidence:
    """State after a window that gave nothing."""
    return replace(state, missing=missing, missing_windows=state.missing_windows + (not warm_up))


def log_e_promote(metric: Metric, state: MetricEvidence) -> float:
    """Log e-value against "worse by the margin or more" (threshold: "at or above the limit"), now."""
    return float(watched(metric, state).log_e_promote(state.sums)[0]) if state.windows else 0.0


def log_e_better(metric: Metric, state: MetricEvidence) -> float | None:
    """Log e-value against "not better than control", now; None where that is not asked."""
    if not asks_better(metric):
        return None
    return float(watched(metric, state).log_e_better(state.sums)[0]) if state.windows else 0.0


def unless_too_correlated(metric: Metric, state: MetricEvidence, alpha_rollback: float) -> MetricEvidence:
    """State with distrust where it would alarm although its windows stay correlated for too long.

    A swing that lasts looks like harm. Where nothing would be rolled back, it does no harm itself.
    """
    alarming = state.log_e_harm >= -log(alpha_rollback)
    if not alarming or state.distrust or not watched(metric, state).is_too_correlated(state.sums)[0]:
        return state
    return replace(state, distrust=_TOO_LONG.format(float(state.sums.growth[0])))


def _no_traffic(metric: Metric, reading: Measured) -> Missing | None:
    """A window without trials in an arm that is compared says nothing; it is not a zero."""
    empty = idle_arms(metric, reading)
    if not empty:
        return None
    return Missing(
        reason=MissingReason.NO_TRAFFIC,
        detail=f"no trials in {' and '.join(empty)}",
        arm=empty[0] if len(empty) == 1 else None,
    )
