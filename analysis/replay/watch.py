"""One metric watched through a batch of runs: its monitor, its state, and what they say. Decides nothing."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from math import log
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.replay.feed import Bools, Feed
from analysis.replay.sizes import Size, grown
from analysis.stats import methods, starts
from analysis.stats.buckets import BucketsMethod
from analysis.stats.history import HistoricDispersion
from analysis.stats.increments import Method
from analysis.stats.mixture import Floats
from analysis.stats.monitor import Monitor, State
from analysis.stats.trials import TrialsMethod
from engine.core.model import Experiment, Metric, MetricKind
from engine.core.plan import Stage


def deciding(experiment: Experiment) -> tuple[Metric, ...]:
    """The metrics that decide while both arms serve."""
    return tuple(m for m in experiment.metrics if m.decides and m.stage is Stage.SPLIT)


def method_for(metric: Metric, bounds: int) -> Method:
    """The metric's statistics without what only people look at; `bounds` as in `analysis.stats.methods`."""
    method = methods.method_of(metric, bounds)
    match method:
        case TrialsMethod():
            return replace(method, shows_effect=False)
        case BucketsMethod(objective=TrialsMethod() as objective):
            return replace(method, objective=replace(objective, shows_effect=False))
        case _:
            return method


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Watch:
    """One metric in a batch of runs, up to the latest window.

    Attributes:
        grown: dispersion to use after each window, (windows, runs), where it grows with the windows' size.
        distrusted: history says that its windows stay correlated for too long.
        doubted: whether the metric is not believed now, shape (runs,): it is distrusted, or would raise an
            alarm although its windows stay correlated for too long.
    """

    metric: Metric
    monitor: Monitor
    feed: Feed
    state: State
    grown: Floats | None
    distrusted: bool
    doubted: Bools

    def with_window(self, window: int, log_alarm: float) -> "Watch":
        """After one more window; an alarm that correlation forbids to believe makes the metric doubted."""
        before = self.state
        if self.grown is not None:
            before = replace(before, dispersion=self.grown[window])
        state = self.monitor.update(before, self.feed.at(window), self.feed.counted[window])
        alarm = self.monitor.is_too_correlated(state) & (state.log_e_harm >= log_alarm)
        return replace(self, state=state, doubted=alarm | self.distrusted)

    def at_change(self, changed: Bools, on_grid: Bools) -> "Watch":
        """With a new step where weights changed, and with harm that may begin now, also on the time grid."""
        if not (changed.any() or on_grid.any()):
            return self
        stepped = self.monitor.with_step(self.state, changed) if changed.any() else self.state
        part = np.where(changed, starts.AT_CHANGE, np.where(on_grid, starts.ON_GRID, 0.0))
        return replace(self, state=self.monitor.with_start(stepped, part))

    def only(self, runs: NDArray[np.intp]) -> "Watch":
        """The same of some of the runs."""
        return replace(
            self,
            feed=self.feed.only(runs),
            state=_taken(self.state, runs),
            grown=None if self.grown is None else self.grown[:, runs],
            doubted=self.doubted[runs],
        )

    @property
    def log_weighted_e(self) -> Floats:
        """Log of weight times e-value of harm; nothing where the metric is doubted."""
        weight = self.metric.weight
        log_weight = log(weight) if weight > 0.0 else -np.inf
        return np.where(self.doubted, -np.inf, log_weight + self.state.log_e_harm)

    def has_floor(self, floor: Floats) -> Bools:
        """Whether each arm had so many trials at this step."""
        if not self.metric.kind.counts_trials:
            return np.ones(len(floor), dtype=np.bool_)
        own = self._step
        needs_control = self.metric.kind is not MetricKind.THRESHOLD
        enough: Bools = (own[:, 1] >= floor) & ((own[:, 3] >= floor) | (not needs_control))
        return enough

    def is_inside_margin(self) -> Bools:
        """Whether this step's own estimate is inside the margin; not where there is none."""
        metric, (bad_t, n_t, bad_c, n_c) = self.metric, self._step.T
        if metric.kind is MetricKind.DISTRIBUTION and metric.slo_s is None:
            return np.zeros(len(n_t), dtype=np.bool_)
        treatment, control = bad_t / np.where(n_t > 0.0, n_t, 1.0), bad_c / np.where(n_c > 0.0, n_c, 1.0)
        if metric.kind is MetricKind.THRESHOLD:
            below: Bools = (n_t > 0.0) & (treatment <= (metric.limit or 0.0))
            return below
        worse, than = (control, treatment) if metric.higher_is_better else (treatment, control)
        relative, absolute = metric.margin.relative, metric.margin.absolute
        allowed = np.maximum(than * (1.0 + (relative or 0.0)), than + (absolute or 0.0))
        inside: Bools = (n_t > 0.0) & (n_c > 0.0) & (worse <= allowed)
        return inside

    @property
    def _step(self) -> Floats:
        return self.state.totals[:, :4] - self.state.step


def watch_of(feed: Feed, known: HistoricDispersion | None, past: Size) -> Watch:
    """Nothing seen yet. What the metric declares comes before history; without both, the run estimates it."""
    metric, runs = feed.metric, feed.counted.shape[1]
    dispersion, distrusted, growing = metric.dispersion, False, None
    if dispersion is None and known is not None:
        dispersion, distrusted = known.value, known.too_long
        growing = grown(known, past, feed)
    bounds = feed.treatment.shape[2] - 1
    monitor = replace(
        methods.monitor_of(metric, bounds), method=method_for(metric, bounds), dispersion=dispersion
    )
    return Watch(
        metric=metric,
        monitor=monitor,
        feed=feed,
        state=monitor.start(runs),
        grown=growing,
        distrusted=distrusted,
        doubted=np.full(runs, distrusted),
    )


def better(watches: Sequence[Watch], alpha: float) -> list[Bools]:
    """Per watch, whether Holm's step-down rejects that it is not better, (runs,); see `stats.better`."""
    log_es = np.stack([watch.monitor.log_e_better(watch.state) for watch in watches])
    order = np.argsort(-log_es, axis=0, kind="stable")
    left = np.arange(len(watches), 0, -1)[:, None]
    enough = np.take_along_axis(log_es, order, axis=0) >= np.log(left / alpha)
    rejected = np.zeros_like(enough)
    np.put_along_axis(rejected, order, np.logical_and.accumulate(enough, axis=0), axis=0)
    return list(rejected)


def _taken(value: Any, runs: NDArray[np.intp]) -> Any:
    """A state of some of the runs: rows of all its arrays."""
    if isinstance(value, np.ndarray):
        return value[runs]
    if is_dataclass(value) and not isinstance(value, type):
        parts: dict[str, Any] = {each.name: _taken(getattr(value, each.name), runs) for each in fields(value)}
        return replace(value, **parts)
    return value
