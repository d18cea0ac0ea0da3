"""Latency distributions: shares above every bucket bound, and ranks. Whole counts only.

Harm is the average of two kinds of evidence: per bucket bound, that the share above it is larger than
tolerated (finds tails, exact); and a ridit score, that the treatment drew the slower ranks of the window
(finds shifts of the body, asymptotic). Promotion and being better look at the share above the objective, as a
proportion.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from analysis.stats import ridit
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
        first, last = self._memories
        above, bound_memory = self._above(worse, memory[:, :first], memory[:, first:last])
        ranks = ridit.scores(worse.treatment, worse.treatment + worse.control, self._drift)
        harm = np.concatenate([above, ranks], axis=1)
        remembered = np.concatenate([memory[:, :first] + _above_and_all(worse), bound_memory], axis=1)
        slower, tracked = _slower(counts), _against_equal(ranks, worse, self._drift)
        if self.objective is None:
            return _without_objective(harm, remembered, tracked, slower)
        shares = self.objective.increments(slower, memory[:, last:], totals)
        return replace(
            shares,
            harm=harm,
            memory=np.concatenate([remembered, shares.memory], axis=1),
            scores=np.concatenate([tracked[:, None, :], shares.scores], axis=1),
        )

    def swinging(self, information: Floats, totals: Floats) -> Floats:
        """Of ranks, a part of their variance; of the share above the objective, as of a proportion."""
        ranks = _RANKS_SWING * information[:, :1]
        if self.objective is None:
            return ranks
        return np.concatenate([ranks, self.objective.swinging(information[:, 1:], totals)], axis=1)

    def log_e_harm(self, sums: Floats, dispersion: Floats) -> Floats:
        """The average of the ridit's e-value and of those of all bounds."""
        bounds = sums[..., :-_RIDIT].reshape(*sums.shape[:-1], self.bounds, -1)
        tails = self._bound.log_e_harm(bounds, dispersion[..., None])
        most = tails.max(axis=-1)
        tail = most + np.log(np.exp(tails - most[..., None]).mean(axis=-1))
        body = ridit.log_e(sums[..., -_RIDIT], sums[..., -1], dispersion)
        both: Floats = np.logaddexp(np.log(RANKS) + body, np.log1p(-RANKS) + tail)
        return both

    def log_e_promote(self, sums: Floats, dispersion: Floats) -> Floats:
        """Of the share above the objective; nothing without one."""
        return self.objective.log_e_promote(sums, dispersion) if self.objective else np.zeros(len(sums))

    def log_e_better(self, sums: Floats, dispersion: Floats) -> Floats:
        """Of the share above the objective; nothing without one."""
        return self.objective.log_e_better(sums, dispersion) if self.objective else np.zeros(len(sums))

    def _above(self, counts: BucketCounts, earlier: Floats, memory: Floats) -> tuple[Floats, Floats]:
        """Harm columns of all bounds and what their methods remember.

        Where most trials of earlier windows exceeded a bound, "slower" shows in the few that did not: there,
        those are counted, with the arms swapped.
        """
        up_to_t, up_to_c = counts.treatment.cumsum(axis=1), counts.control.cumsum(axis=1)
        n_t, n_c = up_to_t[:, -1:], up_to_c[:, -1:]
        mostly = earlier[:, :-1] > 0.5 * earlier[:, -1:]
        shape = mostly.shape
        trials = TrialCounts(
            bad_t=np.where(mostly, up_to_c[:, :-1], n_t - up_to_t[:, :-1]).ravel(),
            n_t=np.where(mostly, n_c, n_t).ravel(),
            bad_c=np.where(mostly, up_to_t[:, :-1], n_c - up_to_c[:, :-1]).ravel(),
            n_c=np.where(mostly, n_t, n_c).ravel(),
        )
        each = len(trials.n_t)
        found = self._bound.increments(trials, memory.reshape(each, -1), np.zeros((each, 7)))
        return found.harm.reshape(shape[0], -1), found.memory.reshape(shape[0], -1)


def _swapped(counts: BucketCounts) -> BucketCounts:
    return replace(counts, treatment=counts.control, control=counts.treatment)


def _above_and_all(counts: BucketCounts) -> Floats:
    """Both arms' trials above each bound and, last, all of them."""
    up_to = (counts.treatment + counts.control).cumsum(axis=1)
    return np.concatenate([up_to[:, -1:] - up_to[:, :-1], up_to[:, -1:]], axis=1)


def _slower(counts: BucketCounts) -> TrialCounts:
    """Trials above the objective; none of them is bad where none is declared."""
    first = counts.treatment.shape[1] if counts.slo is None else counts.slo + 1
    return TrialCounts(
        bad_t=counts.treatment[:, first:].sum(axis=1),
        n_t=counts.treatment.sum(axis=1),
        bad_c=counts.control[:, first:].sum(axis=1),
        n_c=counts.control.sum(axis=1),
    )


def _against_equal(ranks: Floats, counts: BucketCounts, drift: float) -> Floats:
    """The ranks' (score, variance) without the tolerance: in A/A history its mean has to be zero."""
    if drift == 0.0:
        return ranks
    n_t, n_c = counts.treatment.sum(axis=1), counts.control.sum(axis=1)
    tolerated = drift * n_t * n_c / np.maximum(n_t + n_c, 1.0)
    return np.stack([ranks[:, 0] + tolerated, ranks[:, 1]], axis=1)


def _without_objective(harm: Floats, memory: Floats, ranks: Floats, slower: TrialCounts) -> Increments:
    nothing = np.zeros((len(harm), 0))
    zeros = np.zeros_like(slower.n_t)
    return Increments(
        harm=harm,
        promote=nothing,
        better=nothing,
        effect=nothing,
        memory=memory,
        scores=ranks[:, None, :],
        totals=np.stack([zeros, slower.n_t, zeros, slower.n_c, zeros, zeros, zeros], axis=1),
        exact=zeros,
    )
