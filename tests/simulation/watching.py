"""Runs of one metric over simulated traffic: when each run would roll back, promote, or not be trusted.

Both sides are watched to the end of the run, whichever comes first: that is what their error rates are about.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from math import log

import numpy as np
from numpy.typing import NDArray

from analysis.stats import starts
from analysis.stats.counts import Counts
from analysis.stats.history import historic_dispersion
from analysis.stats.increments import Increments, Method, Widths
from analysis.stats.methods import method_of, monitor_of
from analysis.stats.mixture import Floats
from analysis.stats.monitor import TOTALS, Monitor, State
from engine.core.model import Metric, MetricKind
from tests.simulation.kinds import NONE, Draw, Harm, Seen
from tests.simulation.scenarios import Rng, Scenario, Shape, Traffic

LOG_ALARM = log(1 / 0.05)
HISTORY_WINDOWS = 2_000
_GRID = 32
"""Parts that the time grid of start points divides a run into."""
_STEP = 0.02
"""A share of traffic that moves more than this from one window to the next is a weight change."""
_NEVER = np.inf


class Until(StrEnum):
    """What ends a simulation early."""

    THE_END = "the end"
    ROLLED_BACK = "rolled back"
    PROMOTED = "promoted"


class Regime(StrEnum):
    """Where the dispersion comes from."""

    DECLARED = "declared 1"
    HISTORY = "from history"
    NONE = "in the run"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A metric with what it counts.

    Attributes:
        per_window: requests of treatment and control in a usual window. bounds: finite bucket bounds.
        first_start: evidence bet on the first window; 1 is a single start.
    """

    metric: Metric
    draw: Draw
    per_window: tuple[int, int] = (100, 900)
    windows: int = 1_000
    bounds: int = 0
    first_start: float = starts.FIRST

    def shape(self, runs: int, windows: int) -> Shape:
        """So much traffic, in so many runs."""
        return Shape(runs=runs, windows=windows, treatment=self.per_window[0], control=self.per_window[1])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class History:
    """What histories say in which both arms were alike, shape (histories,) each; runs take turns."""

    dispersion: Floats
    too_long: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ends:
    """The window, from 1, at which each run ended; infinite where it did not. Shape (runs,) each.

    `distrusted` is whether evidence of harm was enough and not believed, in a run that never rolled back.
    """

    rolled_back: Floats
    promoted: Floats
    distrusted: NDArray[np.bool_]


@dataclass(eq=False)
class _Once:
    """A method that computes a window's increments once for several monitors."""

    method: Method
    _counts: Counts | None = None
    _found: Increments | None = field(default=None, repr=False)

    @property
    def widths(self) -> Widths:
        return self.method.widths

    def increments(self, counts: Counts, memory: Floats, totals: Floats) -> Increments:
        if self._found is None or counts is not self._counts:
            self._found, self._counts = self.method.increments(counts, memory, totals), counts
        return self._found

    def swinging(self, information: Floats, totals: Floats) -> Floats:
        return self.method.swinging(information, totals)

    def log_e_harm(self, sums: Floats, dispersion: Floats) -> Floats:
        return self.method.log_e_harm(sums, dispersion)

    def log_e_promote(self, sums: Floats, dispersion: Floats) -> Floats:
        return self.method.log_e_promote(sums, dispersion)

    def log_e_better(self, sums: Floats, dispersion: Floats) -> Floats:
        return self.method.log_e_better(sums, dispersion)


@dataclass(eq=False)
class _Watch:
    """One regime's monitor and how its runs ended so far."""

    monitor: Monitor
    state: State
    known_too_long: NDArray[np.bool_]
    rolled_back: Floats
    promoted: Floats
    doubted: NDArray[np.bool_]

    def see(self, counts: Counts, part: float, window: int) -> None:
        """One more window, before which a start may open."""
        if part:
            self.state = self.monitor.with_start(self.state, part)
        self.state = self.monitor.update(self.state, counts)
        alarm = self.state.log_e_harm >= LOG_ALARM
        doubtful = self.monitor.is_too_correlated(self.state) | self.known_too_long
        self.doubted |= alarm & doubtful
        self.rolled_back[alarm & ~doubtful & np.isinf(self.rolled_back)] = window
        shown = (self.monitor.log_e_promote(self.state) >= LOG_ALARM) & ~self.known_too_long
        self.promoted[shown & np.isinf(self.promoted)] = window

    def has_ended(self, until: Until) -> bool:
        """Whether it happened to all runs."""
        if until is Until.THE_END:
            return False
        ends = self.rolled_back if until is Until.ROLLED_BACK else self.promoted
        return bool(np.isfinite(ends).all())

    def ends(self) -> Ends:
        """How all runs ended."""
        doubted = self.doubted & np.isinf(self.rolled_back)
        return Ends(rolled_back=self.rolled_back, promoted=self.promoted, distrusted=doubted)


