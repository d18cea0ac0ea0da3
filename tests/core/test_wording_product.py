"""Sentences of a product experiment's report: every answer has one, with direction, size, unit and limit."""

from dataclasses import fields, replace
from itertools import product

import pytest

from analysis.product.result import FaultKind, Lack, Outcome, ProductRule, Standing
from analysis.product.totals import Counted
from engine.core.model import Bound, Role
from engine.core.product import Aggregate, Correction, Measure, Method, ProductMetric, Spending
from engine.core.wording import product as wording
from engine.core.wording import product_faults as faults
from engine.core.wording import product_method as method
from tests.analysis.report.product.parts import LOADING, PLAN, PURCHASE, REFUNDS, REVENUE, VISITS

POSSIBLE = [
    (Outcome.SHIP, ProductRule.OBJECTIVE_BETTER),
    (Outcome.DO_NOT_TRUST, ProductRule.FAULT),
    (Outcome.KEEP_RUNNING, ProductRule.NOT_YET),
    (Outcome.KEEP_RUNNING, ProductRule.BEFORE_THE_END),
    (Outcome.KEEP_CONTROL, ProductRule.ENDED_UNDECIDED),
    *product(
        (Outcome.KEEP_CONTROL, Outcome.KEEP_RUNNING),
        (
            ProductRule.NO_DATA,
            ProductRule.GUARDRAIL_UNCLEAR,
            ProductRule.GUARDRAIL_WORSE,
            ProductRule.OBJECTIVE_WORSE,
        ),
    ),
]


@pytest.mark.parametrize(("outcome", "rule"), POSSIBLE)
def test_every_answer_has_a_headline_and_a_rule(outcome: Outcome, rule: ProductRule) -> None:
    told = wording.headline(
        outcome, rule, variant="short", metric="purchase", control="old", fault="rows lie"
    )
    assert told.startswith(wording.OUTCOME_WORDS[outcome][1].split()[0].capitalize())
    assert told.endswith(".")
    assert wording.rule_told(rule).startswith(f"Decided by the rule {rule}: ")


@pytest.mark.parametrize(("outcome", "rule"), POSSIBLE)
def test_every_answer_but_distrust_says_what_to_do_next(outcome: Outcome, rule: ProductRule) -> None:
    if outcome is Outcome.DO_NOT_TRUST:
        return
    told = wording.next_step(
        outcome, rule, variant="short", metric="purchase", control="old", unit="user", pace="", look="then"
    )
    assert told == told.strip()
    assert told.endswith(".")


def test_the_rule_of_shipping_speaks_of_guardrails_only_where_there_are_some() -> None:
    rule = ProductRule.OBJECTIVE_BETTER
    assert "every guardrail stays within its margin" in wording.rule_told(rule)
    assert "guardrail" not in wording.rule_told(rule, guarded=False)
    assert wording.rule_told(ProductRule.NOT_YET, guarded=False) == wording.rule_told(ProductRule.NOT_YET)


def test_all_kinds_have_words() -> None:
    assert {rule for _, rule in POSSIBLE} == set(ProductRule)
    assert set(wording.STANDING_WORDS) == set(Standing)
    assert set(wording.OUTCOME_WORDS) == set(Outcome)
    assert set(wording.ROLE_TITLES) == set(Role)
    assert len({wording.lack(reason) for reason in Lack}) == len(Lack)
    assert wording.lack(None) == "too few data"


def told_of(metric: ProductMetric, difference: float, relatively: float | None, within: str) -> str:
    return wording.effect_told(
        metric, variant="b", control="a", difference=difference, relatively=relatively, within=within
    )


def test_an_effect_has_direction_size_unit_and_limit() -> None:
    assert told_of(LOADING, 0.02, 0.014, "likely between +1 ms and +39 ms") == (
        "loading time is 20 ms higher with b than with a (+1.4 %); likely between +1 ms and +39 ms;"
        " margin: at most 5 % higher."
    )
    assert told_of(PURCHASE, -0.01, None, "") == (
        "purchase is 1 pp lower with b than with a; too few data to say what is likely."
    )
    assert "is the same with b as with a;" in told_of(REVENUE, 0.0, 0.0, "likely")


@pytest.mark.parametrize(
    ("metric", "told"),
    [
        (PURCHASE, "share of users with order, within 7 d of the first exposure"),
        (REVENUE, "amount of order, per user"),
        (LOADING, "0.95 quantile over users of load_s of page"),
        (REFUNDS, "number of refund events over number of order events"),
        (replace(VISITS, from_s=86_400.0 * 7), "number of visit events, per user, from 7 d after the first"),
        (replace(VISITS, from_s=86_400.0 * 7, within_s=86_400.0 * 14), "from 7 d to 14 d of the first"),
        (replace(LOADING, quantile=None), "load_s of page, per user"),
        (replace(REFUNDS, per=None), "number of refund events, per user"),
    ],
)
def test_a_metric_says_what_it_measures(metric: ProductMetric, told: str) -> None:
    assert told in wording.measured(metric, "user")


