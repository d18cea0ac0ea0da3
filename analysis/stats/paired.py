"""Both arms' values in one window as sums from which any null has its score. Knows no tolerance.

Of values (numbers, sums, sums of squares) and of quotients (numerators over denominators) alike: the
treatment's weighted sum is `first`, control's `second`, so that the score of "the treatment's mean, less a
gap and divided by a ratio, equals control's" is first / ratio - gap * pairs / ratio - second. Its variance is
a
quadratic of the ratio: that of all ways to assign the window's values to the arms (permutation variance)
where squares are known, else the square of the score itself.
"""

from dataclasses import dataclass

import numpy as np

from analysis.stats.counts import Counts, Quotients, ValueSums
from analysis.stats.mixture import Floats
from analysis.stats.numbers import larger


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pair:
    """One window, each of shape (runs,).

    Attributes:
        first, second: weighted sums of the treatment's and control's values; pairs: the weight of both.
        spread: the variance is the sum of the three, divided by ratio squared, ratio and 1; None where
            squares are not known.
        totals: sum and weight of the treatment, then of control.
    """

    first: Floats
    second: Floats
    pairs: Floats
    spread: tuple[Floats, Floats, Floats] | None
    totals: tuple[Floats, Floats, Floats, Floats]

    def scores(self, ratios: Floats, gaps: Floats) -> tuple[Floats, Floats]:
        """Score and variance of each null "treatment = ratio * control + gap", shapes (runs, nulls)."""
        score = (self.first[..., None] - gaps * self.pairs[..., None]) / ratios - self.second[..., None]
        if self.spread is None:
            return score, score * score
        t, both, c = self.spread
        variance = t[..., None] / ratios**2 + both[..., None] / ratios + c[..., None]
        return score, np.maximum(variance, 0.0)

    def quadratic(self) -> tuple[Floats, Floats, Floats]:
        """Coefficients of the variance in 1/ratio: squared, linear, constant."""
        if self.spread is not None:
            return self.spread
        return self.first * self.first, -2.0 * self.first * self.second, self.second * self.second

    def turned(self) -> "Pair":
        """The same window with the arms swapped."""
        spread = None if self.spread is None else self.spread[::-1]
        sum_t, weight_t, sum_c, weight_c = self.totals
        return Pair(
            first=self.second,
            second=self.first,
            pairs=self.pairs,
            spread=(spread[0], spread[1], spread[2]) if spread else None,
            totals=(sum_c, weight_c, sum_t, weight_t),
        )


def pair_of(counts: Counts) -> Pair:
    """A window of values or quotients."""
    match counts:
        case ValueSums():
            return _of_values(counts)
        case Quotients(treatment=t, control=c):
            (sum_t, weight_t), (sum_c, weight_c) = t.T, c.T
            whole = larger(weight_t + weight_c, 1e-300)
            others = weight_c / whole
            return Pair(
                first=sum_t * others,
                second=sum_c * (weight_t / whole),
                pairs=weight_t * others,
                spread=None,
                totals=(sum_t, weight_t, sum_c, weight_c),
            )
        case _:
            msg = f"neither values nor quotients: {type(counts).__name__}"
            raise TypeError(msg)


def _of_values(counts: ValueSums) -> Pair:
    (n_t, sum_t, squares_t), (n_c, sum_c, squares_c) = counts.treatment.T, counts.control.T
    n = larger(n_t + n_c, 1.0)
    others = n_c / n
    pairs = n_t * others
    each = pairs / larger(n - 1.0, 1.0)
    spread = (
        (
            each * (squares_t - sum_t * sum_t / n),
            each * (-2.0 * sum_t * sum_c / n),
            each * (squares_c - sum_c * sum_c / n),
        )
        if counts.spread_known
        else None
    )
    return Pair(
        first=sum_t * others,
        second=sum_c * (n_t / n),
        pairs=pairs,
        spread=spread,
        totals=(sum_t, n_t, sum_c, n_c),
    )
