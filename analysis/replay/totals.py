"""Whether a file of windows holds running totals by mistake, as counters do. Refuses nothing.

Totals that are fed as if each were a window's count everything again and again, and decide with far more
evidence than there was.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from analysis.stats.mixture import Floats
from analysis.window_files import MetricColumns, RunBlock

_FEWEST_WINDOWS = 12
"""Fewer that rise may be chance or a busy morning."""


def looks_running(block: RunBlock) -> frozenset[str]:
    """Metrics whose counts rise from every window to the next, in both arms of a run that is long enough."""
    return frozenset(name for name, columns in block.metrics.items() if _rises(columns))


def _rises(columns: MetricColumns) -> bool:
    arms = [_counts(arm) for arm in (columns.control, *columns.treatments)]
    known = [counts for counts in arms if counts is not None]
    return len(known) == len(arms) and bool(np.logical_and.reduce([_all_rise(each) for each in known]).any())


def _counts(arm: Mapping[str, Floats]) -> Floats | None:
    """Trials, values or events per window, (runs, windows); None of a kind that counts none."""
    if "counts" in arm:
        buckets: Floats = arm["counts"].sum(axis=-1)
        return buckets
    return next((arm[name] for name in ("total", "count") if name in arm), None)


def _all_rise(counts: Floats) -> NDArray[np.bool_]:
    """Which runs have counts that only rise, over windows enough; shape (runs,)."""
    steps = np.diff(counts, axis=1)
    rises = (steps > 0.0).sum(axis=1)
    only: NDArray[np.bool_] = (rises >= _FEWEST_WINDOWS - 1) & ~(steps <= 0.0).any(axis=1)
    return only
