"""Where users' events are asked, an A/B run may go without an objective, and own records need no tables."""

import pytest
import yaml

from engine.errors import SpecError
from engine.spec import from_plain, parse, parse_any, product_plan, to_plain
from tests.spec.products import SMALLEST, edited, metric

AB = SMALLEST.replace("strategy: canary", "strategy: ab")
RECORDED = edited("    data: data/\n", "")
OBJECTIVE = "preset: http_errors\n      role: objective"


def problems(text: str) -> list[str]:
    with pytest.raises(SpecError) as caught:
        parse_any(text, "x.yaml")
    return [str(each) for each in caught.value.problems]


def test_guardrails_alone_guard_a_test_that_users_events_decide() -> None:
    assert parse(AB, "x.yaml").plan.product_decides


def test_beside_an_objective_of_the_run_users_events_decide_all_the_same() -> None:
    assert parse(AB.replace("preset: http_errors", OBJECTIVE, 1), "x.yaml").plan.product_decides


def test_a_canary_needs_no_objective_and_decides_itself() -> None:
    assert not parse(SMALLEST, "x.yaml").plan.product_decides


def test_without_users_events_a_test_needs_an_objective() -> None:
    document = yaml.safe_load(AB)
    del document["spec"]["product"]
    (told,) = problems(yaml.safe_dump(document))
    assert "spec.metrics: found no objective; expected role: objective" in told
    assert "or a product section, which asks users' events" in told


def test_only_shown_metrics_guard_nothing() -> None:
    shown = AB.replace("preset: http_errors", "preset: http_errors\n      role: quality")
    shown = shown.replace("preset: http_latency", "preset: http_latency\n      role: quality")
    assert any("only quality metrics" in each for each in problems(shown))


@pytest.mark.parametrize("text", [RECORDED, edited("data: data/", "data: recorded")])
def test_what_is_recorded_is_meant_when_nothing_or_that_is_said(text: str) -> None:
    plan = product_plan(parse(text, "x.yaml"))
    assert plan is not None
    assert (plan.tables.recorded_as, plan.tables.columns) == ("checkout-v2", {})
    again = product_plan(from_plain(to_plain(parse(text, "x.yaml"))))
    assert again == plan


def test_tables_elsewhere_are_not_recorded_here() -> None:
    plan = product_plan(parse(SMALLEST, "x.yaml"))
    assert plan is not None
    assert (plan.tables.recorded_as, plan.tables.warehouse) == (None, "data/")


def test_a_directory_of_that_name_is_told_from_here() -> None:
    plan = product_plan(parse(edited("data/", "./recorded"), "x.yaml"))
    assert plan is not None
    assert plan.tables.recorded_as is None


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ("{warehouse: recorded, exposures: mine}", "exposures"),
        ("{warehouse: recorded, events: mine}", "events"),
        ("{warehouse: recorded, columns: {unit: user}}", "columns"),
    ],
)
def test_what_is_recorded_has_names_of_its_own(data: str, field: str) -> None:
    (told,) = problems(edited("data/", data))
    assert told.startswith(f"x.yaml:14: spec.product.data.{field}: found ")
    assert f"expected no {field}, because what is recorded has names of its own" in told


@pytest.mark.parametrize(
    "said", ["sum: {event: purchase, value: amount}", "ratio: {of: {event: a, value: b}, per: c}"]
)
def test_a_recorded_event_has_one_number(said: str) -> None:
    (told,) = problems(metric(said).replace("    data: data/\n", ""))
    assert "expected value, the only number of a recorded event; or data: with your own tables" in told
    parse(metric(said), "x.yaml")
