"""What one window adds to a metric's evidence, and how a method reads the sums. Holds no state.

Every method keeps sums over windows and nothing else: evidence of harm (with a copy of the sums at each start
point), for promotion, of being better, for the interval of the effect, and totals for people.
"""

from dataclasses import dataclass
from typing import Protocol

from analysis.stats.counts import Counts
from analysis.stats.mixture import Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Widths:
    """How many columns each kind of sum has; `scores` are those of which dispersion is estimated."""

    harm: int = 0
    promote: int = 0
    better: int = 0
    effect: int = 0
    memory: int = 0
    scores: int = 1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Increments:
    """What one window adds, each of shape (runs, columns).

    Attributes:
        memory: not added but put in the place of what earlier windows left for setting bets.
        scores: (score, variance) per tracked score, shape (runs, scores, 2).
        totals: bad, all, bad, all (treatment, control), and the Mantel-Haenszel sums, shape (runs, 7).
        exact: whether the exact form was used, shape (runs,).
    """

    harm: Floats
    promote: Floats
    better: Floats
    effect: Floats
    memory: Floats
    scores: Floats
    totals: Floats
    exact: Floats


class Method(Protocol):
    """How one kind of metric turns windows into evidence. Pure; arrays have a leading axis of runs.

    Windows, and only these, may lack that axis: then they are of one run, and so is what they add.
    """

    @property
    def widths(self) -> Widths:
        """Columns of the sums."""
        ...

    def increments(self, counts: Counts, memory: Floats, totals: Floats) -> Increments:
        """What a window adds; `memory` and `totals` are of earlier windows."""
        ...

    def swinging(self, information: Floats, totals: Floats) -> Floats:
        """Information on the log level of one arm, as far as it may swing, shape (runs, scores).

        `information` is the scores' summed variance; in the unit of a rate's logarithm at a rate of 1 % or
        less, see `dispersion`.
        """
        ...

    def log_e_harm(self, sums: Floats, dispersion: Floats) -> Floats:
        """Log e-values, (runs, starts), from harm sums (runs, starts, columns) and dispersion (runs, 1)."""
        ...

    def log_e_promote(self, sums: Floats, dispersion: Floats) -> Floats:
        """Log e-value against "worse by the margin or more", shape (runs,), from sums (runs, columns)."""
        ...

    def log_e_better(self, sums: Floats, dispersion: Floats) -> Floats:
        """Log e-value against "not better than control", shape (runs,)."""
        ...


def increments_of(method: Method, counts: Counts, memory: Floats, totals: Floats) -> Increments:
    """What a window adds, see `Method.increments`; soon for a single run, too.

    NumPy needs three times as long for arrays of one number as for the number.
    """
    if len(totals) != 1:
        return method.increments(counts, memory, totals)
    new = method.increments(counts.of_first_run, memory[0], totals[0])
    return Increments(
        harm=new.harm[None],
        promote=new.promote[None],
        better=new.better[None],
        effect=new.effect[None],
        memory=new.memory[None],
        scores=new.scores[None],
        totals=new.totals[None],
        exact=new.exact[None],
    )
