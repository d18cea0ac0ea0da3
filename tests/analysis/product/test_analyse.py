"""One look at a product experiment, through its only door."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from analysis.product.analyse import WEEKDAY, analyse
from analysis.product.looks import look_s
from analysis.product.result import Analysis, FaultKind, Outcome, ProductRule, Standing
from analysis.product.totals import ALL, DAY, Slice, Totals
from engine.core.model import Bound, Role
from engine.core.product import Correction, Dimension, Method, ProductPlan
from tests.analysis.product.values import (
    DAY_S,
    END_S,
    START_S,
    a_product_metric,
    a_product_plan,
    converted,
    counted,
    day,
    per_day,
    three_variants,
    totals,
)

NOW_S = START_S + 10.5 * DAY_S
OBJECTIVE = a_product_metric()
GUARDRAIL = a_product_metric(
    name="errors", role=Role.GUARDRAIL, higher_is_better=False, margin=Bound(relative=0.2)
)
METRICS = (OBJECTIVE, GUARDRAIL)
WEEK_S = 7 * DAY_S
TIMED = tuple(replace(metric, within_s=WEEK_S) for metric in METRICS)
PLAN = a_product_plan(metrics=METRICS, mde=0.1)
SOUND = counted(
    days=per_day(*[(2_000, 2_000, 2_000)] * 10, variants=("control", "short", "long")), last_s=NOW_S
)


def a_look(bought: dict[str, int], errors: dict[str, int], units: int = 20_000, **changes: Any) -> Totals:
    """Events of each variant, of so many units in each."""
    moments = {(variant, ALL, "bought"): converted(units, events) for variant, events in bought.items()}
    moments |= {(variant, ALL, "errors"): converted(units, events) for variant, events in errors.items()}
    return totals(dict.fromkeys(bought, units), **{"moments": moments, "counted": SOUND, **changes})


CLEAR = a_look({"control": 2_000, "short": 2_500}, {"control": 1_000, "short": 1_000})
"""A quarter more buy, and errors stay as they are."""


def answer_of(said: Analysis) -> tuple[Outcome, ProductRule, str, str]:
    return said.answer.outcome, said.answer.rule, said.answer.variant, said.answer.metric


def test_a_clear_gain_with_harmless_guardrails_ships() -> None:
    said = analyse(PLAN, CLEAR, NOW_S)
    assert answer_of(said) == (Outcome.SHIP, ProductRule.OBJECTIVE_BETTER, "short", "bought")
    assert [(each.metric, each.standing, each.claimed) for each in said.effects] == [
        ("bought", Standing.BETTER, True),
        ("errors", Standing.NOT_WORSE, True),
    ]
    assert said.units == {"control": 20_000, "short": 20_000}
    assert said.faults == ()


def test_all_parts_of_the_report_are_there() -> None:
    said = analyse(PLAN, CLEAR, NOW_S)
    (impact, _) = said.impacts
    assert impact.per_day == pytest.approx(0.025 * 6_000)
    assert [each.metric for each in said.bayes] == ["bought", "errors"]
    assert said.bayes[0].chance > 0.999
    assert [each.metric for each in said.forecasts] == ["bought", "errors"]
    assert [each.slice for each in said.splits] == [ALL]
    assert (said.plan, said.at_s, said.method, said.counted) == (PLAN, NOW_S, Method.ANYTIME, CLEAR.counted)


def test_harm_keeps_control() -> None:
    harmful = a_look({"control": 2_000, "short": 2_500}, {"control": 1_000, "short": 1_500})
    assert answer_of(analyse(PLAN, harmful, NOW_S))[:2] == (Outcome.KEEP_CONTROL, ProductRule.GUARDRAIL_WORSE)


def test_the_best_of_two_treatments_is_named() -> None:
    plan = three_variants(metrics=METRICS, mde=0.1)
    both = a_look(
        {"control": 2_000, "long": 2_700, "short": 2_500}, {"control": 1_000, "long": 1_000, "short": 1_000}
    )
    assert answer_of(analyse(plan, both, NOW_S)) == (
        Outcome.SHIP,
        ProductRule.OBJECTIVE_BETTER,
        "long",
        "bought",
    )


def test_before_its_end_a_fixed_test_claims_nothing() -> None:
    plan = replace(PLAN, method=Method.FIXED, metrics=TIMED)
    for at_s in (NOW_S, END_S, END_S + WEEK_S - 1.0, END_S + WEEK_S + 1.0):
        early = analyse(plan, CLEAR, at_s)
        assert answer_of(early)[:2] == (Outcome.KEEP_RUNNING, ProductRule.BEFORE_THE_END)
        assert not any(each.claimed for each in early.effects)
    late = analyse(plan, CLEAR, look_s(plan, END_S + 50 * DAY_S))
    assert late.answer.outcome is Outcome.SHIP


def test_numbers_that_never_settle_are_never_claimed_by_a_fixed_test() -> None:
    said = analyse(replace(PLAN, method=Method.FIXED), CLEAR, look_s(PLAN, END_S + 50 * DAY_S))
    assert answer_of(said)[:2] == (Outcome.KEEP_RUNNING, ProductRule.BEFORE_THE_END)


def test_without_any_unit_there_are_no_data() -> None:
    nobody = counted(exposures=0, events=0, first_s=None, last_s=None)
    said = analyse(PLAN, totals({}, counted=nobody), NOW_S)
    assert answer_of(said)[:2] == (Outcome.KEEP_RUNNING, ProductRule.NO_DATA)
    assert said.units == {"control": 0, "short": 0}


# Slices.


def browser(name: str) -> Slice:
    return Slice(dimension="browser", value=name)


def a_day(index: int) -> Slice:
    return Slice(dimension=DAY, value=day(index))


def with_slices(found: Totals, slices: list[Slice], bought: int = 250) -> Totals:
    """The same in every slice: 2,000 units of each variant, a tenth of control's with the event."""
    events = {"control": 200, "short": bought}
    units = {(variant, part): 2_000 for part in slices for variant in events}
    moments = {
        (variant, part, "bought"): converted(2_000, n) for part in slices for variant, n in events.items()
    }
    return replace(found, units={**found.units, **units}, moments={**found.moments, **moments})


