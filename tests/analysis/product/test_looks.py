"""When a method may be looked at, and as of when its numbers are."""

from math import ceil, sqrt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from analysis.product.looks import (
    CLOSEST,
    LATE_S,
    due_s,
    ended,
    information,
    links,
    look_s,
    may_claim,
    next_look_s,
    planned_s,
)
from analysis.product.totals import Counted
from engine.core.model import Role
from engine.core.product import Method, ProductPlan
from tests.analysis.product.values import (
    DAY_S,
    END_S,
    START_S,
    a_product_metric,
    a_product_plan,
    counted,
    per_day,
)

DUE_S = END_S + 7 * DAY_S
PLANNED = (Method.FIXED, Method.GROUP_SEQUENTIAL)
METRICS = (
    a_product_metric(within_s=DAY_S),
    a_product_metric(name="errors", role=Role.GUARDRAIL, within_s=7 * DAY_S),
    a_product_metric(name="visits", role=Role.QUALITY),
    a_product_metric(name="clicks", role=Role.QUALITY, within_s=30 * DAY_S),
)


def a_plan(method: Method, **changes: Any) -> ProductPlan:
    return a_product_plan(**{"method": method, "looks": 4, "metrics": METRICS, **changes})


FIXED, FOUR = a_plan(Method.FIXED), a_plan(Method.GROUP_SEQUENTIAL)


def test_information_is_the_share_of_the_planned_time() -> None:
    times = (START_S - 1.0, START_S, START_S + 7 * DAY_S, END_S, END_S + DAY_S)
    assert [information(FOUR, at_s) for at_s in times] == [0.0, 0.0, 0.5, 1.0, 1.0]


@pytest.mark.parametrize("changes", [{"ends_s": None}, {"starts_s": None}, {"ends_s": START_S}])
def test_without_planned_times_all_time_is_over(changes: dict[str, float | None]) -> None:
    assert information(a_plan(Method.GROUP_SEQUENTIAL, **changes), START_S) == 1.0


def test_anytime_claims_are_due_at_any_time_and_its_end_is_the_planned_one() -> None:
    plan = a_plan(Method.ANYTIME)
    assert may_claim(a_plan(Method.ANYTIME, ends_s=None), START_S)
    assert (due_s(plan), planned_s(plan), next_look_s(plan, START_S)) == (END_S, (), None)
    assert [look_s(plan, at_s) for at_s in (START_S + 1.5, DUE_S + DAY_S)] == [START_S + 1.5, DUE_S + DAY_S]
    assert [ended(plan, at_s) for at_s in (END_S - 1.0, END_S)] == [False, True]


def test_a_fixed_test_is_due_once_no_deciding_number_changes_any_more() -> None:
    assert (due_s(FIXED), planned_s(FIXED), next_look_s(FIXED, START_S)) == (DUE_S, (DUE_S,), DUE_S)
    assert [ended(FIXED, at_s) for at_s in (END_S, DUE_S - 1.0, DUE_S)] == [False, False, True]
    assert [may_claim(FIXED, at_s) for at_s in (END_S, DUE_S - 1.0, DUE_S)] == [False, False, True]
    assert next_look_s(FIXED, DUE_S) is None


@pytest.mark.parametrize("method", PLANNED)
def test_all_looks_after_it_is_due_are_the_same_one(method: Method) -> None:
    plan = a_plan(method)
    after = [DUE_S + days * DAY_S for days in (0.0, 0.5, 3.0, 50.0)]
    assert {look_s(plan, at_s) for at_s in after} == {DUE_S}
    assert not may_claim(plan, DUE_S + DAY_S)


@pytest.mark.parametrize("method", PLANNED)
@pytest.mark.parametrize(
    "changes",
    [{"ends_s": None}, {"metrics": (*METRICS, a_product_metric(name="open", role=Role.GUARDRAIL))}],
)
def test_what_never_settles_never_claims_and_never_ends(method: Method, changes: dict[str, Any]) -> None:
    plan = a_plan(method, **changes)
    assert (due_s(plan), planned_s(plan)) == (None, ())
    assert not may_claim(plan, DUE_S)
    assert not ended(plan, DUE_S)
    assert look_s(plan, DUE_S) == DUE_S


def test_without_a_planned_start_no_look_before_the_last_is_known() -> None:
    plan = a_plan(Method.GROUP_SEQUENTIAL, starts_s=None)
    assert planned_s(plan) == ()
    assert planned_s(a_plan(Method.FIXED, starts_s=None)) == (DUE_S,)


def test_planned_looks_are_evenly_over_the_planned_time_and_the_last_one_when_it_is_due() -> None:
    assert planned_s(FOUR) == (*(START_S + days * DAY_S for days in (3.5, 7.0, 10.5)), DUE_S)


