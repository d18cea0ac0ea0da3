"""Means, ratios and levels: bets on scores of the treatment against control in the same window. Asymptotic.

A bet is sized by what earlier windows say of the scale: the drift that the declared effect would give, over
the variance. With scores in that unit, the alternatives are the same multiples as for proportions (see
`prior`), and a window adds c * score - c^2 * variance / 2 for each. See `paired` for scores and `normal` for
validity.
"""

from dataclasses import dataclass
from functools import cached_property
from math import log

import numpy as np

from analysis.stats import prior
from analysis.stats.counts import Counts
from analysis.stats.dispersion import CALM
from analysis.stats.increments import Increments, Widths
from analysis.stats.mixture import Floats
from analysis.stats.normal import log_e_bets
from analysis.stats.numbers import chosen
from analysis.stats.paired import Pair, pair_of
from engine.core.model import Bound

_PROMOTE_BETS: Floats = np.array([0.6, 1.0, 1.4])
_PROMOTE_LOG_WEIGHTS: Floats = np.log([0.3, 0.5, 0.2])
_BETTER_BETS: Floats = np.array([0.1, 0.25, 0.5, 1.0])
_BETTER_LOG_WEIGHTS: Floats = np.log([0.2, 0.3, 0.3, 0.2])

_FEWEST_WINDOWS = 10
"""Windows whose observed variances are believed together; where squares of values are known, one is enough.
"""

