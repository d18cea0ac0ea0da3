"""The answer and the health strip: every rule, every fault, and what a look without numbers says."""

import io
from dataclasses import replace

import pytest

from analysis.product.result import Analysis, Answer, Fault, FaultKind, Forecast, Outcome, ProductRule
from analysis.report.product import answers, health
from analysis.report.product.forest import forest
from analysis.report.product.markdown import markdown
from analysis.report.product.page import page
from analysis.report.product.rows import groups
from analysis.report.product.terminal import terminal
from analysis.report.product.view import NOTHING, build_view
from engine.core.model import Bound, Role
from engine.core.product import Method
from tests.analysis.report.product.parts import AT_S, PLAN, found
from tests.analysis.report.product.samples import (
    do_not_trust,
    keep_control,
    keep_running,
    no_data,
    no_guardrails,
    ship,
    three_variants,
)
from tests.analysis.report.test_html import parsed


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
    endless = replace(PLAN, ends_s=None)
    told = answers.next_step(replace(keep_running(), plan=endless, forecasts=coming))
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


def test_a_renamed_variant_is_told_before_the_split_that_it_spoils() -> None:
    split = tuple(
        Fault(kind=FaultKind.SPLIT, grave=True, what=what, count=2_000, share=0.2)
        for what in ("", "browser=safari", "browser=other")
    )
    renamed = Fault(kind=FaultKind.UNKNOWN_VARIANT, grave=True, what="shrot", count=2_000, share=0.2)
    analysis = replace(do_not_trust(), faults=(*split, renamed))
    head = "users were given the variant shrot, which nobody declared (and 1 more fault)"
    assert answers.headline(analysis) == f"Do not trust these results: {head}."
    assert answers.why(analysis)[0].startswith("2,000 users (20 %) had the variant shrot")
    assert answers.next_step(analysis).startswith("Usual cause: a variant renamed")
    assert [check.title for check in health.checks(analysis)][:2] == ["Variants' names", "Split"]


def test_faults_of_one_kind_count_once_in_the_headline() -> None:
    whole, part = (
        Fault(kind=FaultKind.SPLIT, grave=True, what=what, count=9, share=0.2)
        for what in ("", "browser=safari")
    )
    told = answers.headline(replace(do_not_trust(), faults=(whole, part)))
    assert told == "Do not trust these results: users are not split as planned."


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


def test_what_was_found_is_told_per_variant_event_and_metric() -> None:
    names = {"order": 5, "refund": 0}
    few = found(("control", "short"), events_by_name=names, machines={"short": 2})
    told = dict(health.found(replace(ship(), counted=few)))
    assert told["Events named order"] == "5"
    assert told["Events named refund"] == "0: it never occurs"
    assert told["Units with more events than people have (left out)"] == "control 0, short 2"
    assert told["Units with such events"] == "control 52, short 49"
    valueless = "Events without a usable number, per metric that sums it (count as 0)"
    assert told[valueless] == "revenue 6, loading time 0"
    assert told["Units first exposed before the start (left out)"] == "17"
    assert told["Rows without a unit or a time (left out)"] == "3"


def test_every_form_that_tells_all_tells_what_was_found() -> None:
    stream = io.StringIO()
    terminal(ship(), stream)
    for form in (stream.getvalue(), markdown(ship()), parsed(page(ship())).text):
        assert "Rows without a unit or a time" in form
        assert "Events named refund" in form


def test_without_a_guardrail_the_rule_does_not_speak_of_any() -> None:
    alone = "an objective is shown to be better, with all objectives and variants counted in"
    assert answers.why(no_guardrails())[-2:] == (
        "No guardrail is declared, so harm elsewhere was not looked for.",
        f"Decided by the rule objective_better: {alone}.",
    )


def test_a_planned_look_is_named_where_it_has_to_be_waited_for() -> None:
    metrics = tuple(replace(each, within_s=7 * 86_400.0) for each in PLAN.metrics)
    plan = replace(PLAN, metrics=metrics, method=Method.FIXED)
    waiting = replace(answered(Outcome.KEEP_RUNNING, ProductRule.BEFORE_THE_END), plan=plan)
    assert "decide from 2026-03-23 00:00:00 UTC on: an earlier" in answers.next_step(waiting)
    assert "all their time 2026-03-23 00:00:00 UTC" in answers.ending(waiting)[0]
    weekly = replace(waiting, plan=replace(plan, method=Method.GROUP_SEQUENTIAL, looks=7))
    assert "at the next planned look, 2026-03-14 00:00:00 UTC" in answers.next_step(weekly)
    assert "only then" not in answers.ending(keep_running())[0]


def test_a_pace_beyond_the_planned_end_says_so() -> None:
    slow = Forecast(metric="purchase", needed=90_000, units=6_000, days=354.0, at_s=AT_S + 354 * 86_400)
    late = replace(keep_running(), forecasts=(slow,))
    assert "but the planned end is about 4 days from now" in answers.next_step(late)
    assert "which is after the planned end (about 4 days from now)" in answers.ending(late)[1]
    endless = replace(late, plan=replace(PLAN, ends_s=None))
    assert "planned end" not in answers.next_step(endless)


def test_units_of_an_unknown_variant_are_named_with_their_number() -> None:
    analysis = replace(ship(), counted=found(("control", "short"), unknown={"shrot": 7}))
    assert ("Units of a variant that nobody declared (left out)", "shrot 7") in health.found(analysis)


def test_the_method_is_the_one_that_the_intervals_are_by() -> None:
    view = build_view(replace(ship(), method=Method.FIXED), NOTHING)
    assert view.method[0].startswith("Fixed horizon")


def test_the_tables_are_named_or_said_to_be_the_engine_s_own() -> None:
    def tables(recorded_as: str | None) -> str:
        plan = replace(PLAN, tables=replace(PLAN.tables, recorded_as=recorded_as))
        return dict(build_view(replace(ship(), plan=plan), NOTHING).origin)["Tables"]

    assert tables(None) == "exposures and events in data"
    assert tables("short-checkout") == "recorded by Rampwise, of the experiment short-checkout"


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


@pytest.mark.parametrize("margin", [0.02, 0.05, 0.3, 0.9])
def test_an_axis_of_its_own_has_more_than_zero_on_it(margin: float) -> None:
    metrics = tuple(
        replace(each, margin=Bound(relative=margin)) if each.name == "loading time" else each
        for each in PLAN.metrics
    )
    table = forest(groups(replace(ship(), plan=replace(PLAN, metrics=metrics)), trusted=True))
    axes = [line.own_axis for _, lines in table.groups for line in lines if line.own_axis is not None]
    assert len(axes) == 4
    assert all(axis.count("<text") > 1 for axis in axes)


def answered(outcome: Outcome, rule: ProductRule) -> Analysis:
    return replace(ship(), answer=Answer(outcome=outcome, rule=rule, variant="short", metric="purchase"))
