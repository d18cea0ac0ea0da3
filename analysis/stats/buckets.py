"""Latency distributions: shares above every bucket bound, and ranks. Whole counts only.

Harm is the average of two kinds of evidence: per bucket bound, that the share above it is larger than
tolerated (finds tails, exact); and a ridit score, that the treatment drew the slower ranks of the window
(finds shifts of the body, asymptotic). Promotion and being better look at the share above the objective, as a
proportion.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from analysis.stats import prior, ridit
from analysis.stats.counts import BucketCounts, Counts, TrialCounts
from analysis.stats.dispersion import CALM
from analysis.stats.increments import Increments, Widths
from analysis.stats.mixture import Floats
from analysis.stats.trials import TrialsMethod
from engine.core.model import Bound

RANKS = 0.6
"""Part of the evidence that is on ranks; the rest is shared by the bucket bounds."""
TAIL_EFFECT = 1.5
"""Ratio of shares above a bound that is looked for."""
_RIDIT = 2
_LOG_RANKS, _LOG_TAILS = np.log(RANKS), np.log1p(-RANKS)
_RANKS_SWING = 14.0 * CALM**2
"""Information on the log level of a log-normal latency (sigma 0.9) per unit of its ranks' variance, that is
twelve times the squared integral of the squared density, and how calm latencies are."""


@dataclass(frozen=True, kw_only=True)
class BucketsMethod:
    """Exceedance and ridit evidence of a histogram.

    Attributes:
        bounds: how many finite bucket bounds. tolerance: worse than this is harm.
        objective: the share above the latency objective as a proportion; None without an objective.
        higher_is_better: slower is better: harm is looked for with the arms swapped.
    """

    bounds: int
    tolerance: Bound
    objective: TrialsMethod | None
    higher_is_better: bool = False

    @cached_property
    def _bound(self) -> TrialsMethod:
        return TrialsMethod(
            tolerance=self.tolerance, margin=Bound(), effect_ratio=TAIL_EFFECT, shows_effect=False
        )

    @cached_property
    def _drift(self) -> float:
        """Tolerated excess of P(treatment slower) + P(equal)/2 over 1/2."""
        return (self.tolerance.relative or 0.0) / 2 + (self.tolerance.absolute or 0.0)

    @cached_property
    def _memories(self) -> tuple[int, int]:
        """Where the memory of the bounds' methods begins and ends, after trials above each, and all."""
        return self.bounds + 1, self.bounds + 1 + self.bounds * self._bound.widths.memory

    @cached_property
    def widths(self) -> Widths:
        """Columns of the sums: alternatives per bound, then the ridit's (score, variance)."""
        objective = self.objective.widths if self.objective else Widths()
        return replace(
            objective,
            harm=self.bounds * self._bound.widths.harm + _RIDIT,
            memory=self._memories[1] + objective.memory,
            scores=2 if self.objective else 1,
        )

    def increments(self, counts: Counts, memory: Floats, totals: Floats) -> Increments:
        """What a window adds."""
        if not isinstance(counts, BucketCounts):
            msg = f"no histogram: {type(counts).__name__}"
            raise TypeError(msg)
        worse = _swapped(counts) if self.higher_is_better else counts
        up_to = np.add.accumulate(np.array([worse.treatment, worse.control]), axis=-1)
        above, remembered = self._above(up_to, memory)
        ranks = ridit.scores(worse.treatment, worse.treatment + worse.control, self._drift)
        harm = np.concatenate([above, ranks], axis=-1)
        tracked = _against_equal(ranks, up_to[..., -1], self._drift)[..., None, :]
        slower = _slower(up_to[::-1] if self.higher_is_better else up_to, counts.slo)
        if self.objective is None:
            return _without_objective(harm, remembered, tracked, slower)
        last = self._memories[1]
        shares = self.objective.increments(slower, memory[..., last:], totals)
        remembered[..., last:] = shares.memory
        return Increments(
            harm=harm,
            promote=shares.promote,
            better=shares.better,
            effect=shares.effect,
            memory=remembered,
            scores=np.concatenate([tracked, shares.scores], axis=-2),
            totals=shares.totals,
            exact=shares.exact,
        )

    def swinging(self, information: Floats, totals: Floats) -> Floats:
        """Of ranks, a part of their variance; of the share above the objective, as of a proportion."""
        ranks = _RANKS_SWING * information[:, :1]
        if self.objective is None:
            return ranks
        return np.concatenate([ranks, self.objective.swinging(information[:, 1:], totals)], axis=1)

    def log_e_harm(self, sums: Floats, dispersion: Floats) -> Floats:
        """The average of the ridit's e-value and of those of all bounds."""
        logs, weights = self._tails(sums[..., :-_RIDIT], dispersion)
        most = np.maximum.reduce(logs, axis=-1)
        tail = most + np.log(np.exp(logs - most[..., None]) @ weights)
        body = ridit.log_e(sums[..., -_RIDIT], sums[..., -1], dispersion)
        both: Floats = np.logaddexp(_LOG_RANKS + body, _LOG_TAILS + tail)
        return both

    def log_e_promote(self, sums: Floats, dispersion: Floats) -> Floats:
        """Of the share above the objective; nothing without one."""
        return self.objective.log_e_promote(sums, dispersion) if self.objective else np.zeros(len(sums))

    def log_e_better(self, sums: Floats, dispersion: Floats) -> Floats:
        """Of the share above the objective; nothing without one."""
        return self.objective.log_e_better(sums, dispersion) if self.objective else np.zeros(len(sums))

    @cached_property
    def _even(self) -> tuple[Floats, Floats]:
        """Weights of all bounds, and of all alternatives of all bounds."""
        bounds = np.full(self.bounds, 1.0 / self.bounds)
        return bounds, np.kron(bounds, np.exp(prior.LOG_WEIGHTS))

    def _tails(self, sums: Floats, dispersion: Floats) -> tuple[Floats, Floats]:
        """Logs of e-values of which the evidence of all bounds is the weighted average, and the weights."""
        by_bound, by_alternative = self._even
        if not self.tolerance.absolute:
            return sums / dispersion[..., None], by_alternative
        bounds = sums.reshape(*sums.shape[:-1], self.bounds, -1)
        return self._bound.log_e_harm(bounds, dispersion[..., None]), by_bound

    def _above(self, up_to: Floats, memory: Floats) -> tuple[Floats, Floats]:
        """Harm columns of all bounds, and all that is remembered but for the objective.

        Where most trials of earlier windows exceeded a bound, "slower" shows in the few that did not: there,
        those are counted, with the arms swapped. `up_to` is trials up to each bound, (arms, runs, buckets).
        """
        first, last = self._memories
        mostly = memory[..., : self.bounds] > 0.5 * memory[..., self.bounds : first]
        below, every = up_to[..., :-1], up_to[..., -1:]
        over = every - below
        bad_t, bad_c = np.where(mostly, below[::-1], over)
        n_t, n_c = np.where(mostly, every[::-1], every)
        trials = TrialCounts(bad_t=bad_t, n_t=n_t, bad_c=bad_c, n_c=n_c)
        lead = mostly.shape[:-1]
        harm, bounds = self._bound.of_harm(trials, memory[..., first:last].reshape(*mostly.shape, -1))
        remembered = memory.copy()
        remembered[..., : self.bounds] += over[0] + over[1]
        remembered[..., self.bounds : first] += every[0] + every[1]
        remembered[..., first:last] = bounds.reshape(*lead, -1)
        return harm.reshape(*lead, -1), remembered


