"""Every verdict, rule, phase and stage has its words; a new one without them fails here."""

from dataclasses import replace

import pytest

from engine.core import wording
from engine.core.decision import DecisionKind, Rule
from engine.core.labels import VERDICT_WORDS
from engine.core.model import Bound, MetricKind, Role, Unit
from engine.core.plan import Stage, Step
from engine.core.run import Phase
from engine.core.target import Weights
from engine.core.verdict import ArmSummary, ArmVerdict, Effect, SplitFinding, VerdictKind
from tests.builders import NOW_S, a_finding, a_metric, a_run, a_verdict, an_experiment, missing

RATIO = Effect(measure="risk ratio", estimate=1.4, low=1.2, high=1.6, alpha=0.05)
OFF = SplitFinding(
    treatment="v2", planned=0.5, control=6_000, treatment_count=4_000, log_e=9.0, alarm=True, windows=9
)
CONVERSION = a_metric(
    name="conversion",
    role=Role.OBJECTIVE,
    unit=Unit.SESSION,
    higher_is_better=True,
    margin=Bound(relative=0.1),
)


def arm(bad: int) -> ArmSummary:
    return ArmSummary(bad=bad, total=1000, step_bad=bad, step_total=1000)


@pytest.mark.parametrize("kind", VerdictKind)
def test_every_verdict_is_summed_up_with_its_metric_or_its_reason(kind: VerdictKind) -> None:
    found = a_finding(
        verdict=kind,
        treatment=arm(14),
        control=arm(10),
        difference=0.004,
        effect=RATIO,
        missing=missing() if kind is VerdictKind.NO_DATA else None,
        distrust="resets" if kind is VerdictKind.UNTRUSTWORTHY else "",
    )
    said = ArmVerdict(
        treatment="v2", kind=kind, harm_latched=False, log_e_harm=0, culprit="", better_by="errors"
    )
    verdict = a_verdict(kind=kind, findings=(found,), culprit="errors", arms=(said,))

    told = wording.summary(an_experiment(), a_run(), verdict)

    assert told.endswith(".")
    assert "errors" in told


@pytest.mark.parametrize("rule", Rule)
@pytest.mark.parametrize("kind", DecisionKind)
def test_every_rule_and_decision_is_told_as_something_done(rule: Rule, kind: DecisionKind) -> None:
    told = wording.done(kind, rule, actor="engine", at_s=NOW_S, after_s=60, would=False)

    assert told.endswith(f"(rule {rule}).")
    assert "by the engine at 2023-11-14 22:13:20 UTC, 60 s after the launch" in told


@pytest.mark.parametrize("rule", Rule)
@pytest.mark.parametrize("phase", [phase for phase in Phase if phase.ended])
def test_every_end_has_a_headline(phase: Phase, rule: Rule) -> None:
    told = wording.headline(an_experiment(), a_run(phase=phase, ended_by=rule), a_verdict())

    assert told.endswith(".")


@pytest.mark.parametrize("stage", Stage)
def test_every_stage_says_what_is_compared(stage: Stage) -> None:
    assert wording.STAGE_WORDS[stage]


@pytest.mark.parametrize("kind", VerdictKind)
def test_every_verdict_is_in_the_glossary(kind: VerdictKind) -> None:
    assert VERDICT_WORDS[kind][1] in {term.word for term in wording.GLOSSARY}


def test_a_summary_has_direction_size_unit_and_limit() -> None:
    found = a_finding(
        verdict=VerdictKind.HARMFUL, treatment=arm(40), control=arm(10), difference=0.03, effect=RATIO
    )
    verdict = a_verdict(kind=VerdictKind.HARMFUL, findings=(found,), culprit="errors")

    assert wording.summary(an_experiment(), a_run(), verdict) == (
        "errors: 4 % of requests bad with v2 against 1 % with v1 (+3 pp, likely 1.2× to 1.6×);"
        " tolerated is 1.05×."
    )


