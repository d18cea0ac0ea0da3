"""Rampwise in the comparison: its harm evidence on the same streams, many runs at once.

`METHODS` maps the name of a row to a function of (streams, alpha) that says at which looks of which runs the
release would be rolled back. A run that is "untrustworthy" does not roll back as long as it is; the tables
show how many ever were. The declared effect is 1.5 times as bad in every case, whatever the truth.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from math import log

import numpy as np

from analysis.stats import starts
from analysis.stats.counts import TrialCounts
from analysis.stats.history import historic_dispersion
from analysis.stats.monitor import Monitor, State
from analysis.stats.trials import TrialsMethod
from engine.core.model import Bound
from tests.benchmarks.peers.scoring import Judged
from tests.benchmarks.peers.streams import Bools, Floats, Streams

GRID_STARTS = 32
"""Points of the time grid in a run."""
METHOD = TrialsMethod(
    tolerance=Bound(relative=0.0), margin=Bound(relative=0.5), effect_ratio=1.5, shows_effect=False
)

Judge = Callable[[Streams, float], Judged]


def declared(streams: Streams, alpha: float) -> Judged:
    """One start, tolerance 1, dispersion declared 1."""
    monitor = Monitor(method=METHOD, dispersion=1.0, first_start=1.0)
    return _watched(monitor, monitor.start(len(streams.treatment)), streams, alpha)


def from_history(streams: Streams, alpha: float) -> Judged:
    """One start, dispersion from the A/A history."""
    monitor = Monitor(method=METHOD, dispersion=1.0, first_start=1.0)
    return _with_history(monitor, streams, alpha)


def by_default(streams: Streams, alpha: float) -> Judged:
    """Start points at weight changes and on a grid of the horizon, dispersion from the A/A history."""
    return _with_history(Monitor(method=METHOD, dispersion=1.0), streams, alpha)


def without_history(streams: Streams, alpha: float) -> Judged:
    """Start points, dispersion estimated as the run goes."""
    monitor = Monitor(method=METHOD)
    return _watched(monitor, monitor.start(len(streams.treatment)), streams, alpha)


METHODS: Mapping[str, Judge] = {
    "Rampwise, one start, dispersion 1": declared,
    "Rampwise, one start, A/A history": from_history,
    "Rampwise, start points, A/A history": by_default,
    "Rampwise, start points, no history": without_history,
}


def _with_history(monitor: Monitor, streams: Streams, alpha: float) -> Judged:
    past = streams.history
    counts = (past.bad_treatment, past.treatment, past.bad_control, past.control)
    flat = _counts([each.reshape(-1) for each in counts])
    windows = len(flat.n_t)
    increments = METHOD.increments(flat, np.zeros((windows, METHOD.widths.memory)), np.zeros((windows, 4)))
    scores = increments.scores[:, 0].reshape(*past.treatment.shape, 2)
    found = [historic_dispersion(run[None]) for run in scores]
    known = np.array([1.0 if each is None else each.value for each in found])
    usable = np.array([each is not None and not each.too_long for each in found])
    state = replace(monitor.start(len(known)), dispersion=known)
    return _watched(monitor, state, streams, alpha, ~usable)


def _watched(
    monitor: Monitor, state: State, streams: Streams, alpha: float, doubted: Bools | None = None
) -> Judged:
    """Every look is a window; runs that are `doubted` from the start never alarm."""
    never = np.zeros(len(streams.treatment), dtype=np.bool_) if doubted is None else doubted
    ever = never
    parts = _parts(streams)
    crosses = np.zeros(streams.treatment.shape, dtype=np.bool_)
    counts = (streams.bad_treatment, streams.treatment, streams.bad_control, streams.control)
    for look, part in enumerate(parts.tolist()):
        if part:
            state = monitor.with_start(state, part)
        state = monitor.update(state, _counts([each[:, look] for each in counts]))
        alarms = state.log_e_harm >= log(1 / alpha)
        doubtful = never | (alarms & monitor.is_too_correlated(state))
        crosses[:, look] = alarms & ~doubtful
        ever = ever | doubtful
    return Judged(crosses=crosses, untrustworthy=ever)


def _counts(counts: list[Floats]) -> TrialCounts:
    return TrialCounts(bad_t=counts[0], n_t=counts[1], bad_c=counts[2], n_c=counts[3])


def _parts(streams: Streams) -> Floats:
    """What part of the waiting money is bet at each look, shape (looks,)."""
    looks = streams.treatment.shape[1]
    parts = np.zeros(looks)
    parts[np.arange(1, GRID_STARTS) * looks // GRID_STARTS] = starts.ON_GRID
    parts[np.flatnonzero(np.diff(streams.treatment[0])) + 1] = starts.AT_CHANGE
    return parts
