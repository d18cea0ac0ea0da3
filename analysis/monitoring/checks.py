"""What a window and a declaration may hold. A wrong number is refused, never reckoned with. Pure.

Statistics take any numbers for what they say: negative errors look like a good release, NaN like none at all.
"""

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from itertools import pairwise
from math import inf, isfinite
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis.stats.counts import BucketCounts, Counts, EventCounts, Quotients, TrialCounts, ValueSums
from analysis.stats.mixture import Floats
from analysis.stats.pods import PodCounts
from engine.core.model import Metric, MetricKind

_TAKES: Mapping[MetricKind, type[Counts]] = {
    MetricKind.PROPORTION: TrialCounts,
    MetricKind.THRESHOLD: TrialCounts,
    MetricKind.COUNT: EventCounts,
    MetricKind.MEAN: ValueSums,
    MetricKind.DISTRIBUTION: BucketCounts,
    MetricKind.RATIO: Quotients,
    MetricKind.GAUGE: Quotients,
}
_Parts = TypeVar("_Parts", Counts, PodCounts)
_LARGEST_COUNT = 2.0**53
"""Above it a double does not tell a count from the next."""
_LARGEST_VALUE = 1e100
"""Its square, and sums of many of those, are still numbers."""
_ROUNDING = 1e-9


def checked_window(metric: Metric, bounds: Sequence[float], counts: Counts, runs: int | None) -> Counts:
    """The window with every number an array of doubles.

    Args:
        metric: what is watched.
        bounds: of its buckets, where it is a distribution.
        counts: the window.
        runs: how many there are; None where any number of runs will do.

    Raises:
        TypeError: another kind's counts. ValueError: a shape or a number that cannot be.
    """
    wanted = _TAKES[metric.kind]
    if not isinstance(counts, wanted):
        msg = f"a {metric.kind} takes {wanted.__name__}, not {type(counts).__name__}"
        raise TypeError(msg)
    match counts:
        case TrialCounts():
            return _trials(counts, runs)
        case EventCounts():
            return _events(counts, runs)
        case BucketCounts():
            return _buckets(metric, bounds, counts, runs)
        case ValueSums():
            return _values(metric, counts, runs)
        case Quotients():
            return _quotients(metric, counts, runs)


def check_declaration(metric: Metric, bounds: Sequence[float]) -> None:
    """Raises ValueError for a declaration that no evidence could be held against."""
    for name, bound in (("tolerance", metric.tolerance), ("margin", metric.margin)):
        for part, number in (("relative", bound.relative), ("absolute", bound.absolute)):
            wrong = number is not None and not 0.0 <= number < inf
            _refuse(wrong, f"{name}.{part} is {number}; expected 0 or more")
    _refuse(
        metric.effect is not None and not 0.0 < metric.effect < inf,
        f"effect is {metric.effect}; expected a number above 0, such as 0.5",
    )
    _refuse(
        metric.dispersion is not None and not 1.0 <= metric.dispersion < inf,
        f"dispersion is {metric.dispersion}; expected 1 or more",
    )
    if metric.kind is MetricKind.THRESHOLD:
        _refuse(
            metric.limit is None or not 0.0 < metric.limit < 1.0,
            f"limit is {metric.limit}; a threshold needs a share between 0 and 1",
        )
    else:
        _refuse(metric.limit is not None, "limit is for a threshold; others are held against control")
    _check_buckets(metric, bounds)


def kind_of(name: str) -> MetricKind:
    """The kind of this name. Raises ValueError for a name that is none."""
    known = [kind.value for kind in _TAKES]
    _refuse(name not in known, f"there is no kind {name!r}; expected one of {', '.join(known)}")
    return MetricKind(name)


def checked_pods(pods: PodCounts, runs: int) -> PodCounts:
    """What every pod had of a window, as arrays. ValueError: a shape or a number that cannot be."""
    arms: dict[str, NDArray[np.float64]] = {}
    for name in ("treatment", "control"):
        array = np.asarray(getattr(pods, name), dtype=np.float64)
        if array.ndim != 3 or len(array) != runs or array.shape[2] < 2:
            msg = f"{name} pods have shape {array.shape}; expected ({runs}, pods, trials and sums)"
            raise ValueError(msg)
        if not np.isfinite(array).all() or (array[..., 0] < 0).any():
            msg = f"{name} pods have trials below 0, or what is no number"
            raise ValueError(msg)
        arms[name] = array
    return PodCounts(**arms)


def only(counts: _Parts, having: NDArray[np.bool_]) -> _Parts:
    """The window with zeros in all runs but those `having` it."""
    kept: dict[str, Any] = {
        each.name: _kept(np.asarray(value), having)
        for each in fields(counts)
        if (value := getattr(counts, each.name)) is not None and not isinstance(value, bool | int)
    }
    return replace(counts, **kept)


def _kept(values: NDArray[Any], having: NDArray[np.bool_]) -> NDArray[Any]:
    rows = having.reshape(-1, *(1,) * (values.ndim - 1))
    return np.where(rows, values, 0.0) if values.shape[:1] == having.shape else values


def checked_alpha(name: str, alpha: float) -> float:
    """A probability between 0 and 1, both excluded. Raises ValueError for any other number."""
    _refuse(not 0.0 < alpha < 1.0, f"{name} is {alpha}; expected a probability between 0 and 1")
    return alpha