@pytest.mark.parametrize(
    ("bound", "told"),
    [
        (Bound(), "margin: not worse at all"),
        (Bound(relative=0.05), "margin: at most 5 % higher"),
        (Bound(absolute=0.02), "margin: at most 20 ms higher"),
        (Bound(relative=0.05, absolute=0.02), "margin: at most the larger of 5 % and 20 ms higher"),
    ],
)
def test_a_margin_says_how_much_and_which_way(bound: Bound, told: str) -> None:
    assert wording.held_against(replace(LOADING, margin=bound)) == told


def test_where_higher_is_better_a_margin_is_downwards() -> None:
    assert wording.bound(PURCHASE, Bound(absolute=0.01)) == "at most 1 pp lower"
    assert wording.held_against(PURCHASE) == "no difference"
    assert (wording.sense(PURCHASE), wording.sense(LOADING)) == ("higher is better", "lower is better")


def test_guardrails_are_counted() -> None:
    assert "No guardrail" in wording.guardrails_told(0, 0)
    assert wording.guardrails_told(1, 1).startswith("The guardrail stays")
    assert wording.guardrails_told(2, 2).startswith("Both")
    assert wording.guardrails_told(3, 3).startswith("All 3")
    assert wording.guardrails_told(1, 3).startswith("1 of 3")


def test_numbers_are_in_the_metric_s_unit() -> None:
    assert (wording.value(PURCHASE, 0.12), wording.value(REVENUE, 8.4)) == ("12 %", "8.4 EUR")
    assert (wording.value(PURCHASE, None), wording.gap(REVENUE, None)) == ("no data", "no data")
    assert wording.relative(None) == "not told: control is too close to 0"
    assert wording.between("1", "2") == "likely between 1 and 2"


def test_a_standing_says_what_it_counts_for() -> None:
    assert wording.hint("better") == "better, a hint"
    assert wording.shown_only("better") == "better, shown only"
    assert wording.not_claimed("worse") == "worse, not claimed"


def test_what_says_nothing_says_so() -> None:
    told = wording.could_be(PURCHASE, variant="b", low="−1 pp", high="+2 pp")
    assert told == "The change of purchase with b could be anywhere from −1 pp to +2 pp."
    assert wording.too_few_told(PURCHASE, variant="b", reason="units").startswith("Nothing can be said of")


def test_a_relative_difference_of_nothing_has_no_sign() -> None:
    assert wording.relative(0.0) == "0 %"


@pytest.mark.parametrize("kind", ["missing_day", "events_ended"])
def test_days_in_a_row_are_told_as_such(kind: str) -> None:
    told = faults.fault_told(kind, what="2026-03-05/2026-03-07", count=0, share=0.0, unit="user")
    assert "2026-03-05 to 2026-03-07" in told
    head = faults.fault_head(kind, what="2026-03-05/2026-03-07", unit="user")
    assert head.endswith("2026-03-05 to 2026-03-07")
    assert "some days" in faults.fault_told(kind, what="", count=0, share=0.0, unit="user")


def test_one_unit_is_not_told_as_several() -> None:
    told = faults.fault_told("machines", what="", count=1, share=0.0001, unit="visitor")
    assert told == "1 visitor (0.01 %) had more events than people have; left out."
    assert "12 visitors (" in faults.fault_told("machines", what="", count=12, share=0.01, unit="visitor")


def test_a_name_that_looks_like_days_stays_as_it_is() -> None:
    told = faults.fault_told("valueless", what="a/b", count=7, share=0.25, unit="user")
    assert told == "7 events of a/b (25 % of its events) hold no usable number; each counts as 0."


@pytest.mark.parametrize("kind", FaultKind)
def test_every_fault_has_a_title_a_head_a_size_and_a_cure(kind: FaultKind) -> None:
    assert faults.CHECK_TITLES[kind]
    assert faults.fault_head(kind, what="browser=safari", unit="user")
    assert faults.fault_told(kind, what="", count=12, share=0.02, unit="user").endswith(".")
    assert faults.fault_mend(kind, unit="user").endswith(".")


def test_several_faults_are_one_headline() -> None:
    assert faults.first_of(["a"]) == "a"
    assert faults.first_of(["a", "b"]) == "a (and 1 more fault)"
    assert faults.first_of(["a", "b", "c"]) == "a (and 2 more faults)"