def _swapped(counts: BucketCounts) -> BucketCounts:
    return replace(counts, treatment=counts.control, control=counts.treatment)


def _slower(up_to: Floats, slo: int | None) -> TrialCounts:
    """Trials above the objective; none of them is bad where none is declared."""
    n_t, n_c = every = up_to[..., -1]
    bad_t, bad_c = every - (every if slo is None else up_to[..., slo])
    return TrialCounts(bad_t=bad_t, n_t=n_t, bad_c=bad_c, n_c=n_c)


def _against_equal(ranks: Floats, every: Floats, drift: float) -> Floats:
    """The ranks' (score, variance) without the tolerance: in A/A history its mean has to be zero."""
    if drift == 0.0:
        return ranks
    n_t, n_c = every
    score, variance = ranks.T
    return np.array([score + drift * n_t * n_c / np.maximum(n_t + n_c, 1.0), variance]).T


def _without_objective(harm: Floats, memory: Floats, ranks: Floats, slower: TrialCounts) -> Increments:
    nothing = harm[..., :0]
    zeros = np.zeros(slower.n_t.shape)
    return Increments(
        harm=harm,
        promote=nothing,
        better=nothing,
        effect=nothing,
        memory=memory,
        scores=ranks,
        totals=np.array([zeros, slower.n_t, zeros, slower.n_c, zeros, zeros, zeros]).T,
        exact=zeros,
    )
