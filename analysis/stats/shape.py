"""Where a slower latency distribution differs: in its whole body, or in a tail. Describes; judges nothing.

The comparison is within windows, so that ramps and daily cycles cancel: every window's shares per bucket have
the weight n_t n_c / (n_t + n_c), as in Mantel and Haenszel's test. Ranks see a shift of the body best (van
Elteren's test), the share above a high bound sees a tail; whichever deviates by more of its standard errors
tells the shape.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import accumulate
from math import sqrt

_TAIL = 0.1
"""A tail is what at most so many trials are in."""


class Shape(StrEnum):
    """How one distribution is slower than another."""

    BODY = "body"
    TAIL = "tail"


@dataclass(frozen=True, slots=True, kw_only=True)
class Paired:
    """Weighted shares per bucket, summed over windows; `weight` is the sum of the weights.

    Tuples have one entry per bucket, not cumulative, and add up to `weight`.
    """

    control: tuple[float, ...]
    treatment: tuple[float, ...]
    weight: float

    def with_window(self, control: Sequence[int], treatment: Sequence[int]) -> "Paired":
        """With one window more; counts per bucket, neither arm without trials."""
        n_c, n_t = sum(control), sum(treatment)
        n = n_c + n_t
        return Paired(
            control=tuple(was + x * n_t / n for was, x in zip(self.control, control, strict=True)),
            treatment=tuple(was + x * n_c / n for was, x in zip(self.treatment, treatment, strict=True)),
            weight=self.weight + n_c * n_t / n,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Slowness:
    """How the treatment is slower.

    Attributes:
        bound: index of the bucket bound above which the excess stands out most.
        control, treatment: shares above that bound. wins: how often a trial of the treatment is slower than
            one of control (half for a tie).
    """

    shape: Shape
    bound: int
    control: float
    treatment: float
    wins: float


def slowness(paired: Paired) -> Slowness | None:
    """How the treatment is slower than control; None where it is not."""
    control = [_share(each, paired) for each in accumulate(paired.control[:-1])]
    treatment = [_share(each, paired) for each in accumulate(paired.treatment[:-1])]
    scores = [_score(c, t, paired.weight) for c, t in zip(control, treatment, strict=True)]
    ranks, wins = _ranks(paired)
    tails = [score for score, c, t in zip(scores, control, treatment, strict=True) if (c + t) / 2 <= _TAIL]
    tail = max(tails, default=0.0)
    if max(ranks, tail) <= 0.0:
        return None
    shape = Shape.TAIL if tail > ranks else Shape.BODY
    bound = scores.index(tail if shape is Shape.TAIL else max(scores))
    return Slowness(shape=shape, bound=bound, control=control[bound], treatment=treatment[bound], wins=wins)


def _share(up_to: float, paired: Paired) -> float:
    return max(0.0, 1.0 - up_to / paired.weight)


def _score(control: float, treatment: float, weight: float) -> float:
    """Excess above one bound, in standard errors; 0 where nothing can differ."""
    both = (control + treatment) / 2
    spread = both * (1.0 - both)
    return (treatment - control) * sqrt(weight / spread) if spread > 0.0 else 0.0


def _ranks(paired: Paired) -> tuple[float, float]:
    """The excess of ranks in standard errors, and how often the treatment's trial is the slower one."""
    both = [(c + t) / 2 / paired.weight for c, t in zip(paired.control, paired.treatment, strict=True)]
    up_to = list(accumulate(both))
    ranks = [end - own / 2 for end, own in zip(up_to, both, strict=True)]
    mean = sum(rank * own for rank, own in zip(ranks, both, strict=True))
    variance = sum((rank - mean) ** 2 * own for rank, own in zip(ranks, both, strict=True))
    shares = zip(ranks, paired.control, paired.treatment, strict=True)
    excess = sum(rank * (t - c) for rank, c, t in shares) / paired.weight
    score = excess * sqrt(paired.weight / variance) if variance > 0.0 else 0.0
    return score, 0.5 + excess
