"""Window-conditional likelihood ratios: only what both arms saw in the same window is compared.

Base rates may move and traffic shares may change between windows; neither enters. Two forms of one idea:
given how many bad trials a window had, which arm did they come from?

- Binomial form, `l(psi) = bad_t log psi - bad log(1 - r + r psi)` with r the treatment's share of trials and
  psi the risk ratio. exp(l(psi) - l(null)) has expectation at most 1 for every risk ratio on the null's side,
  whatever the base rate (log(1 + x) <= x). It loses about the base rate's share of its power.
- Exact form, Fisher's noncentral hypergeometric likelihood, psi the odds ratio: exact given both totals.

Sources: Lindon and Malek (arXiv 2011.03567); Turner, Ly and Grünwald (arXiv 2106.02693).
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.special import gammaln

from analysis.stats.interval import GRID_RATIOS
from analysis.stats.mixture import BETTER_RATIOS, HARM_RATIOS, PROMOTE_RATIOS, Floats
from engine.core.measure import TrialsReading
from engine.core.model import Bound

COMMON_RATE = 0.05
"""Above this share of bad trials the exact form replaces the binomial one."""
EXACT_MAX_TRIALS = 10_000
"""In larger windows the exact form costs too much, and the binomial one has power to spare."""

_LOG_FACTORIAL: Floats = gammaln(np.arange(EXACT_MAX_TRIALS + 1) + 1.0)


_BETTER = len(HARM_RATIOS) + 1 + len(PROMOTE_RATIOS) + 1
_NOT_ASKED: Floats = np.empty(0)
_EQUAL = _BETTER - 2
"""Where the promotion alternative of equal rates is: the null of "not better"."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RatioPoints:
    """Ratios at which a window's likelihood is needed, minus 1 and as logarithms.

    In order: harm alternatives (4), harm null, promotion alternatives (3, the last of them 1), promotion
    null, alternatives of being better (5, or 0 where that is not asked), and from `grid` on the candidates of
    the confidence sequence.
    """

    less_one: Floats
    log: Floats
    grid: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WindowLogs:
    """What one window says.

    Attributes:
        harm: log likelihood ratios of the harm alternatives against the tolerance's ratio, shape (4,).
        promote: those of the promotion alternatives against the margin's ratio, shape (3,).
        better: those of the alternatives of being better against equal rates, shape (5,) or (0,).
        grid: binomial-form log likelihood at the candidate risk ratios.
    """

    harm: Floats
    promote: Floats
    better: Floats
    grid: Floats


def ratio_of(bound: Bound) -> float:
    """The bound's ratio of treatment to control; 1 when it declares none."""
    return 1.0 + (bound.relative or 0.0)


@lru_cache(maxsize=256)
def ratio_points(tolerance: Bound, margin: Bound, *, asks_better: bool = False) -> RatioPoints:
    """The points for a metric's tolerance (harm) and margin (promotion), and for being better if asked."""
    worst_fine = ratio_of(tolerance)
    margin_ratio = max(1.0, ratio_of(margin))
    better = 1.0 / BETTER_RATIOS if asks_better else BETTER_RATIOS[:0]
    ratios = np.concatenate(
        [HARM_RATIOS * worst_fine, [worst_fine], PROMOTE_RATIOS, [margin_ratio], better, GRID_RATIOS]
    )
    return RatioPoints(less_one=ratios - 1.0, log=np.log(ratios), grid=_BETTER + len(better))


def binomial_logs(
    bad_treatment: Floats | int, bad: Floats | int, share: float, less_one: Floats, log: Floats
) -> Floats:
    """Binomial form at many ratios, given as ratios minus 1 and as logarithms.

    `bad_treatment` and `bad` (both arms) broadcast against the ratios; `share` is the treatment's share of
    the window's trials, above 0 and below 1.
    """
    logs: Floats = bad_treatment * log - bad * np.log1p(share * less_one)
    return logs


def exact_logs(reading: TrialsReading, log: Floats) -> Floats:
    """Exact form at many odds ratios (by their logarithms), up to a constant that is the same for all.

    The window has at most `EXACT_MAX_TRIALS` trials.
    """
    n_t, n_c = reading.treatment.total, reading.control.total
    bad = reading.treatment.bad + reading.control.bad
    low, high = max(0, bad - n_c), min(n_t, bad)
    falling = _log_factorials(n_t - high, n_t - low)[::-1], _log_factorials(bad - high, bad - low)[::-1]
    rising = _log_factorials(low, high), _log_factorials(n_c - bad + low, n_c - bad + high)
    terms = log[:, None] * np.arange(low, high + 1.0) - (rising[0] + falling[0] + falling[1] + rising[1])
    top = terms.max(axis=1)
    sums = top + np.log(np.exp(terms - top[:, None]).sum(axis=1))
    logs: Floats = reading.treatment.bad * log - sums
    return logs


def _log_factorials(first: int, last: int) -> Floats:
    return _LOG_FACTORIAL[first : last + 1]


def uses_exact_form(earlier_bad: int, earlier_total: int, window_total: int) -> bool:
    """Whether this window takes the exact form: decided by earlier windows and the window's size alone.

    The window's own bad trials must not choose the form; that would select evidence by its outcome.
    """
    return window_total <= EXACT_MAX_TRIALS and earlier_bad > COMMON_RATE * earlier_total


def window_logs(reading: TrialsReading, points: RatioPoints, *, exact: bool) -> WindowLogs:
    """What one window, in which both arms have trials, says at all the points."""
    n_t = reading.treatment.total
    bad = reading.treatment.bad + reading.control.bad
    share = n_t / (n_t + reading.control.total)
    logs = binomial_logs(reading.treatment.bad, bad, share, points.less_one, points.log)
    decide = exact_logs(reading, points.log[: points.grid]) if exact else logs
    return WindowLogs(
        harm=decide[:4] - decide[4],
        promote=decide[5:8] - decide[8],
        better=decide[_BETTER : points.grid] - decide[_EQUAL] if points.grid > _BETTER else _NOT_ASKED,
        grid=logs[points.grid :],
    )


def turned(reading: TrialsReading) -> TrialsReading:
    """The same window with the arms swapped.

    Where higher is better, what is counted is good, and control having more of it is what harm is. In the
    binomial form the likelihood at a ratio is that of the swapped window at its inverse, so the candidates of
    the confidence sequence, which lie evenly around 1, only change their order.
    """
    return TrialsReading(control=reading.treatment, treatment=reading.control)
