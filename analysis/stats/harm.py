"""Evidence that one metric is worse than the tolerance, as a mixture over start points. Judges no run.

A proportion has one bound to exceed (being bad), a latency histogram one per bucket, a threshold its limit.
Each bound has a ratio part, an absolute part, or both; "worse than the larger of both" must contradict each
of them, so the smaller e-value counts.
"""

from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from analysis.stats import exceedance, gaps, ridit
from analysis.stats.conditional import ratio_of
from analysis.stats.mixture import HARM_LOG_WEIGHTS, HARM_RATIOS, Floats, log_mix
from analysis.stats.projection import BaseRate
from analysis.stats.starts import MAX_STARTS, mix_starts, with_new_start
from engine.core.measure import HistogramReading, TrialsReading
from engine.core.model import Bound


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Harm:
    """State of one metric's harm evidence; the first axis of the sums is the start point, oldest first.

    Attributes:
        ratios: log likelihood ratios of the ratio part, shape (starts, bounds or 0, 4).
        gaps: the same of the absolute part. ridits: summed (score, variance), shape (starts, 2 or 0).
        bases: per bound the control's recent rate above it; empty without an absolute part.
        above: pooled trials above each bucket bound in earlier windows; empty without buckets.
        trials: pooled trials of earlier windows. fresh: the newest start has no window yet.
    """

    ratios: Floats
    gaps: Floats
    ridits: Floats
    bases: tuple[BaseRate, ...]
    above: Floats
    trials: int
    fresh: bool
    log_e: float
    log_e_max: float


def nothing_yet(tolerance: Bound, bounds: int, *, histogram: bool) -> Harm:
    """No evidence, with the sums that this tolerance needs for so many bounds."""
    gaps = bounds if tolerance.absolute else 0
    ratios = 0 if gaps and tolerance.relative is None else bounds
    return Harm(
        ratios=np.zeros((1, ratios, len(HARM_RATIOS))),
        gaps=np.zeros((1, gaps, len(HARM_RATIOS))),
        ridits=np.zeros((1, 2 if histogram else 0)),
        bases=(BaseRate(),) * gaps,
        above=np.zeros(bounds if histogram else 0),
        trials=0,
        fresh=True,
        log_e=0.0,
        log_e_max=0.0,
    )


def at_new_start(state: Harm) -> Harm:
    """With one more start point, unless the newest has no window yet or there are enough."""
    if state.fresh or len(state.ratios) >= MAX_STARTS:
        return state
    return replace(
        state,
        ratios=with_new_start(state.ratios),
        gaps=with_new_start(state.gaps),
        ridits=with_new_start(state.ridits),
        fresh=True,
    )


def with_counts(state: Harm, tolerance: Bound, reading: TrialsReading, ratios: Floats) -> Harm:
    """State of a proportion or threshold after one window.

    `ratios` are the window's log likelihood ratios of the ratio part (or against the limit), shape (4,).
    """
    sums, bases = state.gaps, state.bases
    if tolerance.absolute:
        increments, bases = gaps.increments(state.bases, [reading], tolerance.absolute)
        sums = state.gaps + increments
    trials = reading.control.total + reading.treatment.total
    return _grown(state, state.ratios + ratios, sums, state.ridits, bases, state.above, trials)


def with_histogram(state: Harm, tolerance: Bound, reading: HistogramReading) -> Harm:
    """State of a latency histogram after one window in which both arms have trials."""
    counts = np.array([reading.treatment.counts, reading.control.counts], dtype=np.float64)
    counts[1] += counts[0]  # the treatment's, and both arms' together
    up_to = counts.cumsum(axis=1)
    above = up_to[:, -1:] - up_to[:, :-1]
    ratio = ratio_of(tolerance)
    ratios, sums, bases = state.ratios, state.gaps, state.bases
    if ratios.shape[1]:
        mostly_above = (state.above > 0.5 * state.trials).astype(np.intp)
        ratios = ratios + exceedance.increments(above, up_to, ratio, mostly_above)
    if tolerance.absolute:
        readings = exceedance.readings(above, up_to)
        increments, bases = gaps.increments(state.bases, readings, tolerance.absolute)
        sums = state.gaps + increments
    drift = (ratio - 1.0) / 2 + (tolerance.absolute or 0.0)
    ridits = state.ridits + ridit.score(counts, up_to, drift)
    return _grown(state, ratios, sums, ridits, bases, state.above + above[1], int(up_to[1, -1]))


def _grown(
    state: Harm,
    ratios: Floats,
    gap_sums: Floats,
    ridits: Floats,
    bases: tuple[BaseRate, ...],
    above: Floats,
    trials: int,
) -> Harm:
    log_e = _log_e(ratios, gap_sums, ridits)
    return Harm(
        ratios=ratios,
        gaps=gap_sums,
        ridits=ridits,
        bases=bases,
        above=above,
        trials=state.trials + trials,
        fresh=False,
        log_e=log_e,
        log_e_max=max(state.log_e_max, log_e),
    )


def _log_e(ratios: Floats, gap_sums: Floats, ridits: Floats) -> float:
    """Log of the average over bounds, any ridit score (as much as all bounds) and start points."""
    bounds, scored = max(ratios.shape[1], gap_sums.shape[1]), ridits.shape[1] > 0
    both = ratios.shape[1] == gap_sums.shape[1]
    if both:
        log_e = np.minimum(log_mix(ratios, HARM_LOG_WEIGHTS), log_mix(gap_sums, HARM_LOG_WEIGHTS))
    else:
        log_e = (ratios if ratios.shape[1] else gap_sums).reshape(len(ratios), -1)
    if scored:
        log_e = np.concatenate([log_e, ridit.log_e(ridits)[:, None]], axis=1)
    return mix_starts(log_e, _weights(bounds, mixed=both, scored=scored))


@cache
def _weights(bounds: int, *, mixed: bool, scored: bool) -> Floats:
    """Weights of every bound's e-value (or, before they are mixed, its alternatives') and any ridit score."""
    one = np.ones(1) if mixed else np.exp(HARM_LOG_WEIGHTS)
    weights = np.tile(one / bounds, bounds)
    return np.append(weights / 2, 0.5) if scored else weights
