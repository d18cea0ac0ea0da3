"""Whole runs as arrays, ready to be fed to monitors that work on many runs at once. Values only."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricColumns:
    """One metric in a block of runs.

    Arrays have NaN where `present` is false; `sum_sq` also where it is unknown.

    Attributes:
        control: per column of the file, by its name, an array of shape (runs, windows). A distribution has
            `counts` of shape (runs, windows, buckets): trials per bucket, not cumulative, the last one above
            the last bound.
        treatments: the same per treatment, in the experiment's order.
        present: shape (runs, windows, 1 + treatments): that variant, control first, was measured then.
        bounds: finite upper bounds of a distribution's buckets, ascending; () for other kinds.
    """

    control: Mapping[str, Floats]
    treatments: tuple[Mapping[str, Floats], ...]
    present: NDArray[np.bool_]
    bounds: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RunBlock:
    """Some whole runs, in the order in which they first appear in the file.

    A run that is shorter than the longest of its block is padded at its end: times and weights are NaN there,
    and nothing is present.

    Attributes:
        runs: names; "" in a file without runs.
        window_ends: per run its windows' ends as the file writes them, in order of time.
        end_s: the same in epoch seconds, shape (runs, windows).
        lengths: windows per run, shape (runs,).
        weights: planned percent per treatment, shape (runs, windows, treatments), NaN where the file has
            none.
        metrics: by name as declared; all of the experiment's, whether in the file or not.
    """

    runs: tuple[str, ...]
    window_ends: tuple[tuple[str, ...], ...]
    end_s: Floats
    lengths: NDArray[np.int64]
    weights: Floats
    metrics: Mapping[str, MetricColumns]
