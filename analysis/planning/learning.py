"""What it costs a run that it has to find out its own dispersion: carefully at first, and by windows. Pure.

A young run takes its arms to swing, the more so the more a single window tells (see `stats.dispersion`), and
believes in calm only as windows come. So requests needed are not a fixed multiple: the same requests in few
large windows say less about dispersion than in many small ones.
"""

import numpy as np

from analysis.design.bounds import conditional_kl_bound
from analysis.planning.questions import UNKNOWN_DISPERSION, Question
from analysis.planning.schedule import Phase
from analysis.stats.dispersion import CALM, LEVELS, SWINGING_RATE, Blocks, estimated
from engine.core.model import MetricKind

_DOUBT = 1.35
"""Promotion takes so much more of what a run's own dispersion is above 1; as in `stats.monitor`."""
_OVER_BOUND = 1.2
"""Requests that are needed, over the least that any test needs."""
_RANKS = 14.0 * CALM**2 / 12.0
"""Information per pair of trials that ranks have on the log level of a latency; as in `stats.buckets`."""
_MOST_WINDOWS = 1e6


def price(question: Question, phase: Phase, *, rate_per_s: float, interval_s: float) -> float:
    """Requests to promote a good release at this weight, over those with a dispersion that is known to be 1.

    The metric's windows are taken to vary as independent trials do. Never less than
    `questions.UNKNOWN_DISPERSION`.
    """
    trials = rate_per_s * interval_s * (phase.weight_pct + phase.control_pct) / 100.0
    pairs = trials * phase.share * (1.0 - phase.share)
    tells = pairs * _per_pair(question)
    least = _requests(question, phase.share) / max(trials * phase.share, 1e-9)
    low, high = least, _MOST_WINDOWS
    if not least < high:
        return UNKNOWN_DISPERSION
    for _ in range(60):
        middle = (low * high) ** 0.5
        enough = middle >= least * _price_after(middle, tells)
        low, high = (low, middle) if enough else (middle, high)
    return max(UNKNOWN_DISPERSION, _price_after(high, tells))


def _per_pair(question: Question) -> float:
    """Information on an arm's log level, as a run takes it, per harmonic trial of both arms."""
    rate = question.flow.base_rate
    own = min(rate * (1.0 - rate), SWINGING_RATE)
    return max(own, _RANKS) if question.metric.kind is MetricKind.DISTRIBUTION else own


def _requests(question: Question, share: float) -> float:
    """Treatment requests to show that a good release is one, where windows vary as independent trials."""
    base, enough = question.flow.base_rate, question.log_promote
    if question.gap:
        spread = 2.0 * base * (1.0 - base) / ((1.0 - share) * question.gap**2)
        return enough * (spread + 1.0 / question.gap)
    if question.promotion is None:
        return np.inf
    ratio = 1.0 / question.effect if question.better else 1.0
    null = question.promotion.null_ratio
    walked = 1.0 - share if question.swapped else share
    least = conditional_kl_bound(base, ratio, walked, np.exp(-enough), null)
    return _OVER_BOUND * least * share / walked


def _price_after(windows: float, tells: float) -> float:
    """Promotion's divisor after so many windows that varied as independent trials."""
    full = np.maximum(windows / 2.0 ** np.arange(LEVELS) - 1.0, 0.0)
    blocks = Blocks(
        windows=max(1, round(windows)),
        growing=np.zeros((1, 1, LEVELS, 2)),
        latest=np.zeros((1, 1, LEVELS, 2)),
        sums=np.broadcast_to(full[None, None, :, None], (1, 1, LEVELS, 3)),
        information=np.full((1, 1), tells * windows),
    )
    found = estimated(blocks, np.ones((1, 1)), np.full((1, 1), tells * windows)).value
    return 1.0 + _DOUBT * (float(found[0]) - 1.0)
