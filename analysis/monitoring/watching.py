"""A metric that is watched: declared once, fed window by window, asked at any time. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import log

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis.monitoring.checks import (
    check_declaration,
    checked_alpha,
    checked_pods,
    checked_window,
    kind_of,
    only,
)
from analysis.stats import starts
from analysis.stats.counts import Counts, TrialCounts
from analysis.stats.history import HistoricDispersion, historic_dispersion
from analysis.stats.interval import ratio_interval, value_ratio_interval
from analysis.stats.methods import asks_better, monitor_of
from analysis.stats.mixture import Floats
from analysis.stats.monitor import Monitor, State
from analysis.stats.pods import PodCounts
from engine.core.model import Bound, Metric, MetricKind, Role, Unit
from engine.core.verdict import VerdictKind

_VALUES = {MetricKind.MEAN, MetricKind.RATIO, MetricKind.GAUGE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What the windows so far say of one run.

    Attributes:
        verdict: harmful (once crossed, for good), untrustworthy, not_worse, undecided or no_data.
        log_e_harm, log_e_harm_max: natural log of the e-value against "not worse than the tolerance", now and
            its largest. log_e_promote: against "worse by the margin or more", now. log_e_better: against "not
            better than control", None unless `objective`.
        ratio, difference: treatment against control within windows, in the metric's unit; None when unknown.
        effect_low, effect_high: confidence sequence of the ratio at `alpha_promote`; None is unbounded.
        dispersion: as used. windows: how many counted.
    """

    verdict: VerdictKind
    log_e_harm: float
    log_e_harm_max: float
    log_e_promote: float
    log_e_better: float | None
    ratio: float | None
    difference: float | None
    effect_low: float | None
    effect_high: float | None
    dispersion: float
    windows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """One metric, watched. Made by `watch`."""

    metric: Metric
    monitor: Monitor
    alpha_rollback: float
    alpha_promote: float
    bounds: tuple[float, ...] = ()

    def start(self, runs: int = 1) -> State:
        """Nothing seen yet, in so many runs that have nothing to do with each other."""
        return self.monitor.start(runs)

    def update(
        self,
        state: State,
        counts: Counts,
        counted: ArrayLike | None = None,
        *,
        pods: PodCounts | None = None,
    ) -> State:
        """State after one more window; every count has a leading axis of runs.

        Args:
            state: before it.
            counts: of the window.
            counted: which runs have this window, shape (runs,); what the others' counts say is ignored.
            pods: the same window pod by pod, every pod at the same place in all windows; None where they are
                not told apart.

        Raises:
            TypeError: counts of another kind. ValueError: a shape or a number that cannot be.
        """
        runs = len(state.windows)
        each = None if pods is None else checked_pods(pods, runs)
        if counted is None:
            window = checked_window(self.metric, self.bounds, counts, runs)
            return self.monitor.update(state, window, pods=each)
        having = np.asarray(counted, dtype=bool)
        if having.shape != (runs,):
            msg = f"counted has shape {having.shape}; expected ({runs},)"
            raise ValueError(msg)
        window = checked_window(self.metric, self.bounds, only(counts, having), runs)
        return self.monitor.update(state, window, having, None if each is None else only(each, having))

    def at_change(self, state: State) -> State:
        """State when the treatment's share of traffic has changed: harm may begin here."""
        return self.monitor.with_step(self.monitor.with_start(state, starts.AT_CHANGE))

    def records(self, state: State) -> list[Record]:
        """What the windows so far say, one record per run."""
        promote = self.monitor.log_e_promote(state)
        better = self.monitor.log_e_better(state) if asks_better(self.metric) else None
        too_long = self.monitor.is_too_correlated(state)
        return [
            self._record(
                state, run, float(promote[run]), None if better is None else float(better[run]), too_long
            )
            for run in range(len(state.windows))
        ]

    def scores(self, counts: Counts) -> Floats:
        """(score, variance) of one A/A window per run, shape (runs, 2). Raises as `update` does."""
        arrays = checked_window(self.metric, self.bounds, counts, None)
        empty = self.monitor.start(len(_first(arrays)))
        scores: Floats = self.monitor.method.increments(arrays, empty.memory, empty.totals).scores[:, 0]
        return scores

    def dispersion_of(self, scores: ArrayLike) -> HistoricDispersion | None:
        """Dispersion from `scores` of A/A history, (stretches, windows, 2); None where it is too short."""
        array = np.asarray(scores, dtype=np.float64)
        if array.ndim != 3 or array.shape[2] != 2 or not np.isfinite(array).all():
            msg = f"scores have shape {array.shape}; expected (stretches, windows, 2), all finite"
            raise ValueError(msg)
        return historic_dispersion(array)

    def with_dispersion(self, value: float) -> "Watch":
        """The same with a dispersion known before the run, 1 or more (ValueError)."""
        metric = replace(self.metric, dispersion=value)
        check_declaration(metric, self.bounds)
        return replace(self, metric=metric, monitor=replace(self.monitor, dispersion=value))

    def _record(
        self, state: State, run: int, promote: float, better: float | None, too_long: NDArray[np.bool_]
    ) -> Record:
        treatment, control, pairs = state.totals[run, 4:].tolist()
        low, high = self._interval(state, run)
        return Record(
            verdict=self._verdict(state, run, promote, correlated=bool(too_long[run])),
            log_e_harm=float(state.log_e_harm[run]),
            log_e_harm_max=float(state.log_e_harm_max[run]),
            log_e_promote=promote,
            log_e_better=better,
            ratio=treatment / control if control else None,
            difference=(treatment - control) / pairs if pairs else None,
            effect_low=low,
            effect_high=high,
            dispersion=float(state.dispersion[run]),
            windows=int(state.windows[run]),
        )

    def _verdict(self, state: State, run: int, promote: float, *, correlated: bool) -> VerdictKind:
        if state.log_e_harm_max[run] >= -log(self.alpha_rollback):
            return VerdictKind.HARMFUL
        if state.windows[run] == 0:
            return VerdictKind.NO_DATA
        if correlated and state.log_e_harm[run] >= -log(self.alpha_rollback):
            return VerdictKind.UNTRUSTWORTHY
        return VerdictKind.NOT_WORSE if promote >= -log(self.alpha_promote) else VerdictKind.UNDECIDED

    def _interval(self, state: State, run: int) -> tuple[float | None, float | None]:
        sums, dispersion = state.effect[run], float(state.dispersion[run])
        if not len(sums):
            return None, None
        if self.metric.kind in _VALUES:
            return value_ratio_interval(sums, dispersion, self.alpha_promote)
        return ratio_interval(sums / dispersion, self.alpha_promote)


