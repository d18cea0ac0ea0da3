"""What to do after a look."""

from dataclasses import replace
from typing import Any

import pytest

from analysis.product.deciding import answer
from analysis.product.result import Answer, Effect, Fault, FaultKind, Standing
from analysis.product.totals import Totals
from engine.core.model import Role
from engine.core.product import Method, ProductPlan
from tests.analysis.product.values import (
    END_S,
    START_S,
    a_product_metric,
    a_product_plan,
    an_effect,
    three_variants,
    totals,
)

NOW_S = START_S + 86_400.0
METRICS = (
    a_product_metric(),
    a_product_metric(name="revenue"),
    a_product_metric(name="errors", role=Role.GUARDRAIL),
    a_product_metric(name="clicks", role=Role.QUALITY),
)
ONE = a_product_plan(metrics=METRICS)
TWO = three_variants(metrics=METRICS)
UNITS = totals({"control": 1000, "short": 1000, "long": 1000})
GRAVE = Fault(kind=FaultKind.SPLIT, grave=True)


def claimed(metric: str, standing: Standing, variant: str = "short", **changes: Any) -> Effect:
    return an_effect(
        metric=metric, standing=standing, variant=variant, **{"claimed": True, "p_value": 0.01, **changes}
    )


def better(metric: str = "bought", variant: str = "short", **changes: Any) -> Effect:
    return claimed(metric, Standing.BETTER, variant, **changes)


def worse(metric: str = "bought", variant: str = "short", **changes: Any) -> Effect:
    return claimed(metric, Standing.WORSE, variant, **changes)


def harmless(variant: str = "short") -> Effect:
    return claimed("errors", Standing.NOT_WORSE, variant)


def unclear(metric: str = "errors", variant: str = "short") -> Effect:
    return an_effect(metric=metric, variant=variant)


def said(
    *effects: Effect,
    plan: ProductPlan = ONE,
    at_s: float = NOW_S,
    found: Totals = UNITS,
    faults: tuple[Fault, ...] = (),
) -> tuple[str, str, str, str]:
    said: Answer = answer(plan, found, effects, faults, at_s)
    return said.outcome.value, said.rule.value, said.variant, said.metric


def test_a_better_objective_with_harmless_guardrails_ships() -> None:
    assert said(better(), harmless()) == ("ship", "objective_better", "short", "bought")


def test_the_objective_with_the_strongest_evidence_decides() -> None:
    assert said(better(p_value=0.01), better("revenue", p_value=0.001), harmless())[3] == "revenue"


def test_a_better_guardrail_does_no_harm() -> None:
    assert said(better(), better("errors", claimed=False))[0] == "ship"


def test_a_difference_that_may_not_be_claimed_ships_nothing() -> None:
    assert said(better(claimed=False), harmless()) == ("keep_running", "not_yet", "", "")


def test_a_better_quality_metric_ships_nothing() -> None:
    assert said(better("clicks"), harmless())[0] == "keep_running"


def test_an_unclear_guardrail_keeps_a_better_objective_waiting() -> None:
    assert said(better(), unclear()) == ("keep_running", "guardrail_unclear", "short", "errors")
    assert said(better(), unclear(), at_s=END_S) == ("keep_control", "guardrail_unclear", "short", "errors")


def test_a_worse_guardrail_outweighs_a_better_objective() -> None:
    assert said(better(), worse("errors")) == ("keep_control", "guardrail_worse", "short", "errors")


def test_a_worse_guardrail_that_may_not_be_claimed_only_waits() -> None:
    assert said(better(), worse("errors", claimed=False)) == (
        "keep_running",
        "guardrail_unclear",
        "short",
        "errors",
    )


def test_a_worse_objective_keeps_control_even_beside_a_better_one() -> None:
    assert said(worse(), better("revenue"), harmless()) == (
        "keep_control",
        "objective_worse",
        "short",
        "bought",
    )


