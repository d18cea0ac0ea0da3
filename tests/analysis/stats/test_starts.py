import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.stats.starts import log_start_weights, mix_starts, with_new_start


@given(st.integers(1, 64))
def test_weights_of_started_and_unstarted_terms_add_up_to_one(started: int) -> None:
    weights = np.exp(log_start_weights(started))
    assert weights.sum() == pytest.approx(1.0)
    assert weights[0] == pytest.approx(0.5)


@given(st.lists(st.floats(-50, 50), min_size=1, max_size=20))
def test_opening_a_start_changes_nothing_by_itself(log_e: list[float]) -> None:
    assert mix_starts(np.array([*log_e, 0.0])) == pytest.approx(mix_starts(np.array(log_e)))


def test_a_healthy_past_cannot_mask_a_later_start() -> None:
    assert mix_starts(np.array([-1000.0, 10.0])) == pytest.approx(10 + np.log(0.25), abs=1e-4)


def test_unstarted_terms_keep_their_share() -> None:
    assert np.exp(mix_starts(np.array([-1000.0, -1000.0]))) == pytest.approx(0.25)


def test_a_new_start_begins_at_zero_for_every_sum() -> None:
    grown = with_new_start(np.ones((2, 3, 4)))
    assert grown.shape == (3, 3, 4)
    assert not grown[-1].any()
    assert grown[:2].all()