def watch(  # noqa: PLR0913 (all of them are fields of a metric's declaration)
    kind: str,
    *,
    tolerance: Bound = Bound(relative=0.05),  # noqa: B008 (frozen)
    margin: Bound = Bound(relative=0.5, absolute=0.001),  # noqa: B008
    effect: float | None = None,
    dispersion: float | None = None,
    higher_is_better: bool = False,
    objective: bool = False,
    limit: float | None = None,
    bounds: Sequence[float] = (),
    slo: float | None = None,
    first_start: float = starts.FIRST,
    alpha_rollback: float = 0.01,
    alpha_promote: float = 0.05,
) -> Watch:
    """Watch a metric of this kind: proportion, count, mean, distribution, ratio, gauge or threshold.

    Args:
        kind: what is counted.
        tolerance: worse than this is harm.
        margin: not worse than this may ship.
        effect: the worsening to find soon, 0.5 for half as much again; by default the margin's ratio.
        dispersion: variance of windows over that of independent trials, from history; by default the run
            estimates it.
        higher_is_better: what is counted is good.
        objective: also ask whether the treatment is better.
        limit: largest acceptable share (threshold only).
        bounds: finite bucket bounds in seconds, ascending (distribution only).
        slo: latency objective in seconds, one of the bounds (distribution only).
        first_start: evidence that is bet on harm from the first window; 1 bets on nothing else.
        alpha_rollback: probability of ever calling a harmless treatment harmful.
        alpha_promote: probability of ever calling a treatment not worse that is.

    Raises:
        ValueError: there is no such kind, or a number that no evidence could be held against.
    """
    metric = Metric(
        name=kind,
        kind=kind_of(kind),
        role=Role.OBJECTIVE if objective else Role.GUARDRAIL,
        unit=Unit.REQUEST,
        arm_labels={},
        tolerance=tolerance,
        margin=margin,
        weight=1.0,
        slo_s=slo,
        limit=limit,
        effect=effect,
        dispersion=dispersion,
        higher_is_better=higher_is_better,
    )
    check_declaration(metric, bounds)
    return Watch(
        metric=metric,
        monitor=monitor_of(metric, len(bounds), first_start),
        alpha_rollback=checked_alpha("alpha_rollback", alpha_rollback),
        alpha_promote=checked_alpha("alpha_promote", alpha_promote),
        bounds=tuple(bounds),
    )


def _first(counts: Counts) -> Floats:
    return counts.n_t if isinstance(counts, TrialCounts) else counts.treatment
