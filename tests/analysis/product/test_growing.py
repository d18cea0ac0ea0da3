"""Units whose numbers grow between hourly looks: seeded false alarms. See `analysis.product.anytime`."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from analysis.product.anytime import Anytime
from analysis.product.effects import FEWEST_UNITS
from analysis.product.means import Arm, Contrast
from tests.analysis.product.totalling import a_plan

Numbers = NDArray[np.float64]
Growth = Callable[[np.random.Generator, Numbers], Numbers]

HOURS = 24 * 7
RUNS = 300
PER_HOUR = 20


def converting_late(rng: np.random.Generator, arrived: Numbers) -> Numbers:
    """A third converts, after two days on average: who has converted cannot grow."""
    at = arrived + np.where(rng.random(arrived.size) < 0.33, rng.exponential(48.0, arrived.size), np.inf)
    return (at[:, None] <= np.arange(1, HOURS + 1)).astype(float)


def spending_on(rng: np.random.Generator, arrived: Numbers) -> Numbers:
    """Every unit buys at a rate of its own, for lognormal amounts, from its exposure on."""
    rate = rng.gamma(0.5, 0.02, arrived.size)
    exposed = np.arange(1, HOURS + 1) > arrived[:, None]
    orders = rng.poisson(rate[:, None] * exposed)
    spent = orders * rng.lognormal(3.0, 1.2, orders.shape)
    return np.cumsum(spent, axis=1)


def spending_at_once(rng: np.random.Generator, arrived: Numbers) -> Numbers:
    """One in twenty buys, at once, for amounts without a third moment."""
    amount = (rng.random(arrived.size) < 0.05) * (rng.pareto(2.5, arrived.size) + 1.0)
    return amount[:, None] * (np.arange(1, HOURS + 1) > arrived[:, None])


def arm(numbers: Numbers) -> Arm:
    mean, variance = float(numbers.mean()), float(numbers.var(ddof=1))
    return Arm(units=numbers.size, measured=mean, mean=mean, variance=variance, plain_variance=variance)


def first_alarm(rng: np.random.Generator, growth: Growth, share: float, mde: float) -> int | None:
    """The hour of the first look at which "no difference" is rejected."""
    arrived = np.sort(rng.random(HOURS * PER_HOUR)) * HOURS
    numbers, treated = growth(rng, arrived), rng.random(arrived.size) < share
    method = Anytime(a_plan(mde=mde))
    for hour in range(HOURS):
        there = arrived < hour + 1
        control, treatment = numbers[there & ~treated, hour], numbers[there & treated, hour]
        if min(control.size, treatment.size) < FEWEST_UNITS:
            continue
        contrast = Contrast(control=arm(control), treatment=arm(treatment))
        if contrast.standard_error and method.told(contrast).p_value <= 0.05:
            return hour
    return None


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("share", [0.5, 0.1])
@pytest.mark.parametrize("growth", [converting_late, spending_on, spending_at_once])
def test_looking_every_hour_at_growing_numbers_alarms_no_more_often_than_said(
    growth: Growth, share: float
) -> None:
    """Of 300 runs a true 5 % shows more than 8 % once in a hundred times."""
    rng = np.random.default_rng(7)
    alarms = sum(first_alarm(rng, growth, share, mde=0.25) is not None for _ in range(RUNS))
    assert alarms <= 0.08 * RUNS


def test_a_planted_effect_is_found_in_growing_numbers() -> None:
    """Treated units have two chances to convert."""
    rng = np.random.default_rng(7)
    arrived = np.sort(rng.random(HOURS * PER_HOUR)) * HOURS
    control, *chances = (converting_late(rng, arrived)[:, -1] for _ in range(3))
    contrast = Contrast(control=arm(control), treatment=arm(np.maximum(*chances)))
    assert Anytime(a_plan(mde=0.25)).told(contrast).p_value < 0.001
