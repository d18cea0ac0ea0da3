from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.product.effects import FEWEST_UNITS, effects_of
from analysis.product.result import Lack, Standing
from analysis.product.totals import ALL, SCALE, Bucket, Slice
from engine.core.model import Bound, Role
from engine.core.product import Aggregate, Measure, Method, ProductMetric
from tests.analysis.product.counting import counted
from tests.analysis.product.test_means import drawn
from tests.analysis.product.totalling import a_metric, a_plan, moments_of, totals_of

GUARDRAIL = {"role": Role.GUARDRAIL, "margin": Bound(relative=0.5)}


def cells(name: str = "bought", units: int = 1000, lift: float = 1.5) -> dict:
    control, treatment = drawn(1, units), drawn(2, units, lift=lift)
    return {("control", name): moments_of(y=control["y"]), ("short", name): moments_of(y=treatment["y"])}


@pytest.mark.parametrize("method", Method)
def test_every_method_finds_a_planted_effect_and_bounds_it(method: Method) -> None:
    plan = a_plan(a_metric(**GUARDRAIL), method=method, looks=2, ends_s=100.0)
    (effect,) = effects_of(plan, totals_of(cells()), (ALL,), 100.0)
    assert effect.standing is Standing.BETTER
    assert effect.difference == pytest.approx(effect.treatment - effect.control)
    assert effect.relative == pytest.approx(effect.treatment / effect.control - 1)
    assert effect.interval.low < effect.difference < effect.interval.high
    assert effect.relative_interval.low < effect.relative < effect.relative_interval.high
    assert effect.p_value < 0.05
    assert effect.p_not_worse < 0.001
    assert effect.reason is None
    assert not effect.claimed
    assert (
        (effect.evidence is not None) == (effect.evidence_not_worse is not None) == (method is Method.ANYTIME)
    )


def test_only_guardrails_are_tested_against_a_margin() -> None:
    (effect,) = effects_of(a_plan(a_metric()), totals_of(cells()), (ALL,), 0.0)
    assert effect.p_not_worse is None
    assert effect.evidence_not_worse is None


@pytest.mark.parametrize("method", Method)
def test_every_method_tells_quantiles(method: Method) -> None:
    metric = a_metric("waited", aggregate=Aggregate.QUANTILE, quantile=0.5, higher_is_better=False)
    buckets = {
        (variant, "waited"): tuple(
            Bucket(low=(second - 1) * SCALE, high=second * SCALE, units=20)
            for second in range(start, start + 100)
        )
        for variant, start in (("control", 101), ("short", 151))
    }
    plan = a_plan(metric, method=method, looks=2)
    (effect,) = effects_of(plan, totals_of({}, buckets=buckets), (ALL, Slice(dimension="country")), 1.0, 1.0)
    assert (effect.control, effect.treatment, effect.difference) == (150.0, 200.0, 50.0)
    assert effect.relative == pytest.approx(1 / 3)
    assert effect.interval.low < 50.0 < effect.interval.high
    assert effect.standing is Standing.WORSE
    assert effect.standard_error is None
    assert effect.units_control == 2000


@pytest.mark.parametrize("units", [0, 10])
def test_few_units_have_no_quantile_to_compare(units: int) -> None:
    metric = a_metric("waited", aggregate=Aggregate.QUANTILE, quantile=0.5)
    many, few = (Bucket(low=0, high=SCALE, units=1000),), (Bucket(low=0, high=SCALE, units=units),)
    buckets = {("control", "waited"): many} | ({("short", "waited"): few} if units else {})
    (effect,) = effects_of(a_plan(metric), totals_of({}, buckets=buckets), (ALL,), 0.0)
    assert (effect.standing, effect.reason) == (Standing.TOO_FEW, Lack.UNITS)
    assert effect.control == 1.0
    assert effect.treatment == (1.0 if units else None)


