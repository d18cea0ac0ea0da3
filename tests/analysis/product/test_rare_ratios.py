"""Ratios whose denominator begins with a handful of events: seeded false alarms over many looks."""

import numpy as np
import pytest
from numpy.typing import NDArray

from analysis.product.effects import effects_of
from analysis.product.result import Lack
from analysis.product.totals import ALL, SCALE, Moments, Variable
from engine.core.product import Aggregate, Measure
from tests.analysis.product.totalling import a_metric, a_plan, totals_of

RUNS = 400
LOOKS = range(50, 2050, 100)
BUYS = 0.02
MOST = 33
"""Of RUNS: 5 % and three standard errors."""

Y, D = Variable.Y, Variable.D


def cell(value: NDArray[np.float64], orders: NDArray[np.float64]) -> Moments:
    def whole(number: float) -> int:
        return round(float(number) * SCALE)

    pairs = {(Y, Y): value @ value, (Y, D): value @ orders, (D, D): orders @ orders}
    return Moments(
        units=value.size,
        sums={Y: whole(value.sum()), D: whole(orders.sum())},
        products={pair: whole(total) * SCALE for pair, total in pairs.items()},
    )


def alarm(rng: np.random.Generator) -> tuple[bool, bool]:
    """Whether "no difference" is rejected at any look, and whether there ever was an interval."""
    orders = (rng.random((2, LOOKS[-1])) < BUYS).astype(float)
    value = orders * rng.lognormal(3.0, 0.5, orders.shape)
    metric = a_metric(aggregate=Aggregate.RATIO, per=Measure(event="purchase"))
    plan, told = a_plan(metric), False
    for units in LOOKS:
        control, treatment = (cell(value[arm, :units], orders[arm, :units]) for arm in (0, 1))
        cells = {("control", metric.name): control, ("short", metric.name): treatment}
        (effect,) = effects_of(plan, totals_of(cells), (ALL,), 0.0)
        assert (effect.p_value is None) == (effect.reason is Lack.DENOMINATOR)
        told = told or effect.p_value is not None
        if effect.p_value is not None and effect.p_value <= plan.alpha:
            return True, True
    return False, told


@pytest.mark.slow
def test_a_ratio_of_few_orders_is_not_better_by_chance_more_often_than_declared() -> None:
    found = [alarm(np.random.default_rng([2611, run])) for run in range(RUNS)]
    assert sum(rejected for rejected, _ in found) <= MOST
    assert sum(told for _, told in found) > RUNS / 2
