"""What holds for every method, whatever the windows."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from analysis.stats.counts import Counts
from analysis.stats.monitor import Monitor, State
from tests.analysis.stats.watching import COMPARED, KINDS, Kind, evidence, monitor, one_run, swapped

RUNS = 3
STATE = TypeAdapter(State)
every_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
dispersions = st.sampled_from([None, 1.0, 2.5])


def several(kind: Kind, most: int = 6) -> st.SearchStrategy[list[Counts]]:
    return st.lists(kind.windows(RUNS), min_size=1, max_size=most)


def watched(watching: Monitor, windows: list[Counts], runs: int = RUNS, *, starts: bool = True) -> State:
    now = watching.start(runs)
    for window in windows:
        now = watching.update(now, window)
        now = watching.with_start(now, 0.3) if starts else now
    return now


@every_kind
@given(st.data(), dispersions)
@settings(max_examples=25, deadline=None)
def test_no_counts_however_odd_make_a_number_that_is_none(
    kind: Kind, data: st.DataObject, dispersion: float | None
) -> None:
    watching = monitor(kind, dispersion)
    windows = data.draw(several(kind))
    with np.errstate(divide="raise", over="raise", invalid="raise"):
        state = watched(watching, windows)
        assert np.isfinite(evidence(watching, state)).all()
    assert np.isfinite(state.effect).all()
    assert np.isfinite(state.totals).all()
    assert (state.dispersion >= 1.0).all()
    assert np.allclose(state.starts.weights.sum(axis=1) + state.starts.waiting, 1.0)


@every_kind
@given(st.data(), dispersions)
@settings(max_examples=20, deadline=None)
def test_runs_do_not_influence_each_other(kind: Kind, data: st.DataObject, dispersion: float | None) -> None:
    watching = monitor(kind, dispersion)
    windows = data.draw(several(kind))
    together = evidence(watching, watched(watching, windows))
    for run in range(RUNS):
        alone = watched(watching, [one_run(window, run) for window in windows], runs=1)
        assert evidence(watching, alone)[0] == pytest.approx(together[run], rel=1e-12, abs=1e-12)


@every_kind
@given(st.data(), st.integers(0, 5))
@settings(max_examples=20, deadline=None)
def test_a_restart_after_any_window_changes_nothing(kind: Kind, data: st.DataObject, at: int) -> None:
    watching = monitor(kind)
    windows = data.draw(several(kind))
    straight = watched(watching, windows)
    now = watched(watching, windows[:at])
    now = STATE.validate_json(STATE.dump_json(now))
    for window in windows[at:]:
        now = watching.with_start(watching.update(now, window), 0.3)
    assert STATE.dump_json(now) == STATE.dump_json(straight)
    assert np.array_equal(evidence(watching, now), evidence(watching, straight))


@every_kind
@given(st.data(), st.sampled_from([1.0, 2.5]), st.sets(st.integers(0, 5)))
@settings(max_examples=20, deadline=None)
def test_windows_without_anything_change_nothing(
    kind: Kind, data: st.DataObject, dispersion: float, places: set[int]
) -> None:
    watching = monitor(kind, dispersion)
    windows = data.draw(several(kind))
    masked = watching.start(RUNS)
    for index, window in enumerate(windows):
        if index in places:
            masked = watching.update(masked, kind.nothing(RUNS), np.zeros(RUNS, dtype=np.bool_))
        masked = watching.with_start(watching.update(masked, window), 0.3)
    straight = watched(watching, windows)
    assert evidence(watching, masked) == pytest.approx(evidence(watching, straight), rel=1e-12, abs=1e-12)
    assert np.array_equal(masked.totals, straight.totals)
    assert np.array_equal(masked.windows, straight.windows)
    assert np.array_equal(masked.exact_windows, straight.exact_windows)


@every_kind
def test_nothing_at_all_is_no_evidence(kind: Kind) -> None:
    watching = monitor(kind)
    with np.errstate(divide="raise", over="raise", invalid="raise"):
        state = watched(watching, [kind.nothing(RUNS)] * 5)
        found = evidence(watching, state)
    assert found[:, :4] == pytest.approx(np.zeros((RUNS, 4)), abs=1e-12)
    assert not state.totals.any()


@pytest.mark.parametrize("kind", COMPARED, ids=lambda kind: kind.name)
@given(st.data())
@settings(max_examples=20, deadline=None)
def test_relabelled_arms_with_the_other_direction_say_the_same(kind: Kind, data: st.DataObject) -> None:
    lower, higher = monitor(kind, 1.0), monitor(kind, 1.0, higher_is_better=True)
    windows = data.draw(several(kind, most=3))
    one = evidence(lower, watched(lower, windows))
    other = evidence(higher, watched(higher, [swapped(window) for window in windows]))
    assert other == pytest.approx(one, rel=1e-3, abs=0.05)


@every_kind
@given(st.data())
@settings(max_examples=10, deadline=None)
def test_an_update_leaves_the_state_before_it_alone(kind: Kind, data: st.DataObject) -> None:
    watching = monitor(kind)
    windows = data.draw(several(kind, most=3))
    before = watched(watching, windows)
    kept = STATE.dump_json(before)
    watching.with_step(watching.with_start(watching.update(before, windows[0]), 0.5))
    assert STATE.dump_json(before) == kept
