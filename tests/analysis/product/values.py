"""Plans, totals and effects for tests of product experiments, each with defaults that a test overrides."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from analysis.product.result import Effect, Standing
from analysis.product.totals import ALL, SCALE, Counted, Moments, Slice, Totals, Variable
from engine.core.model import Bound, Role
from engine.core.product import Aggregate, Measure, ProductMetric, ProductPlan, Share, Tables
from tests.analysis.product import counting

DAY_S = 86_400.0
START_S = 1_777_852_800.0
"""Monday, 4 May 2026, 00:00 UTC."""
END_S = START_S + 14 * DAY_S


def a_product_metric(**changes: Any) -> ProductMetric:
    metric = ProductMetric(
        name="bought",
        aggregate=Aggregate.CONVERSION,
        measure=Measure(event="purchase"),
        role=Role.OBJECTIVE,
        margin=Bound(relative=0.05),
    )
    return replace(metric, **changes)


def a_product_plan(**changes: Any) -> ProductPlan:
    plan = ProductPlan(
        name="short-checkout",
        question="Do more visitors buy?",
        shares=(Share(variant="control", share=0.5), Share(variant="short", share=0.5)),
        tables=Tables(warehouse="data/", columns={}),
        metrics=(a_product_metric(),),
        starts_s=START_S,
        ends_s=END_S,
    )
    return replace(plan, **changes)


def three_variants(**changes: Any) -> ProductPlan:
    shares = tuple(Share(variant=name, share=1.0) for name in ("control", "long", "short"))
    return a_product_plan(**{"shares": shares, **changes})


def counted(**changes: Any) -> Counted:
    """A week of sound data."""
    sound = {"exposures": 10_000, "events": 10_000, "first_s": START_S, "last_s": START_S + 7 * DAY_S}
    return counting.counted(**{**sound, **changes})


def per_day(
    *units: Sequence[int], variants: Sequence[str] = ("control", "short")
) -> dict[str, dict[str, int]]:
    """Units of each variant, for consecutive days from the start."""
    return {day(index): dict(zip(variants, each, strict=True)) for index, each in enumerate(units)}


def day(index: int) -> str:
    return f"2026-05-{4 + index:02d}"


def totals(units: Mapping[Any, int], **changes: Any) -> Totals:
    """Keys of `units` are variants, or pairs of a variant and a slice."""
    keyed = {key if isinstance(key, tuple) else (key, ALL): count for key, count in units.items()}
    found = Totals(units=keyed, moments={}, buckets={}, caps={}, counted=counted())
    return replace(found, **changes)


def moments_of(**numbers: Sequence[float]) -> Moments:
    """Of units with these numbers, one list per variable: `moments_of(y=[1, 0], x=[2, 3])`."""
    whole = {Variable(name): [round(each * SCALE) for each in values] for name, values in numbers.items()}
    names = [name for name in Variable if name in whole]
    pairs = [(one, other) for index, one in enumerate(names) for other in names[index:]]
    return Moments(
        units=len(whole[names[0]]),
        sums={name: sum(values) for name, values in whole.items()},
        products={
            (one, other): sum(a * b for a, b in zip(whole[one], whole[other], strict=True))
            for one, other in pairs
        },
    )


def converted(units: int, events: int) -> Moments:
    """Of a conversion: so many units, so many of them with the event."""
    return Moments(
        units=units,
        sums={Variable.Y: events * SCALE},
        products={(Variable.Y, Variable.Y): events * SCALE**2},
    )


def an_effect(**changes: Any) -> Effect:
    effect = Effect(
        metric="bought",
        variant="short",
        slice=Slice(),
        units_control=1000,
        units_treatment=1000,
        control=0.1,
        treatment=0.12,
        difference=0.02,
        relative=0.2,
        standard_error=0.005,
        p_value=0.5,
        evidence=0.0,
        standing=Standing.UNCLEAR,
    )
    return replace(effect, **changes)