def test_parts_are_claimed_where_a_dimension_was_declared_for_it() -> None:
    dimensions = (Dimension(column="browser"), Dimension(column="kind", confirmatory=False))
    slices = [browser("safari"), Slice(dimension="kind", value="new")]
    said = analyse(replace(PLAN, dimensions=dimensions), with_slices(CLEAR, slices, 400), NOW_S)
    clear = [each for each in said.parts if each.metric == "bought"]
    assert [(each.slice, each.standing, each.claimed) for each in clear] == [
        (slices[0], Standing.BETTER, True),
        (slices[1], Standing.BETTER, False),
    ]


def test_undeclared_dimensions_are_not_looked_at() -> None:
    assert analyse(PLAN, with_slices(CLEAR, [browser("safari")]), NOW_S).parts == ()


def test_a_split_that_is_off_in_one_browser_only_is_not_trusted() -> None:
    plan = replace(PLAN, dimensions=(Dimension(column="browser"),))
    found = with_slices(CLEAR, [browser("chrome"), browser("safari")])
    lost = {**found.units, ("short", browser("safari")): 1_700}
    said = analyse(plan, replace(found, units=lost), NOW_S)
    assert answer_of(said)[:2] == (Outcome.DO_NOT_TRUST, ProductRule.FAULT)
    assert [(fault.kind, fault.what) for fault in said.faults] == [(FaultKind.SPLIT, "browser=safari")]


def test_days_come_in_order_and_claim_nothing() -> None:
    said = analyse(PLAN, with_slices(CLEAR, [a_day(3), a_day(1), a_day(2)], 500), NOW_S)
    bought = [each for each in said.days if each.metric == "bought"]
    assert [each.slice.value for each in bought] == [day(1), day(2), day(3)]
    assert not any(each.claimed for each in bought)


def test_days_of_the_week_are_added_up() -> None:
    """Ten days from a Monday: Mondays to Wednesdays twice."""
    said = analyse(PLAN, with_slices(CLEAR, [a_day(index) for index in range(10)]), NOW_S)
    bought = [each for each in said.weekdays if each.metric == "bought"]
    assert [each.slice.value for each in bought] == ["1", "2", "3", "4", "5", "6", "7"]
    assert {each.slice.dimension for each in bought} == {WEEKDAY}
    assert [each.units_control for each in bought] == [4_000] * 3 + [2_000] * 4
    assert [each.control for each in bought] == [0.1] * 7


