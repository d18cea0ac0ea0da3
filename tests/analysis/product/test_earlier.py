"""Variants that differed before anybody was exposed."""

from typing import Any

import numpy as np

from analysis.product.analyse import analyse
from analysis.product.earlier import biased
from analysis.product.result import FaultKind, Outcome, ProductRule
from analysis.product.totals import ALL, Moments, Slice, Totals
from engine.core.product import Aggregate, Measure, Method
from tests.analysis.product.values import (
    DAY_S,
    START_S,
    a_product_metric,
    a_product_plan,
    converted,
    moments_of,
    totals,
)

NOW_S = START_S + 7 * DAY_S

BEFORE = a_product_metric(name="orders", aggregate=Aggregate.COUNT, before_s=14 * DAY_S)


def earlier(shift: float, seed: int = 3, **extra: Any) -> dict[tuple[str, Slice, str], Moments]:
    """2,000 units of each variant; the treatment's had so much more before."""
    rng = np.random.default_rng(seed)
    found = {}
    for variant, more in (("control", 0.0), ("short", shift)):
        x = rng.poisson(2.0, 2_000) + more
        y = rng.poisson(0.5 * x)
        found[variant, ALL, "orders"] = moments_of(y=list(map(float, y)), x=list(map(float, x)), **extra)
    return found


def test_variants_that_differed_before_are_not_trusted() -> None:
    plan = a_product_plan(metrics=(BEFORE,), mde=0.1)
    said = analyse(plan, totals({"control": 2_000, "short": 2_000}, moments=earlier(0.5)), NOW_S)
    assert (said.answer.outcome, said.answer.rule) == (Outcome.DO_NOT_TRUST, ProductRule.FAULT)
    assert [(fault.kind, fault.what) for fault in said.faults] == [(FaultKind.BIASED_BEFORE, "orders")]


def test_variants_that_were_alike_before_are_not_biased() -> None:
    plan = a_product_plan(metrics=(BEFORE,), mde=0.1)
    for seed in range(20):
        found = totals({"control": 2_000, "short": 2_000}, moments=earlier(0.0, seed))
        assert biased(plan, found, NOW_S) == ()


def test_the_time_before_is_held_to_the_same_level_whatever_the_method() -> None:
    """A fixed test claims nothing before its end; what is wrong with its data may be said."""
    plan = a_product_plan(metrics=(BEFORE,), mde=0.1, method=Method.FIXED)
    found = totals({"control": 2_000, "short": 2_000}, moments=earlier(0.5))
    assert biased(plan, found, NOW_S) == ("orders",)


def test_the_earlier_ratio_is_compared_as_a_ratio() -> None:
    """Twice as much of both is no difference; twice as much of one is."""
    ratio = a_product_metric(
        name="orders", aggregate=Aggregate.RATIO, per=Measure(event="visit"), before_s=14 * DAY_S
    )
    plan = a_product_plan(metrics=(ratio,), mde=0.1)
    rng = np.random.default_rng(4)

    def found(factor: float, per: float) -> Totals:
        moments = {}
        for variant, times, below in (("control", 1.0, 1.0), ("short", factor, per)):
            w = 1.0 + rng.poisson(3.0, 2_000)
            x = rng.binomial(w.astype(int), 0.3)
            numbers = {"y": 0 * x, "d": w, "x": times * x, "w": below * w}
            lists = {name: [float(each) for each in values] for name, values in numbers.items()}
            moments[variant, ALL, "orders"] = moments_of(**lists)
        return totals({"control": 2_000, "short": 2_000}, moments=moments)

    assert biased(plan, found(2.0, 2.0), NOW_S) == ()
    assert biased(plan, found(2.0, 1.0), NOW_S) == ("orders",)


def test_metrics_without_a_time_before_are_not_looked_at() -> None:
    plan = a_product_plan(mde=0.1)
    bought = {("control", ALL, "bought"): converted(900, 90), ("short", ALL, "bought"): converted(900, 180)}
    assert biased(plan, totals({"control": 900, "short": 900}, moments=bought), NOW_S) == ()
