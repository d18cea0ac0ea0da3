"""The section `product` becomes the plan of an A/B test on events, and a launched run ignores it."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from engine.cli.main import app
from engine.core.model import Bound, Role
from engine.core.product import (
    Aggregate,
    Correction,
    Dimension,
    Exclusion,
    Measure,
    Method,
    ProductMetric,
    ProductPlan,
    Share,
    Spending,
    Tables,
)
from engine.spec import build, from_plain, parse, product_plan, to_plain, to_yaml
from tests.spec.documents import GOOD
from tests.spec.products import FULL, SMALLEST, edited, metric, metrics, timed, with_line
from tests.spec.stand_ins import facts_with

DAY_S = 86400.0


def plan_of(text: str) -> ProductPlan:
    plan = product_plan(parse(text, "x.yaml"))
    assert plan is not None
    return plan


def test_a_document_without_the_section_has_no_plan() -> None:
    assert product_plan(parse(GOOD, "x.yaml")) is None


def test_the_smallest_section_has_a_default_for_all_the_rest() -> None:
    assert plan_of(SMALLEST) == ProductPlan(
        name="checkout-v2",
        question="Do more visitors buy with the short checkout?",
        shares=(Share(variant="control", share=0.5), Share(variant="short", share=0.5)),
        tables=Tables(warehouse="data/", columns={}),
        metrics=(
            ProductMetric(
                name="purchase",
                aggregate=Aggregate.CONVERSION,
                measure=Measure(event="purchase"),
                role=Role.OBJECTIVE,
                margin=Bound(),
            ),
        ),
    )


def test_everything_that_is_said_is_in_the_plan() -> None:
    plan = plan_of(FULL)
    assert (plan.unit, plan.most_events) == ("visitor", 5000)
    assert plan.shares == (
        Share(variant="long", share=0.6),
        Share(variant="short", share=0.3),
        Share(variant="none", share=0.1),
    )
    assert plan.tables == Tables(
        warehouse="postgres://reader@db.example.com/shop",
        exposures="web.exposures",
        events="web.events",
        columns={"unit": "user_id", "variant": "arm"},
    )
    assert plan.dimensions == (Dimension(column="country"), Dimension(column="browser", confirmatory=False))
    assert plan.exclusions == (
        Exclusion(column="is_bot", values=("true",)),
        Exclusion(column="email_domain", values=("example.com", "test.example")),
    )
    assert (plan.method, plan.looks, plan.spending) == (Method.GROUP_SEQUENTIAL, 4, Spending.POCOCK)
    assert (plan.correction, plan.alpha, plan.power, plan.mde) == (Correction.HOLM, 0.01, 0.9, 0.015)
    assert (plan.starts_s, plan.ends_s) == (1793577600.0, 1795996800.0)


def test_each_kind_of_metric_is_what_it_says() -> None:
    amount, purchase = Measure(event="purchase", value="amount"), Measure(event="purchase")
    assert plan_of(FULL).metrics == (
        ProductMetric(
            name="bought",
            aggregate=Aggregate.CONVERSION,
            measure=purchase,
            role=Role.OBJECTIVE,
            margin=Bound(),
            within_s=7 * DAY_S,
            before_s=14 * DAY_S,
        ),
        ProductMetric(
            name="revenue",
            aggregate=Aggregate.SUM,
            measure=amount,
            role=Role.OBJECTIVE,
            margin=Bound(),
            within_s=7 * DAY_S,
            winsorize=0.999,
            value_unit="EUR",
        ),
        ProductMetric(
            name="page_view_count",
            aggregate=Aggregate.COUNT,
            measure=Measure(event="page_view"),
            role=Role.GUARDRAIL,
            margin=Bound(absolute=0.5),
            within_s=DAY_S,
            cap=500.0,
        ),
        ProductMetric(
            name="purchase_amount_per_purchase",
            aggregate=Aggregate.RATIO,
            measure=amount,
            per=purchase,
            role=Role.QUALITY,
            margin=Bound(),
        ),
        ProductMetric(
            name="visit_retention",
            aggregate=Aggregate.CONVERSION,
            measure=Measure(event="visit"),
            role=Role.QUALITY,
            margin=Bound(),
            from_s=7 * DAY_S,
            within_s=14 * DAY_S,
            before_s=28 * DAY_S,
        ),
        ProductMetric(
            name="load_seconds_p90",
            aggregate=Aggregate.QUANTILE,
            measure=Measure(event="load", value="seconds"),
            role=Role.GUARDRAIL,
            margin=Bound(relative=0.05, absolute=0.02),
            within_s=7 * DAY_S,
            quantile=0.9,
            higher_is_better=False,
            value_unit="s",
        ),
    )


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("conversion: Order Completed", "Order_Completed"),
        ("conversion: $pageview", "pageview"),
        (f"conversion: {'a' * 70}", "a" * 63),
        ("count: visit", "visit_count"),
        ("sum: {event: purchase, value: amount}", "purchase_amount"),
        ("ratio: {of: purchase, per: {event: visit}}", "purchase_per_visit"),
        ("retention: {event: visit, from: 1d, within: 2d}", "visit_retention"),
        ('quantile: {event: load, value: seconds, q: "99.9 %"}', "load_seconds_p99.9"),
    ],
)
def test_a_metric_without_a_name_is_called_after_its_events(written: str, name: str) -> None:
    assert plan_of(metric(written)).metrics[0].name == name


def test_only_the_first_metric_is_the_objective_unless_others_say_so() -> None:
    assert [each.role for each in plan_of(metrics("conversion: purchase", "count: visit")).metrics] == [
        Role.OBJECTIVE,
        Role.QUALITY,
    ]
    said = metrics("{conversion: purchase, role: quality}", "{count: visit, role: objective}")
    assert [each.role for each in plan_of(said).metrics] == [Role.QUALITY, Role.OBJECTIVE]


@pytest.mark.parametrize("kind", ["conversion: visit", "count: visit"])
def test_a_guardrail_without_a_margin_may_be_worse_by_a_twentieth(kind: str) -> None:
    plan = plan_of(metrics("conversion: purchase", f"{{{kind}, role: guardrail, name: other}}"))
    assert plan.metric("other").margin == Bound(relative=0.05)


def test_control_is_first_wherever_it_stands() -> None:
    plan = plan_of(edited("control: 50, short: 50", "a: 20, control: 30, b: 50"))
    assert (plan.control, plan.treatments) == ("control", ("a", "b"))


def test_planned_looks_have_defaults_that_are_shown() -> None:
    text = timed("method: group_sequential", "starts: 2026-11-02T00:00:00Z", "ends: 2026-11-30T00:00:00Z")
    assert (plan_of(text).looks, plan_of(text).spending) == (5, Spending.OBRIEN_FLEMING)
    filled = to_plain(parse(text, "x.yaml"))["spec"]["product"]
    assert (filled["looks"], filled["spending"]) == (5, "obrien_fleming")


@pytest.mark.parametrize(
    "url",
    [
        "postgres://me@db/shop?sslmode=require",
        "duckdb:///var/shop.duckdb",
        "pyspark://local",
        "bigquery://project/dataset",
        "postgres://me@db/shop?password=&passfile=/etc/warehouse",
    ],
)
def test_a_warehouse_without_a_password_is_taken_as_it_stands(url: str) -> None:
    assert plan_of(edited("data/", f'"{url}"')).tables.warehouse == url


def test_units_may_be_left_out_by_who_they_are() -> None:
    assert plan_of(with_line("exclude: {unit: [tester-1]}")).exclusions == (
        Exclusion(column="unit", values=("tester-1",)),
    )


def test_e_bh_goes_with_looks_at_any_time() -> None:
    assert plan_of(with_line("correction: e_bh")).correction is Correction.E_BH


def test_a_launched_run_ignores_the_section() -> None:
    facts = facts_with()
    assert build(parse(FULL, "x.yaml"), facts) == build(parse(GOOD, "x.yaml"), facts)


def test_every_default_is_shown() -> None:
    filled = to_plain(parse(SMALLEST, "x.yaml"))["spec"]["product"]
    assert filled == {
        "question": "Do more visitors buy with the short checkout?",
        "unit": "user",
        "control": "control",
        "variants": {"control": 50, "short": 50},
        "data": {
            "warehouse": "data/",
            "exposures": "exposures",
            "events": "events",
            "columns": {name: name for name in ("unit", "time", "variant", "name", "id")},
        },
        "metrics": [
            {"conversion": "purchase", "name": "purchase", "role": "objective", "direction": "higher"}
        ],
        "dimensions": [],
        "exclude": {},
        "most_events": 10000,
        "method": "anytime",
        "correction": "holm",
        "alpha": 0.05,
        "power": 0.8,
        "mde": "2%",
    }
    assert next(iter(filled["metrics"][0])) == "conversion"


@pytest.mark.parametrize("text", [SMALLEST, FULL])
def test_what_is_filled_in_reads_as_the_same_plan(text: str) -> None:
    document = parse(text, "x.yaml")
    again = parse(to_yaml(document), "filled.yaml")
    assert product_plan(again) == product_plan(document)
    assert to_yaml(again) == to_yaml(document)
    assert product_plan(from_plain(json.loads(json.dumps(to_plain(document), sort_keys=True)))) is not None


def test_validate_names_the_section_in_its_summary(tmp_path: Path) -> None:
    path = tmp_path / "experiment.yaml"
    path.write_text(FULL, encoding="utf-8")
    shown = CliRunner().invoke(app, ["validate", str(path)]).stdout
    assert "  product: short, none against long, 6 metrics of events, group sequential\n" in shown
