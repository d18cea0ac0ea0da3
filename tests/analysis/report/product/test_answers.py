"""The answer and the health strip: every rule, every fault, and what a look without numbers says."""

from dataclasses import replace

import pytest

from analysis.product.result import Analysis, Answer, Fault, FaultKind, Forecast, Outcome, ProductRule
from analysis.report.product import answers, health
from analysis.report.product.page import page
from analysis.report.product.rows import groups
from analysis.report.product.view import NOTHING, build_view
from engine.core.model import Role
from engine.core.product import Method
from tests.analysis.report.product.samples import (
    AT_S,
    PLAN,
    counted,
    do_not_trust,
    keep_control,
    keep_running,
    no_data,
    ship,
    three_variants,
)


@pytest.mark.parametrize(
    ("outcome", "rule", "head"),
    [
        (Outcome.SHIP, ProductRule.OBJECTIVE_BETTER, "Ship short: purchase is better."),
        (Outcome.KEEP_CONTROL, ProductRule.OBJECTIVE_WORSE, "Keep control: short makes purchase worse."),
        (Outcome.KEEP_CONTROL, ProductRule.ENDED_UNDECIDED, "Keep control: no improvement was shown by"),
        (Outcome.KEEP_RUNNING, ProductRule.BEFORE_THE_END, "Keep running: this method may be read at its"),
        (Outcome.KEEP_RUNNING, ProductRule.OBJECTIVE_WORSE, "Keep running without short: it makes purchase"),
        (Outcome.KEEP_RUNNING, ProductRule.GUARDRAIL_UNCLEAR, "Keep running: short is better, but purchase"),
    ],
)
def test_every_answer_has_its_headline(outcome: Outcome, rule: ProductRule, head: str) -> None:
    told = answers.headline(answered(outcome, rule))
    assert told.startswith(head)


def test_what_decided_is_told_with_size_and_limit() -> None:
    assert answers.why(keep_control())[0] == (
        "loading time is 210 ms higher with short than with control (+14.8 %); likely between +150 ms and"
        " +270 ms; margin: at most 5 % higher."
    )


def test_an_undecided_objective_says_where_the_change_could_be() -> None:
    told = answers.why(keep_running())
    assert told[0] == "The change of purchase with short could be anywhere from −0.8 pp to +3.2 pp."


def test_the_next_step_says_how_long_unless_nobody_comes() -> None:
    assert answers.next_step(keep_running()) == "Leave it running."
    coming = tuple(each for each in keep_running().forecasts if each.days is not None)
    told = answers.next_step(replace(keep_running(), forecasts=coming))
    assert told == "Leave it running. At the present pace purchase has what it needs in about 13 days."


def test_the_pace_is_that_of_the_metric_that_is_waited_for() -> None:
    waiting = answered(Outcome.KEEP_RUNNING, ProductRule.GUARDRAIL_UNCLEAR)
    answer = replace(waiting.answer, metric="refunds")
    slow, fast = (
        Forecast(metric=metric, needed=9_000, units=6_000, days=days, at_s=AT_S)
        for metric, days in (("purchase", 20.0), ("refunds", 3.0))
    )
    told = answers.next_step(replace(waiting, answer=answer, forecasts=(slow, fast)))
    assert told.endswith(
        "until refunds is clear. At the present pace refunds has what it needs in about 3 days."
    )


def test_enough_units_need_no_pace() -> None:
    enough = Forecast(metric="purchase", needed=10, units=6_000, days=0.0, at_s=AT_S)
    assert answers.next_step(replace(keep_running(), forecasts=(enough,))) == "Leave it running."


def test_grave_faults_are_told_and_mended_in_place_of_the_answer() -> None:
    told = answers.why(do_not_trust())
    assert told[0] == "Not split as planned where browser is safari, 2,000 users."
    assert "exposures logged only after" in answers.next_step(do_not_trust())
    assert answers.impacts(do_not_trust()) == ()