def test_what_should_rise_is_converted_and_not_bad() -> None:
    found = a_finding(
        metric="conversion",
        role=Role.OBJECTIVE,
        verdict=VerdictKind.BETTER,
        treatment=arm(140),
        control=arm(100),
        difference=0.04,
        effect=RATIO,
    )
    said = ArmVerdict(
        treatment="v2",
        kind=VerdictKind.BETTER,
        harm_latched=False,
        log_e_harm=0,
        culprit="",
        better_by="conversion",
    )
    verdict = a_verdict(kind=VerdictKind.BETTER, findings=(found,), arms=(said,))

    assert wording.bad_trials(CONVERSION) == "converted sessions"
    assert wording.summary(an_experiment(metrics=(CONVERSION,)), a_run(), verdict) == (
        "conversion: 14 % of sessions converted with v2 against 10 % with v1 (+4 pp, likely 1.2× to 1.6×);"
        " the margin is 1.1× fewer. 1 deciding metric held."
    )


def test_probes_are_called_probes() -> None:
    preview = a_metric(kind=MetricKind.THRESHOLD, limit=0.02, stage=Stage.PREVIEW)
    slow = replace(preview, slo_s=0.5)
    share = Effect(measure="share", estimate=0.2, low=0.12, high=0.3, alpha=0.05)
    found = a_finding(stage=Stage.PREVIEW, kind=MetricKind.THRESHOLD, treatment=arm(200), effect=share)
    run = a_run(phase=Phase.ROLLED_BACK, ended_by=Rule.PREVIEW_FAILED)

    told = wording.summary(an_experiment(metrics=(preview,)), run, a_verdict(findings=(found,)))

    assert wording.bad_trials(preview) == "bad probes"
    assert wording.bad_trials(slow) == "probes slower than 500 ms"
    assert told == (
        "errors (probes of the preview): 20 % of probes bad with v2 (200 of 1,000, likely 12 % to 30 %);"
        " the limit is 2 %."
    )


@pytest.mark.parametrize("phase", [Phase.RUNNING, Phase.PROMOTED, Phase.ROLLED_BACK])
def test_a_broken_split_takes_the_verdict_s_place(phase: Phase) -> None:
    verdict = a_verdict(kind=VerdictKind.UNTRUSTWORTHY, splits=(OFF,))
    run = a_run(phase=phase)

    assert wording.distrusted(an_experiment(), run, verdict, data_age_s=5) == (
        "Do not trust these results: traffic is not split as planned."
    )
    assert wording.summary(an_experiment(), run, verdict).startswith(
        "v2 against control: planned 50 %, seen 40 % of 10,000 visitors."
    )


def test_harm_stays_a_verdict_when_the_split_is_broken() -> None:
    verdict = a_verdict(kind=VerdictKind.HARMFUL, harm_latched=True, splits=(OFF,))

    assert wording.distrusted(an_experiment(), a_run(), verdict, data_age_s=5) == ""


def test_old_data_take_the_verdict_s_place_while_a_run_lasts() -> None:
    old_s = 600.0
    ended = a_run(phase=Phase.PROMOTED)

    assert wording.distrusted(an_experiment(), a_run(), a_verdict(), data_age_s=old_s) == (
        "Do not read this as now: the newest data are 10 min old."
    )
    assert wording.distrusted(an_experiment(), a_run(), a_verdict(), data_age_s=30) == ""
    assert wording.distrusted(an_experiment(), ended, a_verdict(), data_age_s=old_s) == ""


def test_before_the_first_window_nothing_is_claimed() -> None:
    verdict = a_verdict(kind=VerdictKind.NO_DATA, windows_read=0)

    assert wording.headline(an_experiment(), a_run(), verdict) == "Just launched: nothing is measured yet."
    assert wording.distrusted(an_experiment(), a_run(), verdict, data_age_s=None) == ""


def test_traffic_is_told_for_every_treatment() -> None:
    told = wording.moved(an_experiment(more_treatments=("v3",)), Weights.of(25, 25), Weights.of(0, 25))

    assert told == "Traffic before: v2 25 %, v3 25 %; after: v2 0 %, v3 25 %; the rest with v1."