def test_a_quantile_beyond_what_was_seen_has_a_lack_of_units() -> None:
    metric = a_metric("waited", aggregate=Aggregate.QUANTILE, quantile=0.999)
    counts = tuple(Bucket(low=at * SCALE, high=(at + 1) * SCALE, units=1) for at in range(100))
    buckets = {("control", "waited"): counts, ("short", "waited"): counts}
    (effect,) = effects_of(a_plan(metric), totals_of({}, buckets=buckets), (ALL,), 0.0)
    assert (effect.control, effect.interval, effect.reason) == (100.0, None, Lack.UNITS)


def test_a_quantile_of_zeros_has_no_relative_effect() -> None:
    metric = a_metric("waited", aggregate=Aggregate.QUANTILE, quantile=0.5)
    zeros = (Bucket(low=-1, high=0, units=9000), Bucket(low=0, high=SCALE, units=1000))
    buckets = {("control", "waited"): zeros, ("short", "waited"): zeros}
    (effect,) = effects_of(a_plan(metric), totals_of({}, buckets=buckets), (ALL,), 0.0)
    assert (effect.relative, effect.reason, effect.standing) == (None, Lack.NEAR_ZERO, Standing.UNCLEAR)


def lacking(case: str) -> tuple[ProductMetric, dict]:
    metric = a_metric()
    found = cells(units=FEWEST_UNITS if case != "units" else FEWEST_UNITS - 1)
    flat = np.ones(FEWEST_UNITS)
    match case:
        case "denominator":
            found[("short", "bought")] = moments_of(y=flat, d=0 * flat)
        case "one buyer":
            one = (np.arange(FEWEST_UNITS) == 0).astype(float)
            found = {key: moments_of(y=9.5 * one, d=one) for key in found}
        case "spread":
            found = {key: moments_of(y=flat) for key in found}
        case "missing":
            del found[("short", "bought")]
    return metric, found


@pytest.mark.parametrize(
    ("case", "lack"),
    [
        ("units", Lack.UNITS),
        ("missing", Lack.UNITS),
        ("denominator", Lack.DENOMINATOR),
        ("one buyer", Lack.DENOMINATOR),
        ("spread", Lack.SPREAD),
    ],
)
def test_what_cannot_be_told_has_a_reason(case: str, lack: Lack) -> None:
    metric, found = lacking(case)
    (effect,) = effects_of(a_plan(metric), totals_of(found), (ALL,), 0.0)
    assert (effect.standing, effect.reason, effect.interval) == (Standing.TOO_FEW, lack, None)
    assert effect.control is not None


def test_planned_looks_tell_nothing_before_the_first() -> None:
    plan = a_plan(a_metric(), method=Method.GROUP_SEQUENTIAL, looks=4, ends_s=100.0)
    for at_s, given_share in ((24.0, None), (100.0, 0.24)):
        (effect,) = effects_of(plan, totals_of(cells()), (ALL,), at_s, given_share)
        assert (effect.standing, effect.reason) == (Standing.TOO_FEW, Lack.LOOK)
    (effect,) = effects_of(plan, totals_of(cells()), (ALL,), 26.0)
    assert effect.interval is not None


def test_rare_conversions_have_a_difference_but_no_relative_effect() -> None:
    y = np.zeros(1000)
    y[:20] = 1.0
    found = {("control", "bought"): moments_of(y=y), ("short", "bought"): moments_of(y=y[::-1].copy())}
    (effect,) = effects_of(a_plan(a_metric()), totals_of(found), (ALL,), 0.0)
    assert effect.interval is not None
    assert (effect.relative, effect.relative_interval, effect.reason) == (None, None, Lack.NEAR_ZERO)
    assert effect.standing is Standing.UNCLEAR


def test_a_variant_without_units_does_not_hinder_the_others() -> None:
    plan = a_plan(a_metric(), variants=("control", "long", "short"))
    effects = effects_of(plan, totals_of(cells()), (ALL,), 0.0)
    assert [(effect.variant, effect.standing) for effect in effects] == [
        ("long", Standing.TOO_FEW),
        ("short", Standing.BETTER),
    ]


