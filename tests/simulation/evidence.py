"""The evidence of `analysis.product.anytime` for all looks of many experiments at once, written anew.

In plain floating point and without any care for few units: it may say more than the real analysis, which is
asked wherever this one comes near to a claim.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from analysis.product.totals import Variable
from tests.simulation.shoppers import Grown, Week

Floats = NDArray[np.float64]
Y, D, X, W = Variable
LEAST_SCALE = 0.01
FEW = 10


def of_all_looks(simulated: Week, metric: str, precision: float) -> tuple[Floats, Floats]:
    """Log e-values and z of both treatments, of shape (experiments, treatments, hours)."""
    return _against_control(simulated.units, simulated.grown[metric], precision)


def of_earlier(simulated: Week, precision: float) -> Floats:
    """The largest log e-value of all numbers from before the exposure, (experiments, hours)."""
    largest: Floats = np.max(
        [
            _against_control(simulated.units, _earlier(grown), precision)[0].max(axis=1)
            for grown in simulated.grown.values()
            if X in grown.sums
        ],
        axis=0,
    )
    return largest


def _earlier(grown: Grown) -> Grown:
    new = {X: Y, W: D}
    return Grown(
        sums={new[name]: value for name, value in grown.sums.items() if name in new},
        products={
            (new[one], new[other]): value
            for (one, other), value in grown.products.items()
            if one in new and other in new
        },
    )


def most_of_split(units: Floats, shares: Sequence[float]) -> Floats:
    """The largest that any log e-value against the planned split could be: the likeliest split's own."""
    planned = units.sum(axis=1, keepdims=True) * np.array(shares)[:, np.newaxis]
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = np.where(units > 0, units * np.log(units / planned), 0.0)
    most: Floats = parts.sum(axis=1)
    return most


def _against_control(units: Floats, grown: Grown, precision: float) -> tuple[Floats, Floats]:
    with np.errstate(divide="ignore", invalid="ignore"):
        mean, variance = _arms(units, grown)
        count, first = units[:, 1:], units[:, :1]
        difference = mean[:, 1:] - mean[:, :1]
        welch = variance[:, 1:] / count + variance[:, :1] / first
        shared = ((count - 1) * variance[:, 1:] + (first - 1) * variance[:, :1]) / (count + first - 2)
        squared = np.maximum(welch, shared * (1 / count + 1 / first))
        both = count + first
        common = (count * mean[:, 1:] + first * mean[:, :1]) / both
        spread = (count * variance[:, 1:] + first * variance[:, :1]) / both
        scale = np.maximum(np.abs(common), LEAST_SCALE * np.sqrt(spread))
        spent = scale**2 / squared / precision
        log_e = 0.5 * (difference**2 / squared * spent / (1 + spent) - np.log1p(spent))
        z = difference / np.sqrt(welch)
    few = (np.minimum(count, first) < FEW) | ~np.isfinite(log_e)
    return np.where(few, -np.inf, log_e), np.where(few, 0.0, z)


def _arms(units: Floats, grown: Grown) -> tuple[Floats, Floats]:
    """Adjusted means and variances of a unit, of shape (experiments, variants, hours)."""
    values, products = _means(units, grown)
    number = _linear(values, Y, D)
    mean = _value(values, Y, D)
    variance = _covariance(values, products, units, number, number)
    if X not in grown.sums:
        return mean, variance
    whole = units.sum(axis=1, keepdims=True)
    together = Grown(
        sums={name: value.sum(axis=1, keepdims=True) for name, value in grown.sums.items()},
        products={pair: value.sum(axis=1, keepdims=True) for pair, value in grown.products.items()},
    )
    all_values, all_products = _means(whole, together)
    before = _linear(all_values, X, W)
    now = _linear(all_values, Y, D)
    spread = _covariance(all_values, all_products, whole, before, before)
    theta = np.where(spread > 0, _covariance(all_values, all_products, whole, now, before) / spread, 0.0)
    mine = _linear(values, X, W)
    variance = (
        variance
        + theta**2 * _covariance(values, products, units, mine, mine)
        - 2 * theta * _covariance(values, products, units, number, mine)
    )
    return mean - theta * (_value(values, X, W) - _value(all_values, X, W)), variance


def _means(
    units: Floats, grown: Grown
) -> tuple[dict[Variable, Floats], dict[tuple[Variable, Variable], Floats]]:
    return (
        {name: value / units for name, value in grown.sums.items()},
        {pair: value / units for pair, value in grown.products.items()},
    )


def _value(values: Mapping[Variable, Floats], above: Variable, below: Variable) -> Floats:
    return values[above] / values[below] if below in values else values[above]


def _linear(values: Mapping[Variable, Floats], above: Variable, below: Variable) -> dict[Variable, Floats]:
    if below not in values:
        return {above: np.ones_like(values[above])}
    return {above: 1 / values[below], below: -values[above] / values[below] ** 2}


def _covariance(
    values: Mapping[Variable, Floats],
    products: Mapping[tuple[Variable, Variable], Floats],
    units: Floats,
    one: Mapping[Variable, Floats],
    other: Mapping[Variable, Floats],
) -> Floats:
    total = np.zeros_like(units)
    for left, weight in one.items():
        for right, factor in other.items():
            pair = (left, right) if (left, right) in products else (right, left)
            total = total + weight * factor * (products[pair] - values[left] * values[right])
    return total * units / (units - 1)
