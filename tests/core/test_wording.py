"""Sentences have direction, size, unit and limit; each rule and verdict has one."""

from dataclasses import replace

import pytest

from engine.core import talk, wording
from engine.core.decision import Blocker, BlockerKind, DecisionKind, Rule
from engine.core.model import Arm, Bound, MetricKind, Mode, Role, Unit
from engine.core.plan import Plan, Policy, Stage, Step
from engine.core.proposal import Abandon, Climb, Finish, Wait
from engine.core.run import Act, Phase
from engine.core.target import Health, Weights
from engine.core.verdict import ArmSummary, Effect, SplitFinding, VerdictKind
from tests.builders import NOW_S, a_finding, a_metric, a_run, a_verdict, an_experiment, missing

RATIO = Effect(measure="risk ratio", estimate=4.0, low=1.1, high=17.0, alpha=0.05)
SHARE = Effect(measure="share", estimate=0.04, low=0.02, high=0.06, alpha=0.05)


def arm(bad: int, total: int = 1000) -> ArmSummary:
    return ArmSummary(bad=bad, total=total, step_bad=bad, step_total=total)


def effect(low: float | None, high: float | None, measure: str = "risk ratio") -> Effect:
    return Effect(measure=measure, estimate=1.0, low=low, high=high, alpha=0.05)


def harm_of(*, slo_s: float | None = None, **finding: object) -> str:
    found = a_finding(treatment=arm(40), control=arm(10), difference=0.03, **finding)
    metric = a_metric(kind=found.kind, limit=0.02, slo_s=slo_s)
    verdict = a_verdict(findings=(found,), culprit="errors")
    return wording.harm(an_experiment(metrics=(metric,)), verdict)


CANARY_THEN_TEST = Plan(
    strategy="ab",
    steps=(
        Step(weight_pct=5, hold_s=60, floor=1, shares=(5,)),
        Step(weight_pct=50, hold_s=60, floor=1, shares=(50,)),
    ),
    needs_better=True,
    canary_steps=1,
)


def test_a_step_is_called_by_its_part_of_the_plan():
    alone = Step(weight_pct=20, hold_s=60, floor=1)
    preview = Step(weight_pct=0, hold_s=0, floor=0, stage=Stage.PREVIEW)
    one_part = Plan(strategy="canary", steps=(preview, alone))
    assert [wording.place(CANARY_THEN_TEST, number) for number in (0, 1)] == [
        "canary at 5 %",
        "test at 50/50",
    ]
    assert [wording.place(one_part, number) for number in (0, 1)] == ["preview", "20 %"]
    assert [wording.part(CANARY_THEN_TEST, number) for number in (-1, 0, 1)] == ["canary", "canary", "test"]
    assert wording.part(one_part, 1) == ""


def test_an_approval_says_which_part_ends():
    experiment = an_experiment(plan=CANARY_THEN_TEST)
    assert "step 1 (canary at 5 %) needs approval" in wording.awaiting_approval(experiment, a_run(step=0))


def test_harm_says_how_much_worse_how_sure_and_what_was_tolerated():
    assert harm_of(effect=RATIO) == (
        "Roll back: v2 is worse. errors: 4 % bad against 1 % (+3 pp, likely 1.1× to 17×); tolerated is 1.05×."
    )


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        (MetricKind.PROPORTION, "1 % bad against 1 %, worse by less than 2 pp (95 % confidence)."),
        (
            MetricKind.DISTRIBUTION,
            "1 % above 500 ms against 1 %, worse by less than 2 pp (95 % confidence).",
        ),
        (MetricKind.THRESHOLD, "1 % bad, below the limit of 2 % (95 % confidence)."),
    ],
)
def test_promotion_says_what_was_shown_in_the_margins_unit(kind, sentence):
    slo_s = 0.5 if kind is MetricKind.DISTRIBUTION else None
    metric = a_metric(kind=kind, limit=0.02, margin=Bound(absolute=0.02), slo_s=slo_s)
    verdict = a_verdict(findings=(a_finding(kind=kind, treatment=arm(10), control=arm(10)),))
    told = wording.promote(an_experiment(metrics=(metric,)), verdict)
    assert told == f"Safe to promote v2: no harm found. errors: {sentence}"


def test_harm_against_a_limit_is_told_in_shares():
    assert harm_of(effect=SHARE, kind=MetricKind.THRESHOLD).endswith(
        "bad, likely 2 % to 6 %; the limit is 2 %."
    )


def test_latency_is_told_as_share_above_its_objective():
    told = harm_of(effect=RATIO, kind=MetricKind.DISTRIBUTION, slo_s=0.5)
    assert "4 % above 500 ms against 1 % (+3 pp, likely 1.1× to 17×)" in told


def test_latency_without_an_objective_has_no_share_to_tell():
    told = harm_of(effect=RATIO, kind=MetricKind.DISTRIBUTION)
    assert told == "Roll back: v2 is worse. errors: requests are slower; tolerated is 1.05×."


@pytest.mark.parametrize(
    ("low", "high", "sentence", "short"),
    [
        (None, None, "(+3 pp)", "anything yet"),
        (None, 2.0, "likely at most 2×", "≤ 2×"),
        (1.5, None, "likely at least 1.5×", "≥ 1.5×"),
        (1.5, 2.0, "likely 1.5× to 2×", "1.5× … 2×"),
    ],
)
def test_open_ends_of_an_interval_are_said_in_words(low, high, sentence, short):
    assert sentence in harm_of(effect=effect(low, high))
    assert talk.likely_between(effect(low, high)) == short


