"""Proportions and counts: window-conditional likelihood ratios, and projections for absolute differences.

See `conditional` for the idea and its validity. A count without denominator is the same with the planned
traffic share in the place of the observed one: given that something happened, to whom?
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from analysis.stats import prior
from analysis.stats.conditional import ExactForm, uses_exact_form
from analysis.stats.counts import Counts
from analysis.stats.dispersion import SWINGING_RATE
from analysis.stats.increments import Increments, Widths
from analysis.stats.interval import GRID_RATIOS
from analysis.stats.mixture import (
    BETTER_LOG_WEIGHTS,
    BETTER_RATIOS,
    PROMOTE_LOG_WEIGHTS,
    PROMOTE_RATIOS,
    Floats,
    log_mix,
)
from analysis.stats.projection import base_rate, log_e_not_worse, log_e_worse, remembered
from analysis.stats.seen import Seen, Where, seen_in
from engine.core.model import Bound

_J = len(prior.STEPS)
_NEVER = np.zeros(1, dtype=np.bool_)
_P = len(PROMOTE_RATIOS)
_GAP_DOUBT = 1.4
"""A bet against an absolute difference leans on the treatment more than the score whose dispersion is known,
so that the excess over 1 counts so many times."""
_MAIN_BET, _SIDE_BET = np.log(0.98), np.log(0.02)
"""One shared incident must not wipe out the evidence of the projection: a little is bet conditionally."""


@dataclass(frozen=True, kw_only=True)
class TrialsMethod:
    """Likelihood ratios of a proportion or a count.

    Attributes:
        tolerance: worse than this is harm. margin: not worse than this may ship. effect_ratio: see `prior`.
        higher_is_better: `bad` counts good trials; everything is done with the arms swapped.
        asks_better: whether being better is asked. shows_effect: whether the interval's sums are kept.
        of_trials: whether bad ones are a share of trials; events are not.
    """

    tolerance: Bound
    margin: Bound
    effect_ratio: float
    higher_is_better: bool = False
    asks_better: bool = False
    shows_effect: bool = True
    of_trials: bool = True

    @cached_property
    def _ratios(self) -> Floats:
        """Harm alternatives (4), worst fine, promotion alternatives (3), margin, better (5 or 0), grid."""
        worst_fine = 1.0 + (self.tolerance.relative or 0.0)
        harm = prior.alternatives(worst_fine, self.effect_ratio)
        margin = 1.0 + (self.margin.relative or 0.0)
        better = 1.0 / BETTER_RATIOS if self.asks_better else ()
        grid = GRID_RATIOS if self.shows_effect else ()
        return np.array([*harm.ratios, worst_fine, *PROMOTE_RATIOS, margin, *better, *grid])

    @cached_property
    def _less_one(self) -> Floats:
        return self._ratios - 1.0

    @cached_property
    def _log(self) -> Floats:
        return np.log(self._ratios)

    @cached_property
    def _exact(self) -> ExactForm:
        return ExactForm(self._log[: self._better.stop])

    @cached_property
    def _better(self) -> slice:
        return slice(_J + _P + 2, _J + _P + 2 + (len(BETTER_RATIOS) if self.asks_better else 0))

    @cached_property
    def _by_gap(self) -> bool:
        """Whether harm has an absolute part; without a relative one it has nothing else."""
        return bool(self.tolerance.absolute)

    @cached_property
    def _by_ratio(self) -> bool:
        return not self._by_gap or self.tolerance.relative is not None

    @cached_property
    def widths(self) -> Widths:
        """Columns of the sums."""
        return Widths(
            harm=_J * (self._by_ratio + self._by_gap),
            promote=_P,
            better=self._better.stop - self._better.start,
            effect=len(GRID_RATIOS) if self.shows_effect else 0,
            memory=4 if self._by_gap or self.margin.absolute else 0,
        )

    def increments(self, counts: Counts, memory: Floats, totals: Floats) -> Increments:
        """What a window adds."""
        seen = seen_in(counts)
        worse = seen.swapped() if self.higher_is_better else seen
        logs = worse.logs(self._log, self._less_one)
        decide, exact = self._exact_where_common(logs, worse, totals)
        grid = logs[..., self._better.stop :]
        better = decide[..., self._better]
        return Increments(
            harm=self._harm(worse, decide, memory[..., :2]),
            promote=self._promote(worse, decide, memory[..., 2:]),
            better=better - decide[..., _J + _P : _J + _P + 1] if self.asks_better else better,
            effect=grid[..., ::-1] if self.higher_is_better else grid,
            memory=self._remembered(worse, memory),
            scores=worse.scores,
            totals=seen.totals,
            exact=exact,
        )

    def of_harm(self, counts: Counts, memory: Floats) -> tuple[Floats, Floats]:
        """What a window adds to harm's columns alone, in the binomial form, and what is remembered then."""
        seen = seen_in(counts)
        worse = seen.swapped() if self.higher_is_better else seen
        logs = worse.logs(self._log[: _J + 1], self._less_one[: _J + 1])
        return self._harm(worse, logs, memory[..., :2]), self._remembered(worse, memory)

    def swinging(self, information: Floats, totals: Floats) -> Floats:
        """That of a rate of at most `SWINGING_RATE`."""
        if not self.of_trials:
            return information
        return np.minimum(information, SWINGING_RATE * totals[:, 6:])

    def log_e_harm(self, sums: Floats, dispersion: Floats) -> Floats:
        """The ratio part, the absolute part, or the smaller of both: harm contradicts each of them."""
        if not self._by_gap:
            return log_mix(sums / dispersion[..., None], prior.LOG_WEIGHTS)
        parts = sums.reshape(*sums.shape[:-1], -1, _J) / self._divisors(dispersion)[..., None]
        smallest: Floats = log_mix(parts, prior.LOG_WEIGHTS).min(axis=-1)
        return smallest

    def _divisors(self, dispersion: Floats) -> Floats:
        """Dispersion of the ratio part and of the absolute part, each if there is one, on a new last axis."""
        by_gap = 1.0 + _GAP_DOUBT * (dispersion - 1.0)
        kinds = [dispersion] * self._by_ratio + [by_gap] * self._by_gap
        return np.stack(kinds, axis=-1)

    def log_e_promote(self, sums: Floats, dispersion: Floats) -> Floats:
        """Mixture over the alternatives."""
        doubt = _GAP_DOUBT if self.margin.absolute else 1.0
        return log_mix(sums / (1.0 + doubt * (dispersion - 1.0))[:, None], PROMOTE_LOG_WEIGHTS)

    def log_e_better(self, sums: Floats, dispersion: Floats) -> Floats:
        """Mixture over the alternatives."""
        return log_mix(sums / dispersion[:, None], BETTER_LOG_WEIGHTS)

    def _exact_where_common(self, logs: Floats, seen: Seen, totals: Floats) -> tuple[Floats, Floats]:
        """The exact form where earlier windows say that bad trials are common; see `conditional`."""
        exact = uses_exact_form(totals, seen.n) if seen.trials else _NEVER
        if not np.count_nonzero(exact):
            return logs, np.zeros(seen.n.shape)
        decide = logs.copy()
        each = decide.reshape(-1, decide.shape[-1])
        counts = np.array([seen.bad_t, seen.n_t, seen.bad_c, seen.n_c]).reshape(4, -1).astype(np.intp)
        for run in np.flatnonzero(exact).tolist():
            each[run, : self._better.stop] = self._exact.logs(*counts[:, run].tolist())
        return decide, exact.astype(np.float64)

    def _harm(self, seen: Seen, logs: Floats, memory: Floats) -> Floats:
        ratio: Floats = logs[..., :_J] - logs[..., _J : _J + 1]
        gap = self.tolerance.absolute
        if not gap:
            return ratio
        base = base_rate(memory, gap)
        worse = _worse_than(base + gap, self.effect_ratio, seen.trials)
        possible = seen.both & ((base + gap < 1.0 - 1e-9) | (not seen.trials))

        def bet(where: Where) -> Floats:
            each = (*where, ..., None)
            return log_e_worse(seen.arms(each), worse[where], base[each], gap)

        bets = _put(np.zeros_like(ratio), possible, bet)
        return np.concatenate([ratio, bets], axis=-1) if self._by_ratio else bets

    def _promote(self, seen: Seen, logs: Floats, memory: Floats) -> Floats:
        first = _J + 1
        conditional: Floats = logs[..., first : first + _P] - logs[..., first + _P : first + _P + 1]
        gap = self.margin.absolute
        if not gap:
            return conditional
        ratio = 1.0 + (self.margin.relative or 0.0)
        base = base_rate(memory, gap)
        chosen = (base * (ratio - 1.0) <= 2.0 * gap) & seen.both

        def bet(where: Where) -> Floats:
            projected = log_e_not_worse(seen.arms(where), base[where], ratio, gap)
            both: Floats = np.logaddexp(_MAIN_BET + projected[..., None], _SIDE_BET + conditional[where])
            return both

        return _put(conditional, chosen, bet)

    def _remembered(self, seen: Seen, memory: Floats) -> Floats:
        """Control's rate as harm's and promotion's absolute parts remember it, two columns each."""
        if not memory.shape[-1]:
            return memory
        after = memory.copy()
        for columns, gap in ((slice(0, 2), self.tolerance.absolute), (slice(2, 4), self.margin.absolute)):
            if gap:
                after[..., columns] = remembered(memory[..., columns], seen.bad_c, seen.n_c, gap)
        return after


def _put(into: Floats, where: NDArray[np.bool_], found: Callable[[Where], Floats]) -> Floats:
    """`into`, with what is `found` of the runs `where` in its place."""
    count = np.count_nonzero(where)
    if count == where.size:
        return found(())
    if count:
        into[where] = found((where,))
    return into


def _worse_than(rate: Floats, effect_ratio: float, is_share: bool) -> Floats:
    """Rates of the alternatives, shape (runs, 4): multiples of the odds of a share, else of the rate."""
    times = np.exp(prior.STEPS * np.log(max(effect_ratio, 1.1)))
    start = rate / np.maximum(1.0 - rate, 1e-9) if is_share else rate
    worse: Floats = start[..., None] * times
    return worse / (1.0 + worse) if is_share else worse
