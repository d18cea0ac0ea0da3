import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.stats.starts import mix_starts, start_weights, with_new_start

ONE = np.ones(1)


@given(st.integers(1, 64))
def test_weights_of_started_and_unstarted_terms_add_up_to_one(started: int) -> None:
    weights = start_weights(started)
    assert weights.sum() == pytest.approx(1.0)
    assert weights[0] == pytest.approx(0.5)


@given(st.lists(st.floats(-50, 50), min_size=1, max_size=20))
def test_opening_a_start_changes_nothing_by_itself(log_e: list[float]) -> None:
    opened = mix_starts(np.array([[*log_e, 0.0]]).T, ONE)
    assert opened == pytest.approx(mix_starts(np.array([log_e]).T, ONE))


def test_a_healthy_past_cannot_mask_a_later_start() -> None:
    assert mix_starts(np.array([[-1000.0], [10.0]]), ONE) == pytest.approx(10 + np.log(0.25), abs=1e-4)


def test_unstarted_terms_keep_their_share() -> None:
    assert np.exp(mix_starts(np.array([[-1000.0], [-1000.0]]), ONE)) == pytest.approx(0.25)


def test_the_e_values_of_a_start_are_averaged_by_weight() -> None:
    log_e, weights = np.log([[2.0, 6.0], [1.0, 3.0]]), np.array([0.75, 0.25])
    assert np.exp(mix_starts(log_e, weights)) == pytest.approx(3.0 / 2 + 1.5 / 4 + 1 / 4)


def test_numbers_beyond_any_double_are_mixed_on_the_log_scale() -> None:
    assert mix_starts(np.array([[1e15], [-1e15]]), ONE) == pytest.approx(1e15)


def test_a_new_start_begins_at_zero_for_every_sum() -> None:
    grown = with_new_start(np.ones((2, 3, 4)))
    assert grown.shape == (3, 3, 4)
    assert not grown[-1].any()
    assert grown[:2].all()
