"""Elementwise choices, for arrays and for single numbers alike. Computes nothing else.

A live run is a batch of one, whose windows are numbers (see `increments.increments_of`). NumPy takes several
times as long as Python to choose between two of them.
"""

from typing import cast

import numpy as np
from numpy.typing import NDArray

from analysis.stats.mixture import Floats


def larger(one: Floats, other: Floats | float) -> Floats:
    """The larger of both; where `one` is a number, `other` has to be one."""
    if isinstance(one, float):
        return cast("Floats", np.float64(max(one, other)))
    found: Floats = np.maximum(one, other)
    return found


def smaller(one: Floats, other: Floats | float) -> Floats:
    """The smaller of both, as `larger`."""
    if isinstance(one, float):
        return cast("Floats", np.float64(min(one, other)))
    found: Floats = np.minimum(one, other)
    return found


def chosen(where: NDArray[np.bool_], one: Floats, other: Floats | float) -> Floats:
    """`one` where it is so, else `other`; of numbers if `where` is a single answer."""
    if isinstance(where, np.bool_):
        return cast("Floats", np.float64(one if where else other))
    return np.where(where, one, other)