def test_every_count_of_the_tables_has_a_title() -> None:
    whole = {each.name for each in fields(Counted)}
    assert whole - set(faults.COUNTED_TITLES) == {"first_s", "last_s", "days", "events_by_day"}
    assert faults.named_told("order").endswith(" order")
    assert faults.number_told(0) == "0"
    assert faults.number_told(0, never=True) == "0: it never occurs"
    assert faults.number_told(1_200, never=True) == "1,200"


def test_a_missing_day_is_named_where_it_is_known() -> None:
    assert faults.fault_head("missing_day", what="2026-03-05", unit="user") == "a day is missing, 2026-03-05"
    assert faults.fault_head("missing_day", what="", unit="user") == "a day is missing"
    told = faults.fault_told("missing_day", what="2026-03-05/2026-03-07 b", count=0, share=0.0, unit="user")
    assert told == "No data of 2026-03-05 to 2026-03-07, of b alone."


def test_a_split_of_nobody_is_no_division_by_zero() -> None:
    assert "seen nobody" in faults.split_told({}, {"a": 0.5, "b": 0.5})
    assert "seen a 25 %, b 75 %, of 4." in faults.split_told({"a": 1, "b": 3}, {"a": 0.5, "b": 0.5})


def test_what_is_fine_says_what_was_counted() -> None:
    assert faults.fine_told("crossed", unit="user", count=0) == "No user was seen in two variants."
    assert faults.fine_told("crossed", unit="user", count=4).startswith("4 of the users")
    assert faults.not_checked_told(declared=False).startswith("No metric declares")
    assert faults.not_checked_told(declared=True) == "Nothing counted yet."
    assert "3 h before this look" in faults.age_told("3 h", "noon")


@pytest.mark.parametrize("how", Method)
@pytest.mark.parametrize("spending", Spending)
@pytest.mark.parametrize("correction", Correction)
def test_the_method_says_its_error_and_when_it_may_be_read(
    how: Method, spending: Spending, correction: Correction
) -> None:
    plan = replace(PLAN, method=how, spending=spending, correction=correction, looks=4, alpha=0.03)
    first, second, *_ = method.method_told(plan)
    assert "3 %" in first
    assert "3 %" in second


def test_an_impact_is_per_day_with_its_unit() -> None:
    def told(metric: ProductMetric, low: float | None) -> str:
        return method.impact_told(
            metric, variant="b", per_day=12.0, low=low, high=20.0, units=1_000.0, unit="user"
        )

    assert told(REVENUE, 4.0) == (
        "revenue, everybody on b: +12 EUR a day; likely between +4 EUR and +20 EUR, at 1,000 new users a day."
    )
    assert "+12 users with order a day; too few data" in told(PURCHASE, None)
    assert "+12 visit events a day" in told(VISITS, None)
    assert "+12 refund events a day" in told(REFUNDS, None)


def test_a_cap_says_what_it_is_and_whence() -> None:
    assert method.cap_told(REVENUE, None, "user") == ""
    assert "over 400 EUR counts as that, the 0.999 quantile" in method.cap_told(REVENUE, 400.0, "user")
    assert method.cap_told(VISITS, 9.0, "user") == "A user's number over 9 counts as that."


def test_an_adjustment_says_what_it_explains() -> None:
    assert "explains 38 % of the variance" in method.cuped_told(PURCHASE, 0.38)
    assert "Not adjusted" in method.cuped_told(VISITS, 0.0)


def test_the_bayesian_view_is_under_its_warning() -> None:
    told = method.bayes_told(PURCHASE, variant="b", chance=0.9, loss="0.1 pp")
    assert told.startswith("Bayesian view: only to be read at the planned end")
    assert "better with b is 90 %;" in told
    assert "over 99.9 %" in method.bayes_told(PURCHASE, variant="b", chance=1.0, loss="0 pp")
    assert "under 0.1 %" in method.bayes_told(PURCHASE, variant="b", chance=0.0, loss="1 pp")


def test_a_breakdown_says_what_it_may_be_used_for() -> None:
    told = method.dimension_told("browser", ("x",), confirmatory=True, values=3)
    assert "Claimed: x." in told
    assert "no evidence that none does" in method.dimension_told("b", (), confirmatory=True, values=3)
    assert "it decides nothing" in method.dimension_told("b", (), confirmatory=False, values=3)
    assert method.claim_told("m", "v", "b", "worse") == "m is worse with b where it is v"


def test_an_exclusion_names_whom() -> None:
    told = method.exclusion_told(PLAN.exclusions[0], "user")
    assert told == "Left out: users whose first exposure has kind bot or tester."


def test_a_measure_without_a_column_counts() -> None:
    metric = replace(VISITS, aggregate=Aggregate.SUM, measure=Measure(event="visit"))
    assert wording.measured(metric, "user") == "number of visit events, per user"