def test_an_answer_of_distrust_without_a_fault_still_says_so() -> None:
    assert answers.headline(answered(Outcome.DO_NOT_TRUST, ProductRule.FAULT)).endswith(
        "something grave is wrong."
    )


def test_without_data_every_form_of_number_is_no_data() -> None:
    view = build_view(no_data(), NOTHING)
    assert {row.difference for group in view.groups for row in group.rows} == {"no data"}
    assert {row.verdict.word for group in view.groups for row in group.rows} == {"too few"}
    assert {(check.word, *check.told) for check in view.checks} == {("not checked", "Nothing counted yet.")}
    assert view.exposure.chart is None


def test_guardrails_are_told_variant_by_variant() -> None:
    told = answers.guardrails_fact(three_variants())
    assert told == (
        "short: Both guardrails stay within their margins.",
        "long: Both guardrails stay within their margins.",
    )


@pytest.mark.parametrize("grave", [True, False])
@pytest.mark.parametrize("kind", FaultKind)
def test_every_fault_is_in_the_health_strip(kind: FaultKind, grave: bool) -> None:
    fault = Fault(kind=kind, grave=grave, what="browser=safari", count=40, share=0.02)
    analysis = replace(ship(), faults=(fault,))
    mine = [check for check in health.checks(analysis) if check.word != "fine"]
    assert [check.word for check in mine] == ["grave" if grave else "noted"]
    assert mine[0].mend
    assert answers.trusted(analysis) is not grave
    assert page(analysis)


def test_many_faults_of_one_kind_are_cut_with_their_number() -> None:
    days = tuple(Fault(kind=FaultKind.MISSING_DAY, grave=False, what=f"2026-03-{n:02}") for n in range(1, 10))
    check = next(each for each in health.checks(replace(ship(), faults=days)) if each.title == "Missing days")
    assert len(check.told) == health.MOST_TOLD + 1
    assert check.told[-1] == "And 4 more of this kind."


def test_a_bias_that_nobody_could_look_for_is_not_called_fine() -> None:
    metrics = tuple(replace(each, before_s=None) for each in PLAN.metrics)
    checks = health.checks(replace(ship(), plan=replace(PLAN, metrics=metrics)))
    assert [each.word for each in checks if each.title == "Before the exposure"] == ["not checked"]


def test_units_of_an_unknown_variant_are_named_with_their_number() -> None:
    analysis = replace(ship(), counted=counted(("control", "short"), unknown={"shrot": 7}))
    assert ("Units of a variant that nobody declared (left out)", "shrot 7") in health.found(analysis)


def test_the_method_is_the_one_that_the_intervals_are_by() -> None:
    view = build_view(replace(ship(), method=Method.FIXED), NOTHING)
    assert view.method[0].startswith("Fixed horizon")


def test_rows_of_a_role_stand_together() -> None:
    shown = groups(three_variants(), trusted=True)
    assert [[row.role for row in group.rows] for group in shown] == [
        [Role.OBJECTIVE] * 4,
        [Role.GUARDRAIL] * 4,
        [Role.QUALITY] * 2,
    ]


def test_a_margin_is_drawn_where_it_ends() -> None:
    rows = {row.metric: row for group in groups(ship(), trusted=True) for row in group.rows}
    loading, refunds = rows["loading time"], rows["refunds"]
    assert loading.span is not None
    assert loading.span.margin == pytest.approx(0.05 * 1.42)
    assert loading.relative_span is not None
    assert loading.relative_span.margin == pytest.approx(5.0)
    assert refunds.span is not None
    assert refunds.span.margin == pytest.approx(0.01)
    assert rows["purchase"].span is not None
    assert rows["purchase"].span.margin is None
    assert rows["purchase"].span.at == pytest.approx(1.2), "in percentage points"


def answered(outcome: Outcome, rule: ProductRule) -> Analysis:
    return replace(ship(), answer=Answer(outcome=outcome, rule=rule, variant="short", metric="purchase"))
