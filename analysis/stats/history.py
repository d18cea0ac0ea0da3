"""Dispersion from history in which both arms ran the same version. Estimates only; reads nothing.

The long-run variance of a window's score over that of independent trials: autocovariances summed in pairs of
neighbouring lags for as long as a pair is above its noise (initial positive sequence; Geyer, Statistical
Science 7, 1992, section 3.3), so that the number of lags follows from the data.
"""

from dataclasses import dataclass

import numpy as np

from analysis.stats.mixture import Floats

MAX_LAGS = 200
_NOISE = 1.3
"""Pairs of autocorrelations below this many times sqrt(log10(n) / n) end the sum."""
_CAUTION = 1.2
"""Standard errors of the sum over lags that are added: too small a dispersion breaks the promise, too large a
one only delays. Without correlation none are: windows that vary by themselves are many, and well known."""
_MOST_CAUTION = 0.3
"""No more than this part is added: with correlations that long, twice the error would cost all power."""
FEWEST_WINDOWS = 30
"""Fewer windows say nothing about dispersion."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoricDispersion:
    """What history says of one metric.

    Attributes:
        value: variance of sums over many windows over that of independent trials, at least 1; with somewhat
            more than a standard error of its estimate on top where windows are correlated.
        correlation_windows: how many windows stay correlated, that is how many lags were summed.
        too_long: correlation had not ended after `MAX_LAGS` lags or a tenth of the history.
        windows: how many the estimate rests on.
    """

    value: float
    correlation_windows: int
    too_long: bool
    windows: int


def historic_dispersion(*stretches: Floats) -> HistoricDispersion | None:
    """From (score, variance) per window, shape (stretches, windows, 2), zeros where nothing was measured.

    Several stretches (runs, days, pairs of pods), in one array or several, are used together; windows of
    different ones are never compared. None when there is too little to say anything.
    """
    counted = sum(int((scores[..., 1] > 0.0).sum()) for scores in stretches)
    lags = min(MAX_LAGS, max((scores.shape[1] for scores in stretches), default=0) // 10)
    variance = sum(float(scores[..., 1].sum()) for scores in stretches)
    if counted < FEWEST_WINDOWS or lags < 2 or variance <= 0.0:
        return None
    products = np.zeros(lags + 1)
    for scores in stretches:
        found = _autocovariances(scores[..., 0], lags)
        products[: len(found)] += found
    return _from_covariances(products / variance, counted)


def _autocovariances(values: Floats, lags: int) -> Floats:
    """Sums of products at lags 0 to `lags`, added over stretches."""
    windows = values.shape[1]
    size = 1 << (2 * windows - 1).bit_length()
    power = np.abs(np.fft.rfft(values, size, axis=1)) ** 2
    # Beyond its length a stretch has no products; the transform would give those of negative lags.
    products: Floats = np.fft.irfft(power, size, axis=1)[:, : min(lags + 1, windows)].sum(axis=0)
    return products


def _from_covariances(ratios: Floats, counted: int) -> HistoricDispersion:
    """How sure the sum is follows from the number of lags (Bartlett)."""
    pairs = ratios[1:-1:2] + ratios[2::2]
    noise = _NOISE * np.sqrt(np.log10(counted) / counted) * ratios[0]
    below = np.flatnonzero(pairs <= noise)
    kept = int(below[0]) if len(below) else len(pairs)
    relative_error = np.sqrt(8.0 * kept / counted)
    caution = 1.0 + min(_CAUTION * relative_error, _MOST_CAUTION)
    value = caution * float(ratios[0] + 2.0 * pairs[:kept].sum())
    return HistoricDispersion(
        value=max(1.0, value),
        correlation_windows=2 * kept,
        too_long=kept == len(pairs),
        windows=counted,
    )
