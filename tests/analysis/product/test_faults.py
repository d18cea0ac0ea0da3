"""What is wrong with data, found and named."""

from typing import Any

import pytest

from analysis.product.faults import faults, named
from analysis.product.result import Fault, FaultKind
from analysis.product.split import split_findings
from analysis.product.totals import ALL, Slice
from engine.core.product import Dimension
from tests.analysis.product.values import (
    DAY_S,
    END_S,
    START_S,
    a_product_plan,
    counted,
    day,
    per_day,
    totals,
)

EVEN = {"control": 5_000, "short": 5_000}
NOW_S = START_S + 7 * DAY_S


def found(**changes: Any) -> tuple[Fault, ...]:
    return faults(a_product_plan(), totals(EVEN, counted=counted(**changes)), (), (), NOW_S)


def only(**changes: Any) -> Fault:
    (fault,) = found(**changes)
    return fault


def test_sound_data_have_no_fault() -> None:
    assert found() == ()


def test_a_few_units_of_an_unknown_variant_are_noted() -> None:
    fault = only(unknown={"shrot": 3})
    assert (fault.kind, fault.grave, fault.what, fault.count) == (
        FaultKind.UNKNOWN_VARIANT,
        False,
        "shrot",
        3,
    )


def test_a_variant_renamed_while_it_runs_is_grave_and_named() -> None:
    fault = only(unknown={"short-v2": 2_500})
    assert (fault.kind, fault.grave, fault.what) == (FaultKind.UNKNOWN_VARIANT, True, "short-v2")
    assert fault.share == pytest.approx(2_500 / 12_500)


@pytest.mark.parametrize(("units", "grave"), [(20, False), (99, False), (102, True)])
def test_units_in_two_variants_are_grave_from_one_percent_on(units: int, grave: bool) -> None:
    fault = only(crossed=units)
    assert (fault.kind, fault.grave, fault.count) == (FaultKind.CROSSED, grave, units)


def test_very_few_units_in_two_variants_are_not_worth_a_word() -> None:
    assert found(crossed=5) == ()


def test_a_handful_is_not_grave_whatever_its_share() -> None:
    (fault,) = faults(
        a_product_plan(), totals({"control": 20, "short": 20}, counted=counted(crossed=9)), (), (), NOW_S
    )
    assert not fault.grave


def test_a_bot_is_noted() -> None:
    fault = only(machines=1)
    assert (fault.kind, fault.grave, fault.count) == (FaultKind.MACHINES, False, 1)


def test_many_machines_are_people() -> None:
    assert only(machines=200).grave


def test_rows_from_the_future_are_noted_and_soon_grave() -> None:
    assert [(only(future=rows).kind, only(future=rows).grave) for rows in (1, 25)] == [
        (FaultKind.FUTURE, False),
        (FaultKind.FUTURE, True),
    ]


@pytest.mark.parametrize(
    ("counts", "kind", "share"),
    [
        ({"early": 1_000}, FaultKind.EARLY_EVENTS, 0.1),
        ({"duplicates": 200}, FaultKind.DUPLICATES, 0.02),
        ({"repeated": 5_000}, FaultKind.REPEATED, 0.5),
    ],
)
def test_rows_that_are_left_out_alike_in_all_variants_are_noted(
    counts: dict[str, int], kind: FaultKind, share: float
) -> None:
    fault = only(**counts)
    assert (fault.kind, fault.grave, fault.share) == (kind, False, share)


def test_the_odd_repeated_row_is_not_worth_a_word() -> None:
    assert found(early=100, duplicates=20, repeated=100) == ()


def test_a_missing_day_is_named() -> None:
    days = per_day((700, 700), (700, 700), (0, 0), (700, 700))
    fault = only(days=days)
    assert (fault.kind, fault.grave, fault.what) == (FaultKind.MISSING_DAY, False, day(2))


def test_a_day_without_events_is_named_once() -> None:
    days = per_day((700, 700), (0, 0), (700, 700))
    assert only(days=days, events_by_day={day(0): 90, day(1): 0, day(2): 100}).what == day(1)
    assert only(events_by_day={day(0): 90, day(1): 0, day(2): 100}).what == day(1)


def test_a_day_without_one_variant_is_grave() -> None:
    fault = only(days=per_day((700, 700), (700, 0), (700, 700)))
    assert (fault.kind, fault.grave, fault.what) == (FaultKind.MISSING_DAY, True, f"{day(1)} short")


def test_days_in_a_row_are_one_fault() -> None:
    days = per_day(*[(700, 700)] * 2, (0, 0), (0, 0), (700, 700), (0, 0), (700, 700))
    assert [fault.what for fault in found(days=days)] == [f"{day(2)}/{day(3)}", day(5)]
    renamed = per_day((700, 700), *[(700, 0)] * 3)
    assert only(days=renamed).what == f"{day(1)}/{day(3)} short"


def test_empty_days_of_a_small_experiment_are_chance() -> None:
    assert found(days=per_day((5, 4), (0, 0), (4, 6), (9, 0)), events_by_day={day(0): 3, day(1): 0}) == ()


def test_the_end_of_exposures_is_no_missing_day() -> None:
    assert found(days=per_day((700, 700), (700, 700), (0, 0), (0, 0)), events_by_day={}) == ()


def test_data_older_than_two_days_are_old() -> None:
    assert [each.kind for each in found(last_s=NOW_S - 2.1 * DAY_S)] == [FaultKind.OLD]
    assert found(last_s=NOW_S - 1.9 * DAY_S) == ()


def test_no_data_are_not_old() -> None:
    assert found(last_s=None) == ()


def test_after_the_end_data_do_not_age() -> None:
    late = totals(EVEN, counted=counted(last_s=END_S - 3600.0))
    assert faults(a_product_plan(), late, (), (), END_S + 30 * DAY_S) == ()
    (fault,) = faults(a_product_plan(ends_s=None), late, (), (), END_S + 30 * DAY_S)
    assert (fault.kind, fault.grave) == (FaultKind.OLD, False)


def test_a_split_that_is_off_is_grave_and_names_its_slice() -> None:
    plan = a_product_plan(dimensions=(Dimension(column="browser"),))
    safari = Slice(dimension="browser", value="safari")
    found = totals({"control": 90_000, "short": 90_000, ("control", safari): 9_000, ("short", safari): 8_000})
    (fault,) = faults(plan, found, split_findings(plan, found), (), NOW_S)
    assert (fault.kind, fault.grave, fault.what, fault.count) == (
        FaultKind.SPLIT,
        True,
        "browser=safari",
        17_000,
    )
    assert fault.share == pytest.approx(17_000 / 180_000)


def test_all_units_have_no_name() -> None:
    assert named(ALL) == ""


def test_metrics_that_differed_before_are_grave() -> None:
    (fault,) = faults(a_product_plan(), totals(EVEN), (), ("revenue",), NOW_S)
    assert (fault.kind, fault.grave, fault.what) == (FaultKind.BIASED_BEFORE, True, "revenue")


def test_grave_faults_come_first() -> None:
    kinds = [
        (each.kind, each.grave)
        for each in found(crossed=50, future=100, machines=1, unknown={"x": 1, "b": 900})
    ]
    assert kinds == [
        (FaultKind.UNKNOWN_VARIANT, True),
        (FaultKind.FUTURE, True),
        (FaultKind.UNKNOWN_VARIANT, False),
        (FaultKind.CROSSED, False),
        (FaultKind.MACHINES, False),
    ]