def test_a_share_has_its_interval_in_percent():
    assert talk.likely_between(SHARE) == "2 % … 6 %"


@pytest.mark.parametrize(
    ("proposal", "text"),
    [
        (Climb(step=1, weights=Weights.of(20), reason="x"), "goes to 20 % at the next tick"),
        (Finish(reason="x"), "promotes at the next tick"),
        (Abandon(reason="x"), "gives up: x"),
        (Wait(reason="held 3 s of 8 s"), "waits: held 3 s of 8 s"),
    ],
)
def test_the_next_act_is_announced(proposal, text):
    assert talk.proposed(proposal) == text


@pytest.mark.parametrize("kind", VerdictKind)
def test_every_verdict_has_a_headline(kind):
    assert wording.headline(an_experiment(), a_run(), a_verdict(kind=kind)).endswith(".")


@pytest.mark.parametrize("phase", [phase for phase in Phase if phase.ended])
def test_every_end_has_a_headline_and_observe_mode_says_would(phase):
    told = wording.headline(an_experiment(mode=Mode.OBSERVE), a_run(phase=phase), a_verdict())
    assert told.startswith("Would (observe mode): ")


@pytest.mark.parametrize("policy", Policy)
@pytest.mark.parametrize("rule", [Rule.HORIZON, Rule.BLIND_TOO_LONG, Rule.UNTRUSTWORTHY_TOO_LONG])
def test_lateness_says_what_follows(rule, policy):
    blocker = Blocker(kind=BlockerKind.NO_DATA, detail="no data for errors", since_s=NOW_S)
    told = wording.overdue(an_experiment(), rule, policy, (blocker,))
    assert told.endswith("v1." if policy is Policy.ROLLBACK else "roll back.")


def test_an_act_without_a_result_is_told():
    act = Act(
        number=3,
        kind=DecisionKind.SHIFT,
        rule=Rule.FLOORS_MET,
        weights=Weights.of(20),
        step=1,
        found=None,
        version="",
    )
    assert wording.again(act) == "Act 3 (shift, 80/20) was decided earlier and has no result yet."


def test_blockers_say_what_is_wrong():
    assert wording.not_ready("v2", Health(ready=False, ready_since_s=None)) == "v2 is not ready"
    assert (
        wording.not_ready("v2", Health(ready=False, ready_since_s=None, detail="503"))
        == "v2 is not ready: 503"
    )
    assert wording.no_data("errors", missing(arm=Arm.CONTROL)) == (
        "no data for errors: the query returned no series (q)"
    )
    assert wording.distrust(a_verdict()) == "the evidence cannot be trusted"


def a_split(**changes: object) -> SplitFinding:
    found = SplitFinding(
        treatment="v2", planned=0.5, control=7247, treatment_count=5098, log_e=9.0, alarm=True, windows=40
    )
    return replace(found, **changes)


def test_a_broken_split_says_what_was_planned_and_what_was_seen():
    found = a_verdict(kind=VerdictKind.UNTRUSTWORTHY, splits=(a_split(),))
    assert wording.distrust(found) == (
        "traffic is not split as planned: planned 50.0 %, seen 41.3 % of 12,345 visitors"
    )


def test_of_several_splits_the_broken_ones_are_named():
    fine = a_split(treatment="v3", alarm=False)
    lost = a_split(treatment="v4", planned=None, control=0, treatment_count=0)
    assert wording.distrust(a_verdict(splits=(a_split(), fine, lost))) == (
        "traffic to v2 is not split as planned: planned 50.0 %, seen 41.3 % of 12,345 visitors; "
        "traffic to v4 is not split as planned: planned no data, seen no data of 0 visitors"
    )


def test_an_objective_that_is_better_is_not_called_worse_by_less_than_something():
    metric = a_metric(name="conversions", role=Role.OBJECTIVE, unit=Unit.SESSION, higher_is_better=True)
    found = a_finding(metric="conversions", verdict=VerdictKind.BETTER)
    told = wording.promote(an_experiment(metrics=(metric,)), a_verdict(findings=(found,)))
    assert "conversions: 0.1 % converted against 0.1 %, better (95 % confidence)" in told


@pytest.mark.parametrize(
    ("name", "stage", "told"),
    [
        ("conversions", Stage.SPLIT, "conversions"),
        ("conversions@v3", Stage.SPLIT, "conversions of v3"),
        ("conversions@settle", Stage.SETTLE, "conversions after the switch"),
        ("conversions@preview", Stage.PREVIEW, "conversions of probes"),
        ("conversions@v3@settle", Stage.SETTLE, "conversions of v3 after the switch"),
    ],
)
def test_a_metric_is_named_with_treatment_and_stage(name: str, stage: Stage, told: str):
    assert wording.named(a_metric(name=name, measure="conversions", stage=stage)) == told


def test_probes_are_compared_with_their_limit_and_with_nobody():
    probes = a_metric(
        name="errors@preview", measure="errors", kind=MetricKind.THRESHOLD, stage=Stage.PREVIEW, limit=0.05
    )
    found = a_finding(metric="errors@preview", kind=MetricKind.THRESHOLD, stage=Stage.PREVIEW)
    verdict = a_verdict(findings=(found,), culprit="errors@preview", stage=Stage.PREVIEW)
    told = wording.harm(an_experiment(metrics=(probes,)), verdict)
    assert told.startswith("Roll back: v2 is worse. errors of probes: 0.1 % bad")
    assert "against" not in told
    assert told.endswith("; the limit is 5 %.")
