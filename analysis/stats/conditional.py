"""Window-conditional likelihood ratios: only what both arms saw in the same window is compared.

Base rates may move and traffic shares may change between windows; neither enters. Two forms of one idea:
given how many bad trials a window had, which arm did they come from?

- Binomial form, `l(psi) = bad_t log psi - bad log(1 - r + r psi)` with r the treatment's share of trials and
  psi the risk ratio. exp(l(psi) - l(null)) has expectation at most 1 for every risk ratio on the null's side,
  whatever the base rate (log(1 + x) <= x). It loses about the base rate's share of its power.
- Exact form, Fisher's noncentral hypergeometric likelihood, psi the odds ratio: exact given both totals.

Sources: Lindon and Malek (arXiv 2011.03567); Turner, Ly and Grünwald (arXiv 2106.02693).
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from analysis.stats.mixture import Floats

COMMON_RATE = 0.05
"""Above this share of bad trials the exact form replaces the binomial one."""
EXACT_MAX_TRIALS = 10_000
"""In larger windows the exact form costs too much, and the binomial one has power to spare."""
_LARGEST_LOG = 600.0
"""Exponentials of such numbers are doubles, and so are their products with what is as far below 1."""

_LOG_FACTORIAL: Floats = gammaln(np.arange(EXACT_MAX_TRIALS + 1) + 1.0)


class ExactForm:
    """The exact form at some odds ratios, given by their logarithms."""

    def __init__(self, log: Floats) -> None:
        self._log = log
        size = int(_LARGEST_LOG / max(np.abs(log).max(), 1e-3))
        self._powers = np.exp(np.arange(min(size, EXACT_MAX_TRIALS) + 1.0)[:, None] * log)

    def logs(self, bad_t: int, n_t: int, bad_c: int, n_c: int) -> Floats:
        """Up to a constant that is the same for all; the window has at most `EXACT_MAX_TRIALS` trials."""
        bad = bad_t + bad_c
        low, high = max(0, bad - n_c), min(n_t, bad)
        terms = -(
            _log_factorials(low, high)
            + _log_factorials(n_c - bad + low, n_c - bad + high)
            + _log_factorials(n_t - high, n_t - low)[::-1]
            + _log_factorials(bad - high, bad - low)[::-1]
        )
        logs: Floats = (bad_t - low) * self._log - self._summed(terms)
        return logs

    def _summed(self, terms: Floats) -> Floats:
        """Log of the sum of exp(term + i log) over the terms, i being their place."""
        size = len(terms)
        if size <= len(self._powers):
            top = np.maximum.reduce(terms)
            sums: Floats = top + np.log(np.exp(terms - top) @ self._powers[:size])
            return sums
        # So many powers leave the range of doubles.
        tilted = terms + self._log[:, None] * np.arange(size)
        tops = np.maximum.reduce(tilted, axis=1)
        tilted_sums: Floats = tops + np.log(np.exp(tilted - tops[:, None]).sum(axis=1))
        return tilted_sums


def _log_factorials(first: int, last: int) -> Floats:
    return _LOG_FACTORIAL[first : last + 1]


def uses_exact_form(totals: Floats, window_total: Floats) -> NDArray[np.bool_]:
    """Whether a window takes the exact form, shape (runs,): earlier windows and its size alone decide.

    `totals` are bad, all, bad, all of earlier windows, shape (runs, 4 or more). The window's own bad trials
    must not choose the form; that would select evidence by its outcome.
    """
    bad_t, n_t, bad_c, n_c = totals.T[:4]
    usable = (window_total > 0.0) & (window_total <= EXACT_MAX_TRIALS)
    common: NDArray[np.bool_] = usable & (bad_t + bad_c > COMMON_RATE * (n_t + n_c))
    return common