_CONTROL_SUM = 5
"""Where control's weighted sum is in the totals."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Null:
    """Treatment = ratio * control + gap, with the difference that bets are sized for."""

    ratio: float
    gap: float
    relative_effect: float
    absolute_effect: float


@dataclass(frozen=True, kw_only=True)
class ValuesMethod:
    """Scores against tolerance and margin; see `trials.TrialsMethod` for the attributes."""

    tolerance: Bound
    margin: Bound
    effect_ratio: float
    higher_is_better: bool = False
    asks_better: bool = False

    @cached_property
    def _harm(self) -> tuple[_Null, ...]:
        ratio, gap = 1.0 + (self.tolerance.relative or 0.0), self.tolerance.absolute
        beyond = max(self.effect_ratio / ratio, 1.1) - 1.0
        by_ratio = _Null(ratio=ratio, gap=0.0, relative_effect=beyond, absolute_effect=0.0)
        by_gap = _Null(ratio=1.0, gap=gap or 0.0, relative_effect=0.0, absolute_effect=gap or 0.0)
        if not gap:
            return (by_ratio,)
        return (by_gap,) if self.tolerance.relative is None else (by_ratio, by_gap)

    @cached_property
    def _margin(self) -> tuple[_Null, ...]:
        relative, gap = self.margin.relative, self.margin.absolute
        ratio = 1.0 + (relative or 0.0)
        by_ratio = _Null(ratio=ratio, gap=0.0, relative_effect=1.0 - 1.0 / ratio, absolute_effect=0.0)
        by_gap = _Null(ratio=1.0, gap=gap or 0.0, relative_effect=0.0, absolute_effect=gap or 0.0)
        return tuple(null for null, asked in ((by_ratio, relative), (by_gap, gap)) if asked)

    @cached_property
    def _equal(self) -> _Null:
        return _Null(ratio=1.0, gap=0.0, relative_effect=self.effect_ratio - 1.0, absolute_effect=0.0)

    @cached_property
    def _nulls(self) -> "_Nulls":
        """Equality, harm's, promotion's, and equality again where being better is asked."""
        above = (self._equal, *self._harm)
        below = self._margin + ((self._equal,) if self.asks_better else ())
        return _Nulls.of(above, below)

    @cached_property
    def widths(self) -> Widths:
        """Columns of the sums: (score, variance) per null; the interval's are scaled, see `increments`."""
        return Widths(
            harm=2 * len(self._harm),
            promote=2 * len(self._margin),
            better=2 if self.asks_better else 0,
            effect=5,
            memory=6,
        )

    def increments(self, counts: Counts, memory: Floats, totals: Floats) -> Increments:
        """What a window adds; the first, or the first ten (`_FEWEST_WINDOWS`), only set the scale."""
        seen = pair_of(counts)
        worse = seen.turned() if self.higher_is_better else seen
        score, variance = worse.scores(self._nulls.ratios, self._nulls.gaps)
        bets = self._nulls.bets(memory)
        columns = _columns(self._nulls.signs * bets * score, bets * bets * variance)
        harm_to, promote_to = 2 + self.widths.harm, 2 + self.widths.harm + self.widths.promote
        equal = variance[..., 0]
        scores = np.array([score[..., 0], self._spread(worse, equal, totals)])
        return Increments(
            harm=columns[..., 2:harm_to],
            promote=columns[..., harm_to:promote_to],
            better=columns[..., promote_to:],
            effect=_effect(seen, bets[..., 0]),
            memory=memory + _remembered(worse, equal),
            scores=scores.T[..., None, :],
            totals=np.array([*seen.totals, seen.first, seen.second, seen.pairs]).T,
            exact=np.zeros(equal.shape),
        )

    def _spread(self, worse: Pair, variance: Floats, totals: Floats) -> Floats:
        """The score's variance for dispersion. An observed one leaves out the arms' ratio so far.

        Otherwise a lasting difference would count as variance of single windows and hide their correlation.
        """
        if worse.spread is not None:
            return variance
        first, second = totals.T[4:6]
        if self.higher_is_better:
            first, second = second, first
        second = second + worse.second
        ratio = (first + worse.first) / chosen(second != 0.0, second, 1.0)
        centred: Floats = worse.first - ratio * worse.second
        return centred * centred

    def swinging(self, information: Floats, totals: Floats) -> Floats:
        """Control's weighted sum is what the score moves by per unit of the treatment's log level."""
        known = information > 0.0
        moved = CALM * totals[:, _CONTROL_SUM, None]
        swinging: Floats = np.where(known, moved**2 / np.where(known, information, 1.0), 0.0)
        return swinging

    def log_e_harm(self, sums: Floats, dispersion: Floats) -> Floats:
        """Of a tolerance with two parts, the part that is contradicted less."""
        logs = _log_e(sums, dispersion[..., None], prior.STEPS, prior.LOG_WEIGHTS)
        smallest: Floats = logs[..., 0] if len(self._harm) == 1 else logs.min(axis=-1)
        return smallest

    def log_e_promote(self, sums: Floats, dispersion: Floats) -> Floats:
        """Worse by the larger of both parts: it is enough to contradict one, so both are bet on."""
        logs = _log_e(sums, dispersion[:, None], _PROMOTE_BETS, _PROMOTE_LOG_WEIGHTS)
        mixed: Floats = np.logaddexp.reduce(logs, axis=-1) - log(logs.shape[-1])
        return mixed

    def log_e_better(self, sums: Floats, dispersion: Floats) -> Floats:
        """Against equal means."""
        return _log_e(sums, dispersion[:, None], _BETTER_BETS, _BETTER_LOG_WEIGHTS)[:, 0]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Nulls:
    """Several nulls side by side, each of shape (nulls,); `signs` -1 bets on the treatment being below."""

    ratios: Floats
    gaps: Floats
    relative_effects: Floats
    absolute_effects: Floats
    signs: Floats

    @classmethod
    def of(cls, above: tuple[_Null, ...], below: tuple[_Null, ...]) -> "_Nulls":
        """Those above which, and then those below which, the treatment is bet to be."""
        every = above + below
        return cls(
            ratios=np.array([null.ratio for null in every]),
            gaps=np.array([null.gap for null in every]),
            relative_effects=np.array([null.relative_effect for null in every]),
            absolute_effects=np.array([null.absolute_effect for null in every]),
            signs=np.repeat([1.0, -1.0], [len(above), len(below)]),
        )

    def bets(self, memory: Floats) -> Floats:
        """Drift over variance at each null's effect, as far as earlier windows know; 0 before they do.

        The effect itself adds to the variance of its score: else constant values would ask for endless bets.
        """
        variance, pairs, own, control, weight, windows = memory.T
        heard = (pairs > 0.0) & (windows >= _FEWEST_WINDOWS)
        level = np.abs(control / chosen(heard, weight, 1.0))
        # In control's unit, the difference that should be found soon at this level of control.
        effects = np.maximum(self.relative_effects * level[..., None], self.absolute_effects)
        varied = variance[..., None] + effects * effects * own[..., None]
        known = heard[..., None] & (varied > 0.0)
        bets: Floats = np.divide(effects * pairs[..., None], varied, out=np.zeros_like(varied), where=known)
        return bets


def _remembered(window: Pair, variance: Floats) -> Floats:
    worth = 1.0 if window.spread is None else float(_FEWEST_WINDOWS)
    counted = worth * (window.pairs > 0.0)
    own = window.pairs * window.pairs if window.spread is None else window.pairs / 4.0
    return np.array([variance, window.pairs, own, *window.totals[2:], counted]).T


def _columns(score: Floats, variance: Floats) -> Floats:
    """(score, variance) per null side by side, shape (runs, 2 * nulls)."""
    pairs = np.empty((*score.shape, 2))
    pairs[..., 0], pairs[..., 1] = score, variance
    return pairs.reshape(*score.shape[:-1], -1)


def _effect(seen: Pair, unit: Floats) -> Floats:
    """What the interval of the ratio is made from; scaled, so that no window outweighs all others."""
    coefficients = [unit * unit * each for each in seen.quadratic()]
    return np.array([unit * seen.first, unit * seen.second, *coefficients]).T


def _log_e(sums: Floats, dispersion: Floats, bets: Floats, log_weights: Floats) -> Floats:
    nulls = sums.reshape(*sums.shape[:-1], -1, 2) / dispersion[..., None]
    return log_e_bets(nulls[..., 0], nulls[..., 1], bets, log_weights)
