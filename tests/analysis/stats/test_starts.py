from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.stats import starts
from analysis.stats.starts import FIRST, MAX_STARTS, Starts

PARTS = st.sampled_from([0.0, 0.1, 0.45, 1.0])
LOGS = st.floats(-30.0, 30.0)


def after(now: Starts, log_e: list[float], part: float) -> Starts:
    """One run; the sums of this moment are numbered by how many starts there are."""
    present = now.weights.shape[1]
    moment = np.full((1, 1), float(present))
    return starts.opened(now, np.array([log_e[:present]]), moment, np.array([part]))


@given(st.lists(st.tuples(PARTS, LOGS), max_size=40))
def test_bets_and_what_waits_always_add_up_to_all_the_money(offers: list[tuple[float, float]]) -> None:
    now = starts.begin(1, 1)
    for part, newest in offers:
        now = after(now, [0.0] * (now.weights.shape[1] - 1) + [newest], part)
        assert float(now.weights.sum() + now.waiting[0]) == pytest.approx(1.0, abs=1e-12)
        assert (now.weights >= 0.0).all()
        assert now.waiting[0] >= 0.0
    assert now.weights.shape[1] <= MAX_STARTS


@given(st.lists(LOGS, min_size=1, max_size=6), PARTS)
def test_opening_a_start_changes_nothing_by_itself(logs: list[float], part: float) -> None:
    now = starts.begin(1, 1)
    for _ in logs[1:]:
        now = after(now, [-5.0] * now.weights.shape[1], 0.45)
    found = starts.log_mix_starts(now, np.array([logs]))
    opened = after(now, logs, part)
    with_zeros = np.array([logs + [0.0] * (opened.weights.shape[1] - len(logs))])
    assert starts.log_mix_starts(opened, with_zeros) == pytest.approx(found, abs=1e-9)


def test_a_bet_that_has_not_sunk_is_as_good_as_a_new_one() -> None:
    now = starts.begin(1, 1)
    assert after(now, [np.log(0.51)], 0.45) is now
    assert after(now, [np.log(0.49)], 0.45).weights.shape == (1, 2)
    assert after(now, [-9.0], 0.0) is now


def test_only_the_newest_bet_is_looked_at() -> None:
    now = after(starts.begin(1, 1), [-9.0], 0.45)
    assert after(now, [-9.0, 0.0], 0.45) is now
    assert after(now, [9.0, -9.0], 0.45).weights.shape == (1, 3)


def test_a_start_remembers_the_sums_of_its_moment() -> None:
    opened = starts.opened(
        starts.begin(2, 2), np.array([[-9.0], [0.0]]), np.array([[3.0, 4.0], [5.0, 6.0]]), np.full(2, 0.5)
    )
    assert opened.sums.tolist() == [[[0.0, 0.0], [3.0, 4.0]], [[0.0, 0.0], [0.0, 0.0]]]
    waiting = 1 - FIRST
    assert opened.weights[0].tolist() == pytest.approx([FIRST, waiting / 2])
    assert opened.weights[1].tolist() == pytest.approx([FIRST, 0.0])
    assert opened.waiting.tolist() == pytest.approx([waiting / 2, waiting])


def test_a_single_start_is_its_own_evidence() -> None:
    single = starts.begin(1, 1, 1.0)
    for log_e in (-1e9, -2000.0, 0.0, 7.0, 1e15):
        assert float(starts.log_mix_starts(single, np.array([[log_e]]))[0]) == pytest.approx(log_e)
    assert after(single, [-50.0], 0.45) is single


def test_a_healthy_past_cannot_mask_a_later_start() -> None:
    now = after(starts.begin(1, 1), [-1000.0], 0.45)
    found = float(starts.log_mix_starts(now, np.array([[-1000.0, 10.0]]))[0])
    assert found == pytest.approx(10 + np.log((1 - FIRST) * 0.45), abs=1e-4)


def test_what_waits_keeps_its_share() -> None:
    found = starts.log_mix_starts(starts.begin(1, 1), np.array([[-1000.0]]))
    assert np.exp(found) == pytest.approx(1 - FIRST)


def test_numbers_beyond_any_double_are_mixed_on_the_log_scale() -> None:
    now = after(starts.begin(1, 1), [-1e15], 0.45)
    with np.errstate(over="raise", divide="raise", invalid="raise"):
        found = starts.log_mix_starts(now, np.array([[1e15, -1e15]]))
    assert found == pytest.approx(1e15)


def test_one_runs_starts_leave_room_for_those_of_others() -> None:
    now = starts.begin(2, 1)
    busy, idle = np.array([0.1, 0.0]), np.array([0.0, 0.1])
    for _ in range(MAX_STARTS + 3):
        now = starts.opened(now, np.full(now.weights.shape, -9.0), np.ones((2, 1)), busy)
    assert now.weights.shape == (2, MAX_STARTS)
    assert (
        starts.opened(now, np.full(now.weights.shape, -9.0), np.ones((2, 1)), idle).weights[1] > 0
    ).sum() == 2


def test_opening_leaves_the_state_before_it_alone() -> None:
    before = after(starts.begin(1, 1), [-9.0], 0.45)
    kept = replace(before, weights=before.weights.copy(), sums=before.sums.copy())
    after(before, [-9.0, -9.0], 0.45)
    assert np.array_equal(before.weights, kept.weights)
    assert np.array_equal(before.sums, kept.sums)