def test_effects_come_by_slice_metric_and_treatment() -> None:
    plan = a_plan(a_metric("one"), a_metric("two"), variants=("control", "long", "short"))
    german = Slice(dimension="country", value="de")
    effects = effects_of(plan, totals_of({}), (ALL, german), 0.0)
    assert [(each.slice, each.metric, each.variant) for each in effects] == [
        (part, metric, variant)
        for part in (ALL, german)
        for metric in ("one", "two")
        for variant in ("long", "short")
    ]
    assert {each.reason for each in effects} == {Lack.UNITS}


@given(st.lists(st.integers(0, 3), min_size=60, max_size=120), st.randoms(use_true_random=False))
def test_neither_order_nor_batching_of_units_changes_anything(numbers: list[int], random: object) -> None:
    shuffled = list(numbers)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    one = moments_of(y=np.array(numbers, dtype=float) / 3)
    batches = [np.array(part, dtype=float) / 3 for part in (shuffled[:17], shuffled[17:])]
    two = moments_of(y=batches[0]) + moments_of(y=batches[1])
    other = moments_of(y=np.arange(100) % 2.0)
    plan = a_plan(a_metric())
    seen = [
        effects_of(plan, totals_of({("control", "bought"): other, ("short", "bought"): cell}), (ALL,), 0.0)
        for cell in (one, two)
    ]
    assert seen[0] == seen[1]


def test_lower_is_better_turns_the_standing_and_nothing_else() -> None:
    more, less = a_metric(), a_metric(higher_is_better=False)
    (up,) = effects_of(a_plan(more), totals_of(cells()), (ALL,), 0.0)
    (down,) = effects_of(a_plan(less), totals_of(cells()), (ALL,), 0.0)
    assert down == replace(up, standing=Standing.WORSE)


@pytest.mark.parametrize(
    "metric",
    [
        a_metric(measure=Measure(event="lod")),
        a_metric(per=Measure(event="lod"), aggregate=Aggregate.RATIO),
        a_metric(aggregate=Aggregate.QUANTILE, quantile=0.9, measure=Measure(event="lod", value="seconds")),
    ],
)
@pytest.mark.parametrize("role", [Role.OBJECTIVE, Role.GUARDRAIL])
def test_an_event_that_never_occurs_tells_nothing(metric: ProductMetric, role: Role) -> None:
    """Zeros of everybody would be well inside any margin."""
    plan = a_plan(replace(metric, role=role, margin=Bound(absolute=1.0)))
    zeros = (Bucket(low=-1, high=0, units=1000),)
    found = totals_of(cells(), buckets={(variant, "bought"): zeros for variant in ("control", "short")})
    known = replace(found, counted=counted(events_by_name={"purchase": 500, "lod": 0}))
    (effect,) = effects_of(plan, known, (ALL,), 0.0)
    assert (effect.standing, effect.reason, effect.interval) == (Standing.TOO_FEW, Lack.EVENTS, None)
    assert (effect.control, effect.treatment) == (None, None)
    assert (effect.units_control, effect.units_treatment) == (1000, 1000)
    (told,) = effects_of(plan, found, (ALL,), 0.0)
    assert told.reason is not Lack.EVENTS


def test_a_quantile_of_zeros_is_inside_its_margin_where_the_event_occurs() -> None:
    """So that the refusal above is needed."""
    metric = a_metric(
        aggregate=Aggregate.QUANTILE,
        quantile=0.9,
        measure=Measure(event="load", value="seconds"),
        role=Role.GUARDRAIL,
        margin=Bound(absolute=1.0),
    )
    zeros = (Bucket(low=-1, high=0, units=1000),)
    found = totals_of({}, buckets={(variant, "bought"): zeros for variant in ("control", "short")})
    (effect,) = effects_of(a_plan(metric), found, (ALL,), 0.0)
    assert effect.standing is Standing.NOT_WORSE