@pytest.mark.parametrize(
    ("day", "as_of", "claims"),
    [
        (0.01, 0.01, False),
        (3.4, 3.4, False),
        (3.5, 3.5, True),
        (4.5, 3.5, True),
        (4.6, 4.6, False),
        (7.9, 7.0, True),
        (14.0, 14.0, False),
        (20.9, 20.9, False),
        (21.0, 21.0, True),
        (60.0, 21.0, True),
    ],
)
def test_a_planned_look_shows_the_numbers_of_its_time_for_a_day(
    day: float, as_of: float, claims: bool
) -> None:
    found = look_s(FOUR, START_S + day * DAY_S)
    assert found == pytest.approx(START_S + as_of * DAY_S)
    assert may_claim(FOUR, found) is claims


def came(*units: int) -> Counted:
    """So many new ones of both variants together, day by day from the start."""
    return counted(days=per_day(*((each - each // 2, each // 2) for each in units)))


def test_looks_are_linked_by_the_units_that_have_had_all_their_time() -> None:
    """At half time, after a week, nobody has had the week that it takes; of a day, all but the last ones."""
    plan = a_plan(Method.GROUP_SEQUENTIAL, looks=2)
    assert links(plan, (0.5, 1.0), came(*[100] * 14), DUE_S) == (0.0, 0.0)
    short = a_plan(Method.GROUP_SEQUENTIAL, looks=2, metrics=METRICS[:1])
    assert links(short, (0.5, 1.0), came(*[100] * 14), END_S + DAY_S) == (0.0, sqrt(600 / 1400))
    assert links(short, (0.5,), came(*[100] * 7), START_S + 7 * DAY_S) == (0.0,)
    assert links(short, (), came(100), START_S + 7 * DAY_S) == ()


def test_units_that_come_late_link_looks_less() -> None:
    plan = a_plan(Method.GROUP_SEQUENTIAL, looks=2, metrics=METRICS[:1])
    slow = came(*[10] * 7, *[190] * 7)
    assert links(plan, (0.5, 1.0), slow, END_S + DAY_S) == (0.0, sqrt(60 / 1400))


def test_a_day_that_is_not_over_counts_at_the_later_look_alone() -> None:
    plan = a_plan(Method.GROUP_SEQUENTIAL, looks=4, metrics=METRICS[:1])
    at_s = START_S + 7 * DAY_S
    assert links(plan, (0.25, 0.5), came(*[100] * 14), at_s) == (0.0, sqrt(200 / 700))
    assert links(plan, (0.25, 0.51), came(*[100] * 14), at_s + 60.0) == (0.0, sqrt(200 / 800))


def test_looks_without_anybody_new_are_not_taken_for_one() -> None:
    plan = a_plan(Method.GROUP_SEQUENTIAL, looks=2, metrics=METRICS[:1])
    assert links(plan, (0.5, 1.0), came(100, 100), DUE_S) == (0.0, CLOSEST)
    assert links(plan, (0.5, 1.0), counted(), DUE_S) == (0.0, 0.0)


@pytest.mark.parametrize("changes", [{"starts_s": None}, {"ends_s": None}])
def test_of_looks_without_times_nothing_is_known(changes: dict[str, None]) -> None:
    plan = a_plan(Method.GROUP_SEQUENTIAL, **changes)
    assert links(plan, (0.5, 1.0), came(100, 100), DUE_S) == (0.0, 0.0)


PLANS = some.builds(
    lambda method, looks, days, window: a_product_plan(
        method=method,
        looks=looks,
        ends_s=START_S + days * DAY_S,
        metrics=(a_product_metric(within_s=window * DAY_S),),
    ),
    some.sampled_from(PLANNED),
    some.integers(2, 20),
    some.floats(0.5, 60.0),
    some.floats(0.01, 30.0),
)


@given(plan=PLANS, days=some.lists(some.floats(0.0, 120.0), max_size=40))
def test_however_often_one_looks_claims_are_of_no_more_looks_than_planned(
    plan: ProductPlan, days: list[float]
) -> None:
    planned = planned_s(plan)
    found = {look_s(plan, START_S + each * DAY_S) for each in days}
    assert len({at_s for at_s in found if may_claim(plan, at_s)}) <= len(planned)
    assert list(planned) == sorted(planned)
    assert all(at_s == ceil(at_s) for at_s in planned)


@given(plan=PLANS, day=some.floats(0.0, 120.0))
def test_a_look_as_of_its_own_time_is_the_same_look(plan: ProductPlan, day: float) -> None:
    at_s = START_S + day * DAY_S
    found = look_s(plan, at_s)
    assert look_s(plan, found) == found
    assert found == at_s or (found < at_s and may_claim(plan, found))
    due = due_s(plan)
    assert due is not None
    assert at_s >= due or at_s - found <= LATE_S