def watched(
    rng: Rng,
    subject: Subject,
    scenario: Scenario,
    regimes: Sequence[Regime],
    harm: Harm,
    runs: int,
    *,
    onset: int = 0,
    history: History | None = None,
    parts: Floats | None = None,
    until: Until = Until.THE_END,
) -> Mapping[Regime, Ends]:
    """How so many runs end under each regime; all regimes see the same windows.

    Args:
        rng: where randomness comes from.
        subject: the metric.
        scenario: the traffic.
        regimes: where dispersion comes from.
        harm: what is wrong with the treatment.
        runs: how many.
        onset: the window, from 0, at which harm begins.
        history: what the regime `HISTORY` goes by; the same traffic's.
        parts: of the waiting evidence, bet before each window; by default what `starts` says for a time grid
            and for changes of the traffic's weights.
        until: what ends the simulation once it happened to all runs.
    """
    watches = {regime: _watch(subject, regime, runs, history) for regime in regimes}
    traffic = scenario.traffic(rng, subject.shape(runs, subject.windows))
    bets = _parts(subject.windows, traffic) if parts is None else parts
    for window, seen in enumerate(_windows(traffic, runs, subject.windows)):
        counts = subject.draw(rng, seen, harm if window >= onset else NONE)
        for watch in watches.values():
            watch.see(counts, float(bets[window]), window + 1)
        if all(watch.has_ended(until) for watch in watches.values()):
            break
    return {regime: watch.ends() for regime, watch in watches.items()}


def _watch(subject: Subject, regime: Regime, runs: int, history: History | None) -> _Watch:
    method = _Once(method_of(subject.metric, subject.bounds))
    kind = subject.metric.kind
    monitor = Monitor(
        method=method,
        dispersion=None if regime is Regime.NONE else 1.0,
        first_start=subject.first_start,
        ratio_matters=kind in (MetricKind.PROPORTION, MetricKind.COUNT, MetricKind.DISTRIBUTION),
        watches_gross=monitor_of(subject.metric, subject.bounds).watches_gross,
        higher_is_better=subject.metric.higher_is_better,
    )
    state, too_long = monitor.start(runs), np.zeros(runs, dtype=np.bool_)
    if regime is Regime.HISTORY and history is not None:
        turns = np.arange(runs) % len(history.dispersion)
        state, too_long = replace(state, dispersion=history.dispersion[turns]), history.too_long[turns]
    return _Watch(
        monitor=monitor,
        state=state,
        known_too_long=too_long,
        rolled_back=np.full(runs, _NEVER),
        promoted=np.full(runs, _NEVER),
        doubted=np.zeros(runs, dtype=np.bool_),
    )


def histories(rng: Rng, subject: Subject, scenario: Scenario, number: int) -> History:
    """So many of `HISTORY_WINDOWS` each."""
    method = method_of(subject.metric, subject.bounds)
    traffic = scenario.traffic(rng, subject.shape(number, HISTORY_WINDOWS))
    memory, totals = np.zeros((number, method.widths.memory)), np.zeros((number, TOTALS))
    kept = []
    for seen in _windows(traffic, number, HISTORY_WINDOWS):
        new = method.increments(subject.draw(rng, seen, NONE), memory, totals)
        memory, totals = new.memory, totals + new.totals
        kept.append(new.scores)
    scores = np.stack(kept, axis=1)
    found = [[historic_dispersion(run[None, :, index]) for index in range(run.shape[1])] for run in scores]
    known = np.array([max((each.value for each in run if each), default=1.0) for run in found])
    too_long = np.array([any(each.too_long for each in run if each) for run in found])
    return History(dispersion=known, too_long=too_long)


def _windows(traffic: Traffic, runs: int, windows: int) -> Iterator[Seen]:
    arrays = {
        name: np.broadcast_to(getattr(traffic, name), (runs, windows))
        for name in ("treatment", "control", "shared", "own_treatment", "own_control")
    }
    for window in range(windows):
        columns = {name: array[:, window].astype(np.float64) for name, array in arrays.items()}
        yield Seen(**columns, storm=traffic.storm)


def on_grid(windows: int) -> Floats:
    """Parts of the waiting evidence that are bet before each window: on a time grid only."""
    parts = np.zeros(windows)
    parts[np.arange(1, _GRID) * windows // _GRID] = starts.ON_GRID
    return parts


def _parts(windows: int, traffic: Traffic) -> Floats:
    parts = on_grid(windows)
    share = (traffic.treatment / (traffic.treatment + traffic.control))[0]
    parts[np.flatnonzero(np.abs(np.diff(share)) > _STEP) + 1] = starts.AT_CHANGE
    return parts
