"""The canary climbs by time, trials and evidence, and says what is missing."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from engine.core.plan import Budget, Plan, Step
from engine.core.proposal import Climb, Finish, Progress, Proposal, Wait
from engine.core.target import Weights
from strategies.canary import Canary, CanaryOptions

PLAN = Plan(
    strategy="canary",
    steps=(
        Step(weight_pct=5, hold_s=300, floor=100),
        Step(weight_pct=50, hold_s=600, floor=200),
    ),
)
progresses = st.builds(
    Progress,
    step=st.integers(-1, 1),
    step_age_s=st.floats(0, 2000),
    step_trials=st.tuples(st.integers(0, 400), st.integers(0, 400)),
    not_worse=st.booleans(),
    inside_margin_at_step=st.booleans(),
)


def propose(**changes: Any) -> Proposal:
    met: dict[str, Any] = {
        "step": 1,
        "step_age_s": 600.0,
        "step_trials": (4000, 200),
        "not_worse": True,
        "inside_margin_at_step": True,
    }
    return Canary().propose(PLAN, Progress(**(met | changes)))


def plan_of(**options: Any) -> Plan:
    return Canary().plan(CanaryOptions.model_validate(options, strict=False))


def test_the_default_ramp_is_1_5_20_50() -> None:
    assert plan_of() == Plan(
        strategy="canary",
        steps=tuple(Step(weight_pct=weight, hold_s=300, floor=100) for weight in (1, 5, 20, 50)),
    )


def test_a_step_may_have_its_own_hold_floor_and_approval() -> None:
    plan = plan_of(steps=[10, {"weight": 30, "hold": "1h", "floor": 1, "approve": True}], hold="10s", floor=5)
    assert plan.steps == (
        Step(weight_pct=10, hold_s=10, floor=5),
        Step(weight_pct=30, hold_s=3600, floor=1, approve=True),
    )


@pytest.mark.parametrize("steps", [[], [0], [100], [5, 5], [20, 5], [True], ["5%"], [0.5], [{"hold": "1s"}]])
def test_a_ramp_ascends_below_100(steps: list[Any]) -> None:
    with pytest.raises(ValidationError):
        plan_of(steps=steps)


@given(st.lists(st.integers(-5, 105), max_size=6))
def test_every_plan_ascends_below_100(steps: list[int]) -> None:
    try:
        plan = plan_of(steps=steps)
    except ValidationError:
        assert not steps or min(steps) < 1 or max(steps) > 99 or steps != sorted(set(steps))
    else:
        assert [step.weight_pct for step in plan.steps] == steps == sorted(set(steps))
        assert 0 < steps[0] <= steps[-1] < 100


def test_the_first_step_needs_nothing() -> None:
    first = propose(step=-1, step_age_s=0.0, step_trials=(0, 0), not_worse=False, inside_margin_at_step=False)
    assert first == Climb(step=0, weights=Weights.of(5), reason="start at 5 %")


def test_a_step_that_is_held_and_filled_leads_to_the_next() -> None:
    assert propose(step=0, step_age_s=300.0, step_trials=(1900, 100), not_worse=False) == Climb(
        step=1,
        weights=Weights.of(50),
        reason="held 5 min at 5 % with 1900 control and 100 treatment trials; next is 50 %",
    )


def test_a_young_step_waits() -> None:
    assert propose(step=0, step_age_s=60.0) == Wait(reason="held 60 s of 5 min at 5 %")


def test_too_few_trials_wait_in_either_arm() -> None:
    assert propose(step_trials=(200, 199)) == Wait(reason="treatment had 199 of 200 trials at 50 %")
    assert propose(step_trials=(199, 200)) == Wait(reason="control had 199 of 200 trials at 50 %")


def test_everything_missing_is_said() -> None:
    assert propose(step_age_s=60.0, step_trials=(1, 2)) == Wait(
        reason="held 60 s of 10 min at 50 % and control had 1 of 200 trials at 50 % "
        "and treatment had 2 of 200 trials at 50 %"
    )


def test_the_last_step_waits_for_evidence() -> None:
    assert propose(not_worse=False) == Wait(
        reason="held 10 min at 50 % with 4000 control and 200 treatment trials, "
        "but the evidence does not yet say not worse"
    )


def test_the_last_step_waits_for_its_own_estimate() -> None:
    assert propose(inside_margin_at_step=False) == Wait(
        reason="held 10 min at 50 % with 4000 control and 200 treatment trials, "
        "but the estimate of this step alone is not inside the margin"
    )


def test_the_last_step_with_evidence_finishes() -> None:
    assert propose() == Finish(
        reason="held 10 min at 50 % with 4000 control and 200 treatment trials; "
        "not worse, also at this step alone"
    )


@given(progresses)
def test_nothing_finishes_without_evidence_hold_and_floor(progress: Progress) -> None:
    if isinstance(Canary().propose(PLAN, progress), Finish):
        assert progress.step == 1
        assert progress.step_age_s >= 600
        assert min(progress.step_trials) >= 200
        assert progress.not_worse
        assert progress.inside_margin_at_step


@given(progresses)
def test_the_canary_climbs_one_step_at_a_time(progress: Progress) -> None:
    proposal = Canary().propose(PLAN, progress)
    if isinstance(proposal, Climb):
        assert proposal.step == progress.step + 1
        assert proposal.weights.treatment == PLAN.steps[proposal.step].weight_pct


EXPECTED = tuple(30.0 + 0.5 * pct for pct in range(1, 51))
BUDGETED = replace(PLAN, budget=Budget(excess=50.0, expected=EXPECTED))
spendings = st.builds(
    replace, progresses, weight_pct=st.integers(1, 50), excess=st.floats(0, 100, allow_nan=False)
)


def inside(**changes: Any) -> Proposal:
    met: dict[str, Any] = {
        "step": 0,
        "step_age_s": 600.0,
        "step_trials": (4000, 200),
        "not_worse": False,
        "inside_margin_at_step": False,
        "weight_pct": 5,
    }
    return Canary().propose(BUDGETED, Progress(**(met | changes)))


@given(spendings)
def test_no_weight_is_given_that_the_budget_does_not_allow(progress: Progress) -> None:
    proposal = Canary().propose(BUDGETED, progress)
    if isinstance(proposal, Climb):
        given_pct = proposal.weights.given
        assert progress.excess + EXPECTED[given_pct - 1] <= 50.0
        assert given_pct <= BUDGETED.steps[proposal.step].weight_pct
        assert progress.step < 0 or given_pct > progress.weight_pct


@given(spendings)
def test_a_spent_budget_gives_no_more_and_promotes_nothing(progress: Progress) -> None:
    spent = replace(progress, step=max(progress.step, 0), excess=50.0)
    assert isinstance(Canary().propose(BUDGETED, spent), Wait)


@given(progresses)
def test_a_budget_that_allows_everything_is_the_fixed_ramp(progress: Progress) -> None:
    at = PLAN.steps[progress.step].weight_pct if progress.step >= 0 else 0
    rich = replace(PLAN, budget=Budget(excess=1e9, expected=EXPECTED))
    there = replace(progress, weight_pct=at)
    capped, fixed = Canary().propose(rich, there), Canary().propose(PLAN, there)
    assert type(capped) is type(fixed)
    if isinstance(capped, Climb) and isinstance(fixed, Climb):
        assert (capped.step, capped.weights) == (fixed.step, fixed.weights)


def test_the_budget_and_its_spend_are_told() -> None:
    assert inside(excess=4.0) == Climb(
        step=1,
        weights=Weights.of(32),
        reason="held 10 min at 5 % with 4000 control and 200 treatment trials; next is 32 %; "
        "4 of the budget of 50 excess bad trials are spent, finding harm at 5 % takes about 32.5",
    )


def test_a_ramp_that_the_budget_ends_promotes_by_evidence() -> None:
    capped = {"step": 1, "weight_pct": 32, "excess": 4.0}
    assert isinstance(inside(**capped), Wait)
    assert isinstance(inside(step=0, weight_pct=32, excess=4.0), Wait)
    assert isinstance(inside(**capped, not_worse=True, inside_margin_at_step=True), Finish)


def test_a_budget_too_small_for_one_percent_gives_nothing() -> None:
    tiny = replace(BUDGETED, budget=Budget(excess=10.0, expected=EXPECTED))
    first = Progress(
        step=-1, step_age_s=0.0, step_trials=(0, 0), not_worse=False, inside_margin_at_step=False
    )
    assert Canary().propose(tiny, first) == Wait(
        reason="not even 1 % is inside the budget; 0 of the budget of 10 excess bad trials are spent"
    )


@pytest.mark.parametrize("budget", [0, -1, "50", True, float("nan"), float("inf")])
def test_a_budget_is_a_number_above_zero(budget: Any) -> None:
    with pytest.raises(ValidationError):
        CanaryOptions.model_validate({"budget": budget})
