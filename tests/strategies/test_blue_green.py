"""Blue/green goes from probes to the switch to the end, each only by what its stage shows."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from engine.core import wording
from engine.core.plan import Plan, Probes, Stage, Step
from engine.core.proposal import Abandon, Climb, Finish, Progress, Proposal, Wait
from engine.core.target import Weights
from strategies.blue_green import BlueGreen, BlueGreenOptions
from tests.builders import a_run, an_experiment

BRIDGE = {"weight": 20, "hold": "2min", "floor": 200}


def plan_of(**options: Any) -> Plan:
    return BlueGreen().plan(BlueGreenOptions.model_validate(options, strict=False))


PLAIN, BRIDGED = plan_of(), plan_of(bridge=BRIDGE)
progresses = st.builds(
    Progress,
    step=st.integers(-1, 2),
    step_age_s=st.floats(0, 2000),
    step_trials=st.tuples(st.integers(0, 400), st.integers(0, 400)),
    not_worse=st.booleans(),
    inside_margin_at_step=st.booleans(),
)


def propose(plan: Plan, step: int, **changes: Any) -> Proposal:
    met: dict[str, Any] = {
        "step_age_s": 600.0,
        "step_trials": (4000, 1000),
        "not_worse": True,
        "inside_margin_at_step": True,
    }
    return BlueGreen().propose(plan, Progress(step=step, **(met | changes)))


def test_without_options_it_probes_switches_and_settles() -> None:
    assert plan_of() == Plan(
        strategy="blue_green",
        steps=(
            Step(weight_pct=0, hold_s=0, floor=0, stage=Stage.PREVIEW),
            Step(weight_pct=100, hold_s=600, floor=100, stage=Stage.SETTLE),
        ),
        probes=Probes(path="/", rate_per_s=10, count=300, time_limit_s=600, timeout_s=1, error_limit=0.05),
    )


def test_a_bridge_is_a_split_between_preview_and_switch() -> None:
    assert [(step.stage, step.weight_pct) for step in BRIDGED.steps] == [
        (Stage.PREVIEW, 0),
        (Stage.SPLIT, 20),
        (Stage.SETTLE, 100),
    ]
    assert (BRIDGED.steps[1].hold_s, BRIDGED.steps[1].floor) == (120, 200)


def test_latency_of_probes_has_a_limit_of_its_own() -> None:
    probes = plan_of(preview={"latency": {"over": "500ms", "share": "10%"}}).probes
    assert probes is not None
    assert (probes.slow_s, probes.slow_limit) == (0.5, 0.1)


@pytest.mark.parametrize("bridge", [None, BRIDGE])
def test_approval_is_asked_for_just_before_the_switch(bridge: dict[str, Any] | None) -> None:
    steps = plan_of(bridge=bridge, approve=True).steps
    assert [step.approve for step in steps] == [*(False for _ in steps[2:]), True, False]


@pytest.mark.parametrize(
    "preview",
    [
        {"path": "healthz"},
        {"path": "/a b\n"},
        {"path": "/#top"},
        {"rate": 0},
        {"count": 0},
        {"errors": "0%"},
        {"errors": "100%"},
        {"timeout": "3s"},
        {"latency": {"over": "1s"}},
        {"latency": {"share": "5%"}},
        {"count": 100, "rate": 1, "time_limit": "99s"},
    ],
)
def test_a_preview_that_cannot_be_is_refused(preview: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        plan_of(preview=preview)


@pytest.mark.parametrize("bridge", [{}, {"weight": 0}, {"weight": 100}, {"weight": 20, "floor": 0}])
def test_a_bridge_that_is_no_split_is_refused(bridge: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        plan_of(bridge=bridge)


def test_what_is_to_be_approved_is_named_by_its_stage() -> None:
    experiment = an_experiment(plan=plan_of(approve=True))
    assert wording.awaiting_approval(experiment, a_run(step=0)) == (
        "step 1 (preview) needs approval; `rampwise approve checkout-v2-1 --reason TEXT`"
    )


def test_it_starts_without_any_traffic() -> None:
    begun = propose(PLAIN, -1, not_worse=False, step_age_s=0.0, step_trials=(0, 0))
    assert begun == Climb(step=0, weights=Weights.of(0), reason="start with probes of the preview")


def test_a_preview_that_passed_leads_to_the_switch() -> None:
    assert propose(PLAIN, 0, step_trials=(0, 120)) == Climb(
        step=1, weights=Weights.of(100), reason="the preview passed with 120 probes; next is 100 %"
    )


def test_a_preview_that_passed_leads_to_the_bridge_if_there_is_one() -> None:
    climb = propose(BRIDGED, 0)
    assert isinstance(climb, Climb)
    assert (climb.step, climb.weights) == (1, Weights.of(20))


def test_a_preview_goes_on_while_probes_and_time_are_left() -> None:
    waiting = propose(PLAIN, 0, not_worse=False, step_age_s=599.0, step_trials=(0, 299))
    assert waiting == Wait(reason="299 of 300 probes of the preview so far")


def test_a_preview_is_given_up_when_its_probes_are_used_up() -> None:
    assert propose(PLAIN, 0, not_worse=False, step_age_s=60.0, step_trials=(0, 300)) == Abandon(
        reason="300 of 300 probes did not show that the preview is within its limits"
    )


def test_a_preview_is_given_up_when_its_time_is_over() -> None:
    assert propose(PLAIN, 0, not_worse=False, step_age_s=600.0, step_trials=(0, 40)) == Abandon(
        reason="40 of 300 probes in 10 min did not show that the preview is within its limits"
    )


def test_a_preview_that_passed_may_wait_for_a_person_longer_than_its_time() -> None:
    assert isinstance(propose(PLAIN, 0, step_age_s=86400.0, step_trials=(0, 300)), Climb)


def test_a_young_bridge_waits() -> None:
    assert propose(BRIDGED, 1, step_age_s=60.0, step_trials=(199, 300)) == Wait(
        reason="held 60 s of 2 min at 20 % and control had 199 of 200 trials at 20 %"
    )


@pytest.mark.parametrize("lacking", ["not_worse", "inside_margin_at_step"])
def test_a_bridge_needs_evidence_for_the_switch(lacking: str) -> None:
    assert isinstance(propose(BRIDGED, 1, **{lacking: False}), Wait)


def test_a_bridge_with_evidence_leads_to_the_switch() -> None:
    assert propose(BRIDGED, 1) == Climb(
        step=2,
        weights=Weights.of(100),
        reason="held 10 min at 20 % with 4000 control and 1000 treatment trials; "
        "not worse, also at this step alone; next is 100 %",
    )


def test_settling_takes_its_time_and_trials_of_the_treatment_only() -> None:
    assert propose(PLAIN, 1, step_age_s=599.0) == Wait(reason="held 9 min 59 s of 10 min after the switch")
    assert propose(PLAIN, 1, step_trials=(0, 99)) == Wait(
        reason="treatment had 99 of 100 trials after the switch"
    )


def test_settling_that_nothing_took_back_is_the_end() -> None:
    assert propose(PLAIN, 1, step_trials=(0, 100), not_worse=False) == Finish(
        reason="held 10 min after the switch with 100 trials, and nothing took it back", settled=True
    )


@given(progresses)
def test_traffic_is_given_only_by_what_the_stage_shows(progress: Progress) -> None:
    proposal = BlueGreen().propose(BRIDGED, progress)
    if isinstance(proposal, Climb) and proposal.step > 0:
        assert progress.not_worse
        assert proposal.step == progress.step + 1
        assert proposal.weights.given == BRIDGED.steps[proposal.step].weight_pct
    if isinstance(proposal, Finish):
        assert BRIDGED.steps[progress.step].stage is Stage.SETTLE
        assert proposal.settled


@given(progresses)
def test_only_a_preview_is_given_up(progress: Progress) -> None:
    if isinstance(BlueGreen().propose(BRIDGED, progress), Abandon):
        assert progress.step == 0
        assert not progress.not_worse


def test_a_preview_that_nothing_probes_waits() -> None:
    assert propose(replace(plan_of(), probes=None), 0, not_worse=False) == Wait(
        reason="nothing probes the preview"
    )