def test_days_of_the_week_have_no_day_whose_units_have_not_had_all_their_time() -> None:
    """After ten and a half days, the first eight are over of a metric that takes two, and all of another."""
    metrics = (replace(OBJECTIVE, within_s=2 * DAY_S), replace(OBJECTIVE, name="later"))
    found = with_slices(CLEAR, [a_day(index) for index in range(10)])
    both = {(*key[:2], "later"): each for key, each in found.moments.items() if key[2] == "bought"}
    said = analyse(replace(PLAN, metrics=metrics), replace(found, moments={**found.moments, **both}), NOW_S)
    units = {
        name: [each.units_control for each in said.weekdays if each.metric == name]
        for name in ("bought", "later")
    }
    assert units == {"bought": [4_000] + [2_000] * 6, "later": [4_000] * 3 + [2_000] * 4}


# What holds whatever comes.

COUNTS = some.integers(min_value=0, max_value=20_000)
PLANS = some.builds(
    lambda method, correction, alpha: replace(
        three_variants(metrics=TIMED), method=method, correction=correction, looks=3, alpha=alpha, mde=0.1
    ),
    some.sampled_from(Method),
    some.sampled_from(Correction),
    some.sampled_from([0.01, 0.05, 0.2]),
)
VARIANTS = ("control", "long", "short")
TIMES = some.sampled_from([START_S + round(days * DAY_S) for days in (0.0, 3.0, 14 / 3, 28 / 3, 14.0, 21.0)])
"""Before the first of three looks, at the first two of them, at the end, and at the last look."""


def counts(values: list[int]) -> Totals:
    return a_look(dict(zip(VARIANTS, values[:3], strict=True)), dict(zip(VARIANTS, values[3:], strict=True)))


ANY = some.lists(COUNTS, min_size=6, max_size=6).map(counts)


@settings(max_examples=60, deadline=None)
@given(plan=PLANS, same=COUNTS, harm=COUNTS, at_s=TIMES)
def test_no_evidence_never_ships(plan: ProductPlan, same: int, harm: int, at_s: float) -> None:
    """No treatment differs from control in what should get better."""
    said = analyse(plan, counts([same, same, same, harm, harm, harm]), at_s)
    assert said.answer.outcome is not Outcome.SHIP
    assert not any(each.claimed and each.standing is Standing.BETTER for each in said.effects)


@settings(max_examples=60, deadline=None)
@given(plan=PLANS, found=ANY, at_s=TIMES)
def test_what_ships_has_its_evidence(plan: ProductPlan, found: Totals, at_s: float) -> None:
    said = analyse(plan, found, at_s)
    if said.answer.outcome is Outcome.SHIP:
        mine = {each.metric: each for each in said.effects if each.variant == said.answer.variant}
        assert mine["bought"].claimed
        assert mine["bought"].standing is Standing.BETTER
        assert mine["errors"].standing in (Standing.BETTER, Standing.NOT_WORSE)


GRAVE = some.sampled_from(
    [
        {"unknown": {"shrot": 5_000}},
        {"crossed": 5_000},
        {"future": 5_000},
        {"machines": {"control": 2_000, "long": 2_000, "short": 2_000}},
        {"machines": {"short": 40}},
        {"early_units": {"control": 100}},
    ]
)


@settings(max_examples=60, deadline=None)
@given(plan=PLANS, found=ANY, at_s=TIMES, wrong=GRAVE)
def test_a_grave_fault_never_ships(
    plan: ProductPlan, found: Totals, at_s: float, wrong: dict[str, Any]
) -> None:
    said = analyse(plan, replace(found, counted=replace(found.counted, **wrong)), at_s)
    assert said.answer.outcome is Outcome.DO_NOT_TRUST


@settings(max_examples=40, deadline=None)
@given(found=ANY, at_s=TIMES, data=some.data())
def test_order_of_metrics_and_slices_changes_nothing(
    found: Totals, at_s: float, data: some.DataObject
) -> None:
    plan = three_variants(metrics=METRICS, mde=0.1, dimensions=(Dimension(column="browser"),))
    found = with_slices(found, [browser("safari"), browser("chrome"), a_day(0), a_day(7)])
    there = analyse(plan, found, at_s)
    shuffled = replace(
        found,
        units=dict(data.draw(some.permutations(list(found.units.items())))),
        moments=dict(data.draw(some.permutations(list(found.moments.items())))),
    )
    assert analyse(plan, shuffled, at_s) == there
    back = analyse(replace(plan, metrics=METRICS[::-1]), found, at_s)
    assert back.answer == there.answer
    for part in ("effects", "parts", "days", "weekdays", "bayes", "impacts", "forecasts"):
        assert set(getattr(back, part)) == set(getattr(there, part))
    assert (back.splits, back.faults) == (there.splits, there.faults)