def test_promises_cover_what_the_plan_can_do() -> None:
    canary = an_experiment()
    settle = Step(weight_pct=100, hold_s=60, floor=1, stage=Stage.SETTLE)
    blue_green = an_experiment(plan=replace(canary.plan, steps=(settle,)))
    ab = an_experiment(more_treatments=("v3",), plan=replace(canary.plan, needs_better=True))

    assert len(wording.promised(canary)) == 2
    assert "never promotes" in wording.promised(blue_green)[-1]
    assert "Holm" in wording.promised(ab)[-1]
    assert "all treatments together" in wording.promised(ab)[0]


def test_false_rollbacks_a_year_follow_from_the_rate_seen() -> None:
    assert wording.false_rollbacks(0.01, 200, seen=16, days=29.2) == (
        "At 200 releases a year (16 seen on this target in 29 days), at most 2 harmless ones a year are"
        " rolled back for harm."
    )


@pytest.mark.parametrize(
    ("rule", "kind", "headline"),
    [
        (None, VerdictKind.UNTRUSTWORTHY, "Do not trust these results: the data break an assumption."),
        (Rule.BLIND_TOO_LONG, VerdictKind.NO_DATA, "No verdict: usable data did not come in time."),
    ],
)
def test_data_that_cannot_be_used_take_the_verdict_s_place(rule, kind, headline) -> None:
    told = wording.distrusted(an_experiment(), a_run(ended_by=rule), a_verdict(kind=kind), data_age_s=5)
    assert told == headline


def test_before_anything_is_compared_a_summary_says_nothing_or_what_it_waits_for() -> None:
    nothing = a_verdict(kind=VerdictKind.UNDECIDED, findings=())
    assert wording.summary(an_experiment(), a_run(), nothing) == ""
    early = a_verdict(kind=VerdictKind.NO_DATA, findings=())
    assert wording.summary(an_experiment(), a_run(), early).endswith("is not over.")


def test_a_split_without_visitors_is_not_told() -> None:
    assert wording.split_off(replace(OFF, planned=None)) == ""


def test_the_nearest_metric_is_told_of_many() -> None:
    metrics = tuple(a_metric(name=name) for name in ("errors", "refunds"))
    near = a_finding(metric="errors", verdict=VerdictKind.NOT_WORSE, log_e_promote=1.0)
    far = a_finding(metric="refunds", verdict=VerdictKind.NOT_WORSE, log_e_promote=5.0)
    experiment = an_experiment(metrics=metrics)

    both = a_verdict(kind=VerdictKind.NOT_WORSE, findings=(near, far))
    told = wording.summary(experiment, a_run(), both)
    assert told.startswith("All 2 deciding metrics are within their margins. Nearest to one: errors")

    one = a_verdict(findings=(near, replace(far, verdict=VerdictKind.UNDECIDED)))
    told = wording.summary(experiment, a_run(), one)
    assert told.startswith("1 of 2 deciding metrics are shown to be within their margins. Next: errors")

    settling = replace(
        one, stage=Stage.SETTLE, findings=tuple(replace(each, stage=Stage.SETTLE) for each in one.findings)
    )
    assert wording.summary(experiment, a_run(), settling).startswith("Nearest to its limit: errors")


@pytest.mark.parametrize(
    ("low", "high", "likely"),
    [
        (None, None, "(+0.4 pp);"),
        (None, 1.6, "(+0.4 pp, likely at most 1.6×);"),
        (1.2, None, "(+0.4 pp, likely at least 1.2×);"),
    ],
)
def test_open_ends_of_what_is_likely_are_told(low, high, likely) -> None:
    found = a_finding(
        treatment=arm(14), control=arm(10), difference=0.004, effect=replace(RATIO, low=low, high=high)
    )
    assert likely in wording.summary(an_experiment(), a_run(), a_verdict(findings=(found,)))