def test_nothing_clear_keeps_running_until_the_end() -> None:
    assert said(unclear("bought"), harmless()) == ("keep_running", "not_yet", "", "")
    assert said(unclear("bought"), harmless(), at_s=END_S) == ("keep_control", "ended_undecided", "", "")


@pytest.mark.parametrize("effects", [(better(), harmless()), (worse(),), ()])
def test_a_grave_fault_forbids_every_other_answer(effects: tuple[Effect, ...]) -> None:
    assert said(*effects, faults=(GRAVE,)) == ("do_not_trust", "fault", "", "")


def test_a_fault_that_is_not_grave_decides_nothing() -> None:
    assert said(better(), harmless(), faults=(Fault(kind=FaultKind.OLD, grave=False),))[0] == "ship"


@pytest.mark.parametrize("units", [{}, {"control": 9}, {"short": 9}, {"control": 0, "short": 9}])
def test_without_units_of_both_there_are_no_data(units: dict[str, int]) -> None:
    assert said(found=totals(units)) == ("keep_running", "no_data", "", "")
    assert said(found=totals(units), at_s=END_S) == ("keep_control", "no_data", "", "")


def test_a_fixed_test_says_nothing_before_its_end() -> None:
    metrics = tuple(replace(metric, within_s=86_400.0) for metric in METRICS)
    plan = a_product_plan(metrics=metrics, method=Method.FIXED)
    for at_s in (NOW_S, END_S):
        assert said(better(), harmless(), plan=plan, at_s=at_s) == ("keep_running", "before_the_end", "", "")
    assert said(better(), harmless(), plan=plan, at_s=END_S + 86_400.0)[0] == "ship"
    assert said(unclear("bought"), plan=plan, at_s=END_S + 86_400.0)[1] == "ended_undecided"


def both() -> tuple[Effect, ...]:
    return (harmless("short"), harmless("long"))


def test_the_winner_of_several_is_shipped_whatever_the_others_do() -> None:
    assert said(better(variant="long"), worse(), *both(), plan=TWO) == (
        "ship",
        "objective_better",
        "long",
        "bought",
    )


def test_of_several_winners_the_one_that_improves_more_is_shipped() -> None:
    wins = (better(relative=0.1), better(variant="long", relative=0.2), *both())
    assert said(*wins, plan=TWO)[2] == "long"
    more = (
        better(relative=0.1),
        better("revenue", relative=None),
        better(variant="long", relative=0.2),
        *both(),
    )
    assert said(*more, plan=TWO)[2] == "short"


def test_order_of_effects_changes_no_answer() -> None:
    wins = (
        better(relative=0.1),
        better("revenue", relative=0.05),
        better(variant="long", relative=0.2),
        *both(),
    )
    assert said(*wins, plan=TWO) == said(*wins[::-1], plan=TWO)


def test_one_that_lost_is_named_and_the_others_run_on() -> None:
    effects = (worse("errors", "long"), harmless())
    assert said(*effects, plan=TWO) == ("keep_running", "guardrail_worse", "long", "errors")
    assert said(*effects, plan=TWO, at_s=END_S) == ("keep_control", "guardrail_worse", "long", "errors")


def test_control_is_kept_when_all_have_lost_and_the_clearest_is_named() -> None:
    effects = (worse("errors", "long", p_value=0.001), worse(p_value=0.02), harmless())
    assert said(*effects, plan=TWO) == ("keep_control", "guardrail_worse", "long", "errors")


def test_one_that_waits_for_its_guardrail_is_named_before_one_that_is_not_clear() -> None:
    effects = (unclear("bought", "long"), harmless("long"), better(), unclear())
    assert said(*effects, plan=TWO) == ("keep_running", "guardrail_unclear", "short", "errors")


def test_a_claim_without_a_p_value_is_the_weakest() -> None:
    effects = (better(p_value=None), better("revenue", p_value=0.04), harmless())
    assert said(*effects)[3] == "revenue"
