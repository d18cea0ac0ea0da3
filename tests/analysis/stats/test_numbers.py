"""Choices between numbers are those between arrays of one number."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from analysis.stats.numbers import chosen, larger, smaller

reals = st.floats(-10, 10)


@given(reals, reals)
def test_a_number_is_chosen_like_an_array_of_one(one: float, other: float) -> None:
    number, array = np.float64(one), np.array([one])
    for choose in (larger, smaller):
        assert choose(number, other) == choose(array, other)[0]
    assert chosen(number > 0.0, number, other) == chosen(array > 0.0, array, other)[0]


def test_a_chosen_constant_divides_like_numpy() -> None:
    with np.errstate(divide="ignore"):
        assert np.isinf(1.0 / larger(np.float64(-1.0), 0.0))
