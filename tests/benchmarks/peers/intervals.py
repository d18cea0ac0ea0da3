"""Rates per interval as whole numbers, and their counts by value as intervals accrue. Judges nothing.

Rank methods see one rate per interval and arm. On a common grid rates are whole numbers, so that ranks,
ties and all pairwise differences follow from how often each value occurred, for many runs at once.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tests.benchmarks.peers.streams import Floats, Streams

Whole = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """The treatment's rates and those of a control sample of the same size, shape (runs, intervals).

    `looks` is how many looks an interval has.
    """

    treatment: Whole
    control: Whole
    looks: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """How often each value occurred in the intervals so far, shape (runs, values) per arm."""

    intervals: int
    treatment: Floats
    control: Floats


def rates(streams: Streams, requests: int) -> Rates:
    """Rates over intervals of so many treatment requests, in units that make all of them whole."""
    sizes = streams.per_interval(streams.treatment, requests)
    finest = np.lcm.reduce(np.unique(sizes).astype(np.int64))
    scale = finest / sizes
    return Rates(
        treatment=np.rint(streams.per_interval(streams.bad_treatment, requests) * scale).astype(np.int64),
        control=np.rint(streams.per_interval(streams.baseline_bad, requests) * scale).astype(np.int64),
        looks=requests // streams.per_look,
    )


def growing(found: Rates, *, first: int, every: int) -> Iterator[Counted]:
    """Counts by value after `first` intervals and after each `every` more; the arrays are reused."""
    runs, intervals = found.treatment.shape
    values = int(max(found.treatment.max(), found.control.max())) + 1
    by_value = np.zeros((2, runs, values))
    rows = np.arange(runs)
    for index in range(intervals):
        by_value[0, rows, found.treatment[:, index]] += 1
        by_value[1, rows, found.control[:, index]] += 1
        seen = index + 1
        if seen >= first and (seen - first) % every == 0:
            yield Counted(intervals=seen, treatment=by_value[0], control=by_value[1])
