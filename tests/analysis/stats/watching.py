"""Monitors of every method, windows for each of them, and what there is to compare of their states."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from analysis.stats.buckets import BucketsMethod
from analysis.stats.counts import BucketCounts, Counts, EventCounts, Quotients, TrialCounts, ValueSums
from analysis.stats.increments import Method
from analysis.stats.mixture import Floats
from analysis.stats.monitor import Monitor, State
from analysis.stats.one_sample import OneSampleMethod
from analysis.stats.trials import TrialsMethod
from analysis.stats.values import ValuesMethod
from engine.core.model import Bound

BOTH = Bound(relative=0.05, absolute=0.01)
MARGIN = Bound(relative=0.5, absolute=0.02)
SIZES = [0.0, 1.0, 3.0, 40.0, 900.0, 1e6, 1e12]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A method, any window of so many runs, and one that says nothing."""

    name: str
    method: Callable[[bool], Method]
    windows: Callable[[int], st.SearchStrategy[Counts]]
    nothing: Callable[[int], Counts]


def monitor(kind: Kind, dispersion: float | None = None, *, higher_is_better: bool = False) -> Monitor:
    return Monitor(method=kind.method(higher_is_better), dispersion=dispersion)


def of(values: Sequence[float], *shape: int) -> st.SearchStrategy[Floats]:
    return arrays(np.float64, shape, elements=st.sampled_from(values))


def shares(*shape: int) -> st.SearchStrategy[Floats]:
    return of([0.0, 0.01, 0.03, 0.5, 1.0], *shape)


def _trials_method(higher_is_better: bool) -> Method:
    return TrialsMethod(
        tolerance=BOTH,
        margin=MARGIN,
        effect_ratio=1.5,
        higher_is_better=higher_is_better,
        asks_better=True,
    )


def _values_method(higher_is_better: bool) -> Method:
    return ValuesMethod(
        tolerance=BOTH,
        margin=MARGIN,
        effect_ratio=1.5,
        higher_is_better=higher_is_better,
        asks_better=True,
    )


def _buckets_method(higher_is_better: bool) -> Method:
    objective = TrialsMethod(
        tolerance=Bound(),
        margin=MARGIN,
        effect_ratio=1.2,
        higher_is_better=higher_is_better,
        asks_better=True,
    )
    return BucketsMethod(bounds=3, tolerance=BOTH, objective=objective, higher_is_better=higher_is_better)


def _trials(n_t: Floats, bad_t: Floats, n_c: Floats, bad_c: Floats) -> TrialCounts:
    return TrialCounts(n_t=n_t, bad_t=np.floor(bad_t * n_t), n_c=n_c, bad_c=np.floor(bad_c * n_c))


def _any_trials(runs: int) -> st.SearchStrategy[TrialCounts]:
    return st.builds(_trials, of(SIZES, runs), shares(runs), of(SIZES, runs), shares(runs))


def _any_events(runs: int) -> st.SearchStrategy[EventCounts]:
    return st.builds(
        EventCounts,
        treatment=of([0.0, 1.0, 30.0, 1e12], runs),
        control=of([0.0, 2.0, 90.0, 1e12], runs),
        share=of([0.01, 0.5, 0.99], runs),
    )


def _sums(number: Floats, mean: Floats, spread: Floats) -> Floats:
    squares = number * (mean**2 + spread**2)
    return np.stack([number, number * mean, squares], axis=1)


def _arm_of_values(runs: int) -> st.SearchStrategy[Floats]:
    levels = [0.0, 1e-9, 0.5, 30.0, 1e12]
    return st.builds(_sums, of(SIZES, runs), of(levels, runs), of(levels, runs))


def _any_values(runs: int) -> st.SearchStrategy[ValueSums]:
    return st.builds(
        ValueSums, treatment=_arm_of_values(runs), control=_arm_of_values(runs), spread_known=st.just(True)
    )


def _any_quotients(runs: int) -> st.SearchStrategy[Quotients]:
    arm = of([0.0, 1e-9, 1.0, 7.5, 1e12], runs, 2)
    return st.builds(Quotients, treatment=arm, control=arm)


def _any_buckets(runs: int) -> st.SearchStrategy[BucketCounts]:
    return st.builds(BucketCounts, treatment=of(SIZES, runs, 4), control=of(SIZES, runs, 4), slo=st.just(1))


def _no_trials(runs: int) -> TrialCounts:
    zero = np.zeros(runs)
    return TrialCounts(bad_t=zero, n_t=zero, bad_c=zero, n_c=zero)


def _no_events(runs: int) -> EventCounts:
    zero = np.zeros(runs)
    return EventCounts(treatment=zero, control=zero, share=zero)


def _no_values(runs: int) -> ValueSums:
    return ValueSums(treatment=np.zeros((runs, 3)), control=np.zeros((runs, 3)), spread_known=True)


def _no_quotients(runs: int) -> Quotients:
    return Quotients(treatment=np.zeros((runs, 2)), control=np.zeros((runs, 2)))


def _no_buckets(runs: int) -> BucketCounts:
    return BucketCounts(treatment=np.zeros((runs, 4)), control=np.zeros((runs, 4)), slo=1)


TRIALS = Kind(name="trials", method=_trials_method, windows=_any_trials, nothing=_no_trials)
ONE_SAMPLE = Kind(
    name="one sample",
    method=lambda _: OneSampleMethod(limit=0.02),
    windows=_any_trials,
    nothing=_no_trials,
)
COMPARED = [
    TRIALS,
    Kind(name="events", method=_trials_method, windows=_any_events, nothing=_no_events),
    Kind(name="values", method=_values_method, windows=_any_values, nothing=_no_values),
    Kind(name="quotients", method=_values_method, windows=_any_quotients, nothing=_no_quotients),
    Kind(name="buckets", method=_buckets_method, windows=_any_buckets, nothing=_no_buckets),
]
KINDS = [*COMPARED, ONE_SAMPLE]


def one_run(window: Counts, run: int) -> Counts:
    """The window of one run of the batch, as a batch of one."""
    parts: dict[str, Any] = {
        field.name: value[run : run + 1]
        for field in fields(window)
        if isinstance(value := getattr(window, field.name), np.ndarray)
    }
    return replace(window, **parts)


def swapped(window: Counts) -> Counts:
    """The same window with the arms swapped."""
    match window:
        case TrialCounts(bad_t=bad_t, n_t=n_t, bad_c=bad_c, n_c=n_c):
            return TrialCounts(bad_t=bad_c, n_t=n_c, bad_c=bad_t, n_c=n_t)
        case EventCounts(treatment=treatment, control=control, share=share):
            return EventCounts(treatment=control, control=treatment, share=1.0 - share)
        case _:
            return replace(window, treatment=window.control, control=window.treatment)


def evidence(watching: Monitor, state: State) -> Floats:
    """All that a state says, shape (runs, 6)."""
    better = state.log_e_harm * 0.0 if not state.better.shape[1] else watching.log_e_better(state)
    return np.stack(
        [
            state.log_e_harm,
            state.log_e_harm_max,
            watching.log_e_promote(state),
            better,
            state.dispersion,
            state.growth,
        ],
        axis=1,
    )
