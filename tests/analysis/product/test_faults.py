"""What is wrong with data, found and named."""

from dataclasses import replace
from math import log
from typing import Any

import numpy as np
import pytest

from analysis.product.faults import faults, named
from analysis.product.result import Fault, FaultKind
from analysis.product.split import ONE_SIDED, fuller, log_e, split_findings
from analysis.product.totals import ALL, Slice
from analysis.stats.split import LOG_ALARM
from engine.core.model import Role
from engine.core.product import Aggregate, Dimension, Measure, Share
from tests.analysis.product.values import (
    DAY_S,
    END_S,
    START_S,
    a_product_metric,
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
    fault = only(machines={"control": 0, "short": 1})
    assert (fault.kind, fault.grave, fault.count) == (FaultKind.MACHINES, False, 1)


def test_many_machines_are_people() -> None:
    fault = only(machines={"control": 100, "short": 101})
    assert (fault.kind, fault.grave, fault.count) == (FaultKind.MACHINES, True, 201)


def test_machines_in_one_variant_alone_are_grave_and_name_it() -> None:
    grave, noted = found(machines={"control": 4, "short": 36})
    assert (grave.kind, grave.grave, grave.what, grave.count) == (
        FaultKind.MACHINES_UNEVEN,
        True,
        "short",
        36,
    )
    assert grave.share == pytest.approx(36 / 5_036)
    assert (noted.kind, noted.grave) == (FaultKind.MACHINES, False)


def test_exposures_of_one_variant_that_are_logged_late_are_grave_and_named() -> None:
    """Too few of all events to be worth a word: they are of control alone."""
    fault = only(early=60, early_units={"control": 40, "short": 5})
    assert (fault.kind, fault.grave, fault.what, fault.count, fault.share) == (
        FaultKind.EARLY_UNEVEN,
        True,
        "control",
        40,
        40 / 5_000,
    )


@pytest.mark.parametrize(
    "units", [{"control": 3}, {"control": 40, "short": 32}, {"control": 4_000, "short": 4_050}]
)
def test_as_many_as_chance_lets_be_are_no_fault(units: dict[str, int]) -> None:
    assert found(early_units=units) == ()
    assert [fault.kind for fault in found(machines=units)] == [FaultKind.MACHINES]


def test_what_is_uneven_is_told_by_planned_shares() -> None:
    """Nine of ten units are control's, and so are nine of ten of their early ones."""
    shares = (Share(variant="control", share=0.9), Share(variant="short", share=0.1))
    units = totals(
        {"control": 9_000, "short": 1_000}, counted=counted(early_units={"control": 90, "short": 10})
    )
    assert faults(a_product_plan(shares=shares), units, (), (), NOW_S) == ()
    (fault,) = faults(a_product_plan(), replace(units, units=totals(EVEN).units), (), (), NOW_S)
    assert (fault.kind, fault.what) == (FaultKind.EARLY_UNEVEN, "control")


def test_looking_on_raises_the_alarm_for_even_units_in_one_of_two_hundred_at_most() -> None:
    """Of 400 seeded experiments, each looked at after every fifth of 500 such units; 5 is two errors more."""
    rng, plan = np.random.default_rng(7), a_product_plan()
    planned = (0.5, 0.5)
    alarms = 0
    for _ in range(400):
        controls = np.cumsum(rng.random(500) < 0.5)
        worst = max(
            log_e((int(n), at + 1 - int(n)), planned, ONE_SIDED)
            for at, n in enumerate(controls)
            if at % 5 == 4
        )
        alarms += worst >= LOG_ALARM + log(2.0)
    assert fuller(plan, {"control": 250, "short": 250}, 0.0) is None
    assert alarms <= 5


def test_rows_from_the_future_are_noted_and_soon_grave() -> None:
    assert [(only(future=rows).kind, only(future=rows).grave) for rows in (1, 25)] == [
        (FaultKind.FUTURE, False),
        (FaultKind.FUTURE, True),
    ]


@pytest.mark.parametrize(
    ("counts", "kind", "share"),
    [
        ({"before_start": 2_500}, FaultKind.BEFORE_START, 0.2),
        ({"incomplete": 5_000}, FaultKind.INCOMPLETE, 0.2),
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
    assert found(early=100, duplicates=20, repeated=100, before_start=100, incomplete=100) == ()


def test_a_missing_day_is_named() -> None:
    days = per_day((700, 700), (700, 700), (0, 0), (700, 700))
    fault = only(days=days)
    assert (fault.kind, fault.grave, fault.what) == (FaultKind.MISSING_DAY, False, day(2))


def test_a_day_without_events_is_named_once() -> None:
    days = per_day((700, 700), (0, 0), (700, 700))
    events = {day(0): 90, day(1): 0, day(2): 100}
    assert only(days=days, events_by_day=events).what == day(1)
    alive = only(days=per_day(*[(700, 700)] * 3), events_by_day=events)
    assert (alive.kind, alive.grave, alive.what) == (FaultKind.MISSING_DAY, False, day(1))
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


def test_stray_units_of_long_ago_make_no_missing_days() -> None:
    days = per_day((0, 1), *[(0, 0)] * 9, (700, 700), (700, 700), (700, 700))
    assert (
        found(days=days, events_by_day={day(0): 40, **dict.fromkeys(map(day, range(1, 10)), 0), day(10): 40})
        == ()
    )
    long_before = {"2001-01-01": {"control": 1, "short": 0}}
    never = {f"2001-01-{at:02d}": {"control": 0, "short": 0} for at in range(2, 31)}
    assert found(days={**long_before, **never, **per_day(*[(700, 700)] * 3)}) == ()


def test_days_that_a_metric_looks_back_to_may_be_missing_too() -> None:
    events = {day(0): 90, day(1): 0, day(2): 100, day(3): 100}
    days = {day(3): {"control": 700, "short": 700}}
    back = a_product_plan(metrics=(a_product_metric(before_s=3 * DAY_S),))
    loaded = totals(EVEN, counted=counted(days=days, events_by_day=events))
    assert [fault.what for fault in faults(back, loaded, (), (), NOW_S)] == [day(1)]
    assert faults(a_product_plan(), loaded, (), (), NOW_S) == ()


@pytest.mark.parametrize(
    ("last", "whole_days", "grave"), [(6, 0, False), (5, 1, False), (4, 2, False), (3, 3, True), (0, 6, True)]
)
def test_units_that_go_on_after_the_last_event_are_a_fault(last: int, whole_days: int, grave: bool) -> None:
    """Looked at in the middle of the eighth day; events of the day before may still come."""
    days = per_day(*[(700, 700)] * 8)
    events = {day(at): 100 for at in range(last + 1)}
    counts = counted(days=days, events_by_day=events, last_s=NOW_S)
    told = faults(a_product_plan(), totals(EVEN, counted=counts), (), (), NOW_S + DAY_S / 2)
    if not whole_days:
        assert told == ()
        return
    (fault,) = told
    first, end = day(last + 1), day(last + whole_days)
    assert (fault.kind, fault.grave) == (FaultKind.EVENTS_ENDED, grave)
    assert fault.what == (first if whole_days == 1 else f"{first}/{end}")
    assert fault.share == pytest.approx(whole_days / 8)


def test_events_that_were_always_few_have_not_ended() -> None:
    days = per_day(*[(700, 700)] * 8)
    assert found(days=days, events_by_day={day(0): 3, day(1): 2}) == ()


def test_events_after_the_last_exposure_have_not_ended() -> None:
    days = per_day((700, 700), (700, 700), (0, 3), (0, 0))
    assert found(days=days, events_by_day={day(0): 300, day(1): 200}) == ()


SUM = {"aggregate": Aggregate.SUM, "measure": Measure(event="purchase", value="amount")}


@pytest.mark.parametrize(
    ("role", "count", "grave"),
    [
        (Role.OBJECTIVE, 10, False),
        (Role.OBJECTIVE, 500, True),
        (Role.GUARDRAIL, 500, True),
        (Role.QUALITY, 9_000, False),
    ],
)
def test_events_without_the_number_that_is_summed_are_grave_where_it_decides(
    role: Role, count: int, grave: bool
) -> None:
    plan = a_product_plan(metrics=(a_product_metric(**SUM, role=role),))
    counts = counted(valueless={"bought": count}, events_by_name={"purchase": 10_000, "visit": 10**6})
    (fault,) = faults(plan, totals(EVEN, counted=counts), (), (), NOW_S)
    assert (fault.kind, fault.grave, fault.what, fault.count) == (FaultKind.VALUELESS, grave, "bought", count)
    assert fault.share == count / 10_000


def test_the_odd_event_without_a_number_is_not_worth_a_word() -> None:
    counts = {"valueless": {"bought": 5}, "events_by_name": {"purchase": 10_000}}
    plan = a_product_plan(metrics=(a_product_metric(**SUM),))
    assert faults(plan, totals(EVEN, counted=counted(**counts)), (), (), NOW_S) == ()


def test_of_a_ratio_the_events_of_both_sums_count() -> None:
    per = Measure(event="visit", value="minutes")
    ratio = a_product_metric(**{**SUM, "aggregate": Aggregate.RATIO}, per=per)
    counts = counted(valueless={"bought": 600}, events_by_name={"purchase": 10_000, "visit": 20_000})
    (fault,) = faults(a_product_plan(metrics=(ratio,)), totals(EVEN, counted=counts), (), (), NOW_S)
    assert fault.share == 0.02


def test_an_event_that_never_occurs_is_named() -> None:
    fault = only(events_by_name={"purchase": 10_000, "purchse": 0})
    assert (fault.kind, fault.grave, fault.what) == (FaultKind.NO_EVENTS, False, "purchse")


def test_among_few_units_an_event_may_not_have_occurred_yet() -> None:
    few = totals({"control": 50, "short": 49}, counted=counted(events_by_name={"refund": 0}))
    assert faults(a_product_plan(), few, (), (), NOW_S) == ()


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
        for each in found(crossed=50, future=100, machines={"short": 1}, unknown={"x": 1, "b": 900})
    ]
    assert kinds == [
        (FaultKind.UNKNOWN_VARIANT, True),
        (FaultKind.FUTURE, True),
        (FaultKind.UNKNOWN_VARIANT, False),
        (FaultKind.CROSSED, False),
        (FaultKind.MACHINES, False),
    ]
