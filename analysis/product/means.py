"""Variants' means, ratios and adjusted means from exact totals. Estimates; judges nothing, picks no method.

A ratio is linearised at its arm's own ratio (delta method; Deng, Knoblich and Lu, KDD 2018), and so is the
number of the time before. The adjustment by that earlier number (CUPED; Deng, Xu, Kohavi and Walker, WSDM
2013) takes one coefficient for all variants, theta = cov(Y, X) / var(X) of all their units together.

Looking again and again with a theta from the same data is sound because

- X was fixed before the first exposure, so that variants differ in it by chance only, whatever a treatment
  does;
- theta does not change when labels are exchanged, so that without an effect it favours no variant;
- its error moves the difference by (theta - limit) * (difference in X): a product of two small numbers, of
  order 1 / units, while the standard error is of order 1 / sqrt(units). With the fewest units for which an
  interval is given it is a few hundredths of it.

It would not be sound for an X that treatment can change, or with a theta per variant.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import expm1, log, sqrt

from analysis.product.result import Interval
from analysis.product.totals import Moments, Variable

FEWEST_EVENTS = 25
"""Below so many conversions a logarithm of their share is not near enough to normal; see `Arm.sure`. With a
denominator of so few units a ratio is not; see `divisible`."""

Weights = Mapping[Variable, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """One variant in one slice.

    Attributes:
        measured: mean or ratio as it is. mean: adjusted.
        variance: of one unit's adjusted number, in the linear form. plain_variance: without adjustment.
    """

    units: int
    measured: float
    mean: float
    variance: float
    plain_variance: float

    @property
    def squared_error(self) -> float:
        """Of the adjusted mean."""
        return self.variance / self.units

    @property
    def sure(self) -> bool:
        """Whether the mean is positive and far enough from 0 for relative effects.

        (sum y)² / sum y² is the number of conversions where y is 0 or 1, and how many equal units would be
        as uncertain elsewhere.
        """
        square = self.mean**2
        return self.mean > 0.0 and self.units * square >= FEWEST_EVENTS * (self.variance + square)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contrast:
    """A treatment and control, compared."""

    control: Arm
    treatment: Arm

    @property
    def difference(self) -> float:
        """Of the adjusted means."""
        return self.treatment.mean - self.control.mean

    @property
    def standard_error(self) -> float:
        """Of the difference, each arm with its own variance (Welch)."""
        return sqrt(self.treatment.squared_error + self.control.squared_error)

    @property
    def pooled_error(self) -> float:
        """Of the difference, if treatment moves units but does not change how much they differ."""
        control, treatment = self.control, self.treatment
        freedom = control.units + treatment.units - 2
        sums = (control.units - 1) * control.variance + (treatment.units - 1) * treatment.variance
        return sqrt(sums / freedom * (1 / control.units + 1 / treatment.units))

    @property
    def comparable(self) -> bool:
        """Whether a relative effect can be told."""
        return self.control.sure and self.treatment.sure

    @property
    def log_error(self) -> float:
        """Standard error of the logarithm of treatment over control, by the delta method."""
        control, treatment = self.control, self.treatment
        return sqrt(treatment.squared_error / treatment.mean**2 + control.squared_error / control.mean**2)

    def relative_within(self, errors: float) -> Interval | None:
        """Of the relative effect: so many standard errors of the ratio's logarithm to either side of it."""
        if not self.comparable:
            return None
        centre = log(self.treatment.mean / self.control.mean)
        half = errors * self.log_error
        return Interval(low=expm1(centre - half), high=expm1(centre + half))

    @property
    def reduction(self) -> float:
        """Share of the variance of the difference that the adjustment took away."""
        both = (self.control, self.treatment)
        plain = sum(arm.plain_variance / arm.units for arm in both)
        return max(0.0, 1.0 - sum(arm.squared_error for arm in both) / plain) if plain else 0.0


def measured(moments: Moments) -> float | None:
    """The mean, or the ratio, of a cell as it is; None without units, or a ratio without a denominator."""
    whole = moments.sums.get(Variable.D, 1)
    if not moments.units or not whole:
        return None
    mean = moments.mean(Variable.Y)
    return mean / moments.mean(Variable.D) if Variable.D in moments.sums else mean


def divisible(moments: Moments, below: Variable = Variable.D) -> bool:
    """Whether a denominator, where there is one, is spread over enough units for a ratio to be near normal.

    (sum d)² / sum d² is how many units share it equally. With fewer than `FEWEST_EVENTS` a linearised ratio
    has far too small an error: one order in an arm would have none at all.
    """
    if below not in moments.sums:
        return True
    return moments.sums[below] ** 2 >= FEWEST_EVENTS * max(1, moments.products[below, below])


def arms(cells: Mapping[str, Moments]) -> Mapping[str, Arm]:
    """All variants of a slice, adjusted together; every one has two units and a measured value.

    Which variables the cells have says what is done: D makes it a ratio, X is what is adjusted by.
    """
    theta, centre = _adjustment(cells)
    return {variant: _arm(moments, theta, centre) for variant, moments in cells.items()}


def _adjustment(cells: Mapping[str, Moments]) -> tuple[float, float]:
    """Theta, and the mean of the earlier number over all units; both 0 where there is nothing to go by."""
    if not cells or not all(_has_earlier(moments) for moments in cells.values()):
        return 0.0, 0.0
    first, *others = cells.values()
    total = sum(others, first)
    earlier = _linear(total, Variable.X, Variable.W)
    spread = _covariance(total, earlier, earlier)
    if spread <= 0.0:
        return 0.0, 0.0
    theta = _covariance(total, _linear(total, Variable.Y, Variable.D), earlier) / spread
    return theta, _value(total, Variable.X, Variable.W)


def _has_earlier(moments: Moments) -> bool:
    return Variable.X in moments.sums and divisible(moments, Variable.W)


def _arm(moments: Moments, theta: float, centre: float) -> Arm:
    numbers = _linear(moments, Variable.Y, Variable.D)
    value = _value(moments, Variable.Y, Variable.D)
    plain = max(0.0, _covariance(moments, numbers, numbers))
    if theta == 0.0:
        return Arm(units=moments.units, measured=value, mean=value, variance=plain, plain_variance=plain)
    earlier = _linear(moments, Variable.X, Variable.W)
    shared = _covariance(moments, numbers, earlier)
    variance = plain + theta * (theta * _covariance(moments, earlier, earlier) - 2.0 * shared)
    return Arm(
        units=moments.units,
        measured=value,
        mean=value - theta * (_value(moments, Variable.X, Variable.W) - centre),
        variance=max(0.0, variance),
        plain_variance=plain,
    )


def _value(moments: Moments, above: Variable, below: Variable) -> float:
    """The mean of one variable, or its ratio to the other where there is one."""
    mean = moments.mean(above)
    return mean / moments.mean(below) if below in moments.sums else mean


def _linear(moments: Moments, above: Variable, below: Variable) -> Weights:
    """How a mean, or a ratio, moves with one unit's numbers, times the number of units."""
    if below not in moments.sums:
        return {above: 1.0}
    per = moments.mean(below)
    return {above: 1.0 / per, below: -moments.mean(above) / per**2}


def _covariance(moments: Moments, one: Weights, other: Weights) -> float:
    """Over units, of two weighted sums of their numbers."""
    return sum(
        weight * factor * moments.covariance(left, right)
        for left, weight in one.items()
        for right, factor in other.items()
    )
