"""What a look reads of an experiment that a release carries."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from analysis.product.looks import may_claim
from analysis.report.product.course import Course, CourseStage, CourseStep
from engine.core.decision import DecisionKind, Rule
from engine.core.events import Applied, Event, Intended
from engine.core.model import Mode
from engine.core.product import Method, ProductPlan
from engine.core.run import Act, Run
from engine.core.target import Weights
from engine.product.releasing import Release
from engine.product.scope import Scope, left_by, looked_at_s, scope_of
from engine.spec import parse
from tests.engine.product.test_looking import metric, plan
from tests.engine.product.test_releasing import DOCUMENT

NOW_S = 900.0
DAY_S = 86_400.0


def release(
    launched_s: float = 0.0,
    ended_s: float | None = None,
    mode: Mode = Mode.ACT,
    acts: Sequence[Event] = (),
    treatments: tuple[str, ...] = ("new",),
) -> Release:
    run = Run(
        id="checkout-1", name="checkout", target_key="t", mode=mode, launched_s=launched_s, ended_s=ended_s
    )
    return Release(
        run=run,
        plan=parse(DOCUMENT, "checkout.yaml").plan,
        control="old",
        treatments=treatments,
        named=treatments,
        acts=tuple(acts),
    )


def weeks(method: Method) -> ProductPlan:
    """Looks on days 7, 14 and 21, and the last one on day 35."""
    last = replace(plan(), metrics=(replace(metric(), within_s=7 * DAY_S),), method=method, looks=4)
    return replace(last, starts_s=0.0, ends_s=28 * DAY_S)


@pytest.mark.parametrize(
    ("ended_s", "starts_s", "looked_s"),
    [
        (None, None, 900.0),
        (500.7, None, 500.0),
        (500.7, 100.0, 500.0),
        (500.7, 600.0, 900.0),
        (950.0, None, 900.0),
    ],
)
def test_after_its_release_an_experiment_is_looked_at_as_of_then(
    ended_s: float | None, starts_s: float | None, looked_s: float
) -> None:
    asked = replace(plan(), starts_s=starts_s)
    assert looked_at_s(asked, release(ended_s=ended_s), NOW_S) == looked_s
    assert looked_at_s(asked, None, NOW_S) == NOW_S


@pytest.mark.parametrize("now_day", [7.5, 9.0, 14.1, 20.0, 35.5])
def test_after_its_release_a_planned_look_stays_the_one_that_decided(now_day: float) -> None:
    asked = weeks(Method.GROUP_SEQUENTIAL)
    scope = scope_of(asked, release(ended_s=7 * DAY_S + 3600), now_day * DAY_S)
    assert scope.at_s == 7 * DAY_S
    assert may_claim(asked, scope.at_s)
    assert scope.said.startswith("Its release checkout-1 has ended, and this is its last planned look before")


@pytest.mark.parametrize("method", [Method.FIXED, Method.GROUP_SEQUENTIAL])
def test_a_release_that_ended_before_its_first_planned_look_claims_nothing_for_ever(method: Method) -> None:
    asked = weeks(method)
    for now_day in (6.0, 7.5, 35.5):
        scope = scope_of(asked, release(ended_s=5 * DAY_S + 0.5), now_day * DAY_S)
        assert scope.at_s == 5 * DAY_S
        assert not may_claim(asked, scope.at_s)
        assert "checkout-1 ended before its first planned look, so that nothing can be" in scope.said


def test_while_a_release_goes_on_planned_looks_are_as_without_it() -> None:
    for now_day in (6.0, 7.5, 9.0, 40.0):
        asked, now_s = weeks(Method.GROUP_SEQUENTIAL), now_day * DAY_S
        assert scope_of(asked, release(), now_s) == scope_of(asked, None, now_s)


def test_without_a_declared_start_an_experiment_begins_with_its_release() -> None:
    scope = scope_of(plan(), release(launched_s=300.5), NOW_S)
    assert (scope.plan.starts_s, scope.since_s, scope.said) == (300.0, 300.0, "")


def test_a_declared_start_stays() -> None:
    scope = scope_of(replace(plan(), starts_s=100.0), release(launched_s=300.0), NOW_S)
    assert (scope.plan.starts_s, scope.since_s) == (100.0, None)


def test_a_look_at_what_was_before_the_launch_sees_it() -> None:
    asked = scope_of(plan(), release(launched_s=300.0), NOW_S, at_s=200.0)
    assert asked == Scope(plan=plan(), at_s=200.0)


def test_a_run_that_only_watches_begins_nothing() -> None:
    assert scope_of(plan(), release(launched_s=300.0, mode=Mode.OBSERVE), NOW_S) == Scope(
        plan=plan(), at_s=NOW_S
    )


def test_a_look_that_was_asked_for_is_taken_then() -> None:
    scope = scope_of(plan(), release(ended_s=500.0), NOW_S, at_s=700.0)
    assert (scope.at_s, scope.said) == (700.0, "")


def shifted(at_s: float, weights: Weights) -> list[Event]:
    act = Act(
        number=1,
        kind=DecisionKind.SHIFT,
        rule=Rule.ARM_HARMFUL,
        weights=weights,
        step=2,
        found=None,
        version="",
    )
    payloads = (Intended(act=act), Applied(act_number=1, ok=True, weights=weights, detail=""))
    return [
        Event(
            run_id="checkout-1",
            seq=0,
            at_s=at_s,
            actor="engine",
            source="",
            reason="",
            rule=None,
            payload=payload,
        )
        for payload in payloads
    ]


def test_a_treatment_that_was_taken_out_has_left_from_then_on() -> None:
    acts = [*shifted(100.0, Weights.of(25, 25)), *shifted(500.0, Weights.of(0, 25))]
    carried = release(acts=acts, treatments=("a", "b"))
    assert scope_of(plan(), carried, NOW_S).left == {"a"}
    assert scope_of(plan(), carried, NOW_S, at_s=499.0).left == frozenset()


def test_before_the_first_split_nobody_has_left() -> None:
    course = Course(run_id="checkout-1", strategy="ab", steps=())
    assert left_by(course, NOW_S) == frozenset()


def test_who_was_given_nothing_yet_has_not_left() -> None:
    step = CourseStep(at_s=1.0, stage=CourseStage.CANARY, weights_pct={"old": 95, "a": 5, "b": 0})
    assert left_by(Course(run_id="r", strategy="ab", steps=(step,)), NOW_S) == frozenset()
