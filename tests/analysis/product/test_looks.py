"""When a method may be looked at."""

import pytest

from analysis.product.looks import ended, information, may_claim
from engine.core.product import Method
from tests.analysis.product.values import DAY_S, END_S, START_S, a_product_plan


def test_information_is_the_share_of_the_planned_time() -> None:
    plan = a_product_plan()
    times = (START_S - 1.0, START_S, START_S + 7 * DAY_S, END_S, END_S + DAY_S)
    assert [information(plan, at_s, None) for at_s in times] == [0.0, 0.0, 0.5, 1.0, 1.0]


def test_without_a_planned_start_time_runs_from_the_first_data() -> None:
    plan = a_product_plan(starts_s=None)
    assert information(plan, START_S + 7 * DAY_S, START_S) == 0.5
    assert information(plan, START_S + 7 * DAY_S, None) == 1.0


def test_without_an_end_after_the_start_all_time_is_over() -> None:
    assert information(a_product_plan(ends_s=None), START_S, None) == 1.0
    assert information(a_product_plan(ends_s=START_S), START_S, None) == 1.0


def test_anytime_claims_are_due_at_any_time() -> None:
    assert may_claim(a_product_plan(ends_s=None), START_S, None)


def test_a_fixed_test_claims_at_its_end_only() -> None:
    plan = a_product_plan(method=Method.FIXED)
    assert [may_claim(plan, at_s, None) for at_s in (END_S - 1.0, END_S, END_S + DAY_S)] == [
        False,
        True,
        True,
    ]


def test_without_a_planned_end_a_fixed_test_never_claims() -> None:
    for method in (Method.FIXED, Method.GROUP_SEQUENTIAL):
        plan = a_product_plan(method=method, ends_s=None)
        assert not may_claim(plan, END_S, START_S)
        assert not ended(plan, END_S)


@pytest.mark.parametrize(
    ("day", "due"), [(0.01, False), (3.4, False), (3.5, True), (3.63, True), (3.7, False)]
)
def test_planned_looks_claim_when_they_are_due_or_a_little_late(day: float, due: bool) -> None:
    plan = a_product_plan(method=Method.GROUP_SEQUENTIAL, looks=4)
    assert may_claim(plan, START_S + day * DAY_S, None) is due
