"""An A/B test splits once, and ends for the treatment that is better."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from engine.core.plan import Plan, Policy, Stage, Step
from engine.core.proposal import Climb, Finish, Progress, Proposal, Wait
from engine.core.target import Weights
from strategies.ab import Ab, AbOptions


def plan_of(**options: Any) -> Plan:
    return Ab().plan(AbOptions.model_validate(options, strict=False))


PLAN = plan_of(weights=[25, 25], hold="2h", floor=500)


def propose(**changes: Any) -> Proposal:
    met: dict[str, Any] = {
        "step": 0,
        "step_age_s": 7200.0,
        "step_trials": (500, 500),
        "not_worse": True,
        "inside_margin_at_step": True,
        "better": 1,
    }
    return Ab().propose(PLAN, Progress(**(met | changes)))


def test_without_options_one_treatment_has_half_for_a_day_at_least() -> None:
    assert plan_of() == Plan(
        strategy="ab",
        steps=(Step(weight_pct=50, hold_s=86400, floor=100, stage=Stage.SPLIT, shares=(50,)),),
        needs_better=True,
        horizon_s=14 * 86400,
        on_trouble=Policy.HOLD,
    )


def test_every_treatment_has_its_share() -> None:
    (step,) = plan_of(weights=[20, 30]).steps
    assert (step.weight_pct, step.shares) == (50, (20, 30))


@pytest.mark.parametrize("weights", [[], [0], [100], [50, 50], [60, 60], [True], ["50%"], [33.3], 50])
def test_shares_are_whole_percent_and_leave_control_something(weights: Any) -> None:
    with pytest.raises(ValidationError):
        plan_of(weights=weights)


def test_it_starts_with_the_split() -> None:
    assert propose(step=-1, better=None) == Climb(
        step=0, weights=Weights.of(25, 25), reason="start with the split 50/25/25"
    )


def test_it_runs_for_its_time_whatever_is_better() -> None:
    assert propose(step_age_s=3600.0) == Wait(reason="held 60 min of 2 h at this split")


def test_every_arm_needs_its_trials() -> None:
    assert propose(step_trials=(499, 10)) == Wait(
        reason="control had 499 of 500 trials at this split and treatment had 10 of 500 trials at this split"
    )


def test_not_worse_is_not_better() -> None:
    assert propose(better=None) == Wait(reason="no treatment is shown to be better yet")


def test_what_is_better_must_be_inside_the_margin_too() -> None:
    assert isinstance(propose(inside_margin_at_step=False), Wait)


@pytest.mark.parametrize("better", [0, 1])
def test_the_better_treatment_is_promoted(better: int) -> None:
    assert propose(better=better) == Finish(
        reason="held 2 h at this split with 500 control and 500 treatment trials; it is better",
        treatment_index=better,
    )


PHASED = plan_of(
    weights=[25, 25],
    hold="2h",
    floor=500,
    canary={"steps": [2, {"weight": 20, "hold": "1h", "approve": True}], "hold": "10min", "floor": 50},
)


def phased(step: int, **changes: Any) -> Proposal:
    met: dict[str, Any] = {"step_age_s": 7200.0, "step_trials": (500, 500), "not_worse": True}
    return Ab().propose(PHASED, Progress(**{**met, "step": step, "inside_margin_at_step": True, **changes}))


def test_a_canary_is_steps_before_the_test_divided_as_the_test_is() -> None:
    assert PHASED.steps == (
        Step(weight_pct=2, hold_s=600, floor=50, shares=(1, 1)),
        Step(weight_pct=20, hold_s=3600, floor=50, approve=True, shares=(10, 10)),
        Step(weight_pct=50, hold_s=7200, floor=500, shares=(25, 25)),
    )
    assert (PHASED.canary_steps, PLAN.canary_steps) == (2, 0)
    assert plan_of(canary={}).steps[0] == Step(weight_pct=1, hold_s=300, floor=100, shares=(1,))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"weights": [20], "canary": {"steps": [5, 20]}}, "below the test's 20 %, all treatments together"),
        ({"weights": [25, 25], "canary": {"steps": [1, 4]}}, "as 25/25 do, that is multiples of 2, not 1"),
        ({"weights": [30, 10], "canary": {"steps": [4, 10]}}, "as 30/10 do, that is multiples of 4, not 10"),
        ({"canary": {"steps": [5, 1]}}, "ascending order"),
        ({"canary": {"steps": []}}, "at least one step"),
    ],
)
def test_a_canary_leads_up_to_the_test(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        plan_of(**options)


def test_it_climbs_from_the_canary_into_the_test_and_says_where_it_is() -> None:
    held = "held 2 h in the canary at {} % with 500 control and 500 treatment trials"
    assert [phased(step) for step in (-1, 0, 1)] == [
        Climb(step=0, weights=Weights.of(1, 1), reason="start with the canary at 2 %"),
        Climb(step=1, weights=Weights.of(10, 10), reason=f"{held.format(2)}; next is the canary at 20 %"),
        Climb(step=2, weights=Weights.of(25, 25), reason=f"{held.format(20)}; next is the test at 50/25/25"),
    ]


def test_a_canary_waits_for_its_own_hold_and_floor_and_is_never_the_end() -> None:
    assert phased(0, step_age_s=60.0) == Wait(reason="held 60 s of 10 min in the canary at 2 %")
    assert phased(1, step_trials=(500, 49)) == Wait(
        reason="treatment had 49 of 50 trials in the canary at 20 %"
    )
    assert isinstance(phased(1, better=0), Climb)


def test_the_test_after_a_canary_ends_as_any_other() -> None:
    assert phased(2) == Wait(reason="no treatment is shown to be better yet")
    assert phased(2, step_trials=(0, 500)) == Wait(
        reason="control had 0 of 500 trials in the test at 50/25/25"
    )
    assert phased(2, better=1) == Finish(
        reason="held 2 h in the test at 50/25/25 with 500 control and 500 treatment trials; it is better",
        treatment_index=1,
    )


@pytest.mark.parametrize("better", [None, 1])
def test_where_the_product_experiment_decides_the_run_waits_for_it(better: int | None) -> None:
    plan = replace(PLAN, product_decides=True)
    at_the_end = Progress(
        step=0,
        step_age_s=7200.0,
        step_trials=(500, 500),
        not_worse=True,
        inside_margin_at_step=True,
        better=better,
    )
    assert Ab().propose(plan, at_the_end) == Wait(
        reason="the product experiment decides what is better; `rampwise ab conclude` carries out its answer",
        is_ready=True,
    )
    for lacking in (replace(at_the_end, step_age_s=7199.0), replace(at_the_end, step_trials=(499, 500))):
        waiting = Ab().propose(plan, lacking)
        assert isinstance(waiting, Wait)
        assert not waiting.is_ready


@given(
    st.builds(
        Progress,
        step=st.integers(-1, 0),
        step_age_s=st.floats(0, 20000),
        step_trials=st.tuples(st.integers(0, 1000), st.integers(0, 1000)),
        not_worse=st.booleans(),
        inside_margin_at_step=st.booleans(),
        better=st.none() | st.integers(0, 1),
    )
)
def test_the_split_never_changes_and_only_the_better_one_is_promoted(progress: Progress) -> None:
    proposal = Ab().propose(PLAN, progress)
    if isinstance(proposal, Climb):
        assert (progress.step, proposal.weights) == (-1, Weights.of(25, 25))
    if isinstance(proposal, Finish):
        assert proposal.treatment_index == progress.better
        assert progress.step_age_s >= 7200
        assert min(progress.step_trials) >= 500