def _check_buckets(metric: Metric, bounds: Sequence[float]) -> None:
    if metric.kind is not MetricKind.DISTRIBUTION:
        _refuse(bool(bounds) or metric.slo_s is not None, "bounds and slo are for a distribution")
        return
    ascending = all(low < high for low, high in pairwise(bounds))
    _refuse(
        not bounds or not ascending or not all(map(isfinite, bounds)),
        f"bounds are {list(bounds)}; a distribution needs finite bounds, ascending, without +Inf",
    )
    wrong = metric.slo_s is not None and metric.slo_s not in bounds
    _refuse(wrong, f"slo is {metric.slo_s}; expected one of the bounds {list(bounds)}")


def _trials(counts: TrialCounts, runs: int | None) -> TrialCounts:
    bad_t, n_t, bad_c, n_c = every = _rows((counts.bad_t, counts.n_t, counts.bad_c, counts.n_c), runs)
    _refuse_counts(every)
    if not (every[::2] <= every[1::2]).all():
        msg = "more bad trials than trials; expected bad_t up to n_t and bad_c up to n_c"
        raise ValueError(msg)
    return TrialCounts(bad_t=bad_t, n_t=n_t, bad_c=bad_c, n_c=n_c)


def _events(counts: EventCounts, runs: int | None) -> EventCounts:
    treatment, control, share = every = _rows((counts.treatment, counts.control, counts.share), runs)
    _refuse_counts(every[:2])
    idle = (treatment == 0.0) & (control == 0.0)
    _refuse(
        not (((share > 0.0) & (share < 1.0)) | (idle & (share == 0.0))).all(),
        "share is not between 0 and 1; it is the treatment's planned part of both arms' traffic",
    )
    return EventCounts(treatment=treatment, control=control, share=share)


def _buckets(metric: Metric, bounds: Sequence[float], counts: BucketCounts, runs: int | None) -> BucketCounts:
    treatment, control = every = _tables((counts.treatment, counts.control), len(bounds) + 1, runs)
    _refuse_counts(every)
    slo = None if metric.slo_s is None else bounds.index(metric.slo_s)
    found = counts.slo
    _refuse(found != slo, f"slo is {found}; the bucket that ends at the watch's objective is {slo}")
    return BucketCounts(treatment=treatment, control=control, slo=slo)


def _values(metric: Metric, counts: ValueSums, runs: int | None) -> ValueSums:
    treatment, control = every = _tables((counts.treatment, counts.control), 3, runs)
    number, added, squares = np.moveaxis(every, -1, 0)
    _refuse_counts(number)
    _refuse_values(metric, added)
    if counts.spread_known:
        # Cauchy and Schwarz; the slack is for rounding.
        possible = (squares * number >= added * added * (1.0 - _ROUNDING)) & (squares <= _LARGEST_VALUE**2)
        _refuse(not possible.all(), "a sum of squares is below sum² / number, or no finite number")
    return ValueSums(treatment=treatment, control=control, spread_known=counts.spread_known)


def _quotients(metric: Metric, counts: Quotients, runs: int | None) -> Quotients:
    treatment, control = every = _tables((counts.treatment, counts.control), 2, runs)
    _refuse_values(metric, every[..., 0])
    denominators = every[..., 1]
    wrong = not ((denominators >= 0.0) & (denominators <= _LARGEST_VALUE)).all()
    _refuse(wrong, "a denominator is negative or no finite number")
    return Quotients(treatment=treatment, control=control)


def _rows(arrays: tuple[ArrayLike, ...], runs: int | None) -> Floats:
    """One row of `runs` numbers per array."""
    try:
        every = np.array(arrays, dtype=np.float64)
    except ValueError as error:
        msg = "every count needs one number per run, shape (runs,)"
        raise ValueError(msg) from error
    wrong = every.ndim != 2 or runs not in {None, every.shape[1]}
    _refuse(wrong, f"every count has shape {every.shape[1:]}; expected ({_said(runs)},), a number per run")
    return every


def _tables(arrays: tuple[ArrayLike, ...], columns: int, runs: int | None) -> Floats:
    """One table (runs, columns) per array."""
    try:
        every = np.array(arrays, dtype=np.float64)
    except ValueError as error:
        msg = f"both arms need the same shape (runs, {columns})"
        raise ValueError(msg) from error
    wrong = every.ndim != 3 or every.shape[2] != columns or runs not in {None, every.shape[1]}
    _refuse(wrong, f"an arm has shape {every.shape[1:]}; expected ({_said(runs)}, {columns})")
    return every


def _said(runs: int | None) -> str:
    return "runs" if runs is None else str(runs)


def _refuse_counts(counts: Floats) -> None:
    # Written so that NaN is refused, too.
    wrong = not ((counts >= 0.0) & (counts <= _LARGEST_COUNT)).all()
    _refuse(wrong, "a count is negative, NaN or above 2^53")


def _refuse_values(metric: Metric, values: Floats) -> None:
    """Below 0, a share of control's value would turn the comparison round."""
    relative = metric.tolerance.relative or metric.margin.relative
    lowest = 0.0 if relative else -_LARGEST_VALUE
    wrong = not ((values >= lowest) & (values <= _LARGEST_VALUE)).all()
    negative = "negative (which takes absolute tolerance and margin), " if relative else ""
    _refuse(wrong, f"a value is {negative}NaN or beyond 1e100")


def _refuse(wrong: bool, fault: str) -> None:
    if wrong:
        raise ValueError(fault)
