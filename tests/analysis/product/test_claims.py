"""What may be claimed although many questions are asked."""

from math import log
from typing import Any

import pytest
from statsmodels.stats.multitest import multipletests

from analysis.product.claims import holm, with_claims, with_part_claims
from analysis.product.result import Effect, Standing
from analysis.product.totals import Slice
from engine.core.model import Role
from engine.core.product import Correction, Dimension
from tests.analysis.product.values import a_product_metric, a_product_plan, an_effect

METRICS = (
    a_product_metric(),
    a_product_metric(name="revenue"),
    a_product_metric(name="errors", role=Role.GUARDRAIL),
    a_product_metric(name="load", role=Role.GUARDRAIL, higher_is_better=False),
    a_product_metric(name="clicks", role=Role.QUALITY),
)
PLAN = a_product_plan(metrics=METRICS)


def better(metric: str = "bought", p_value: float = 0.001, **changes: Any) -> Effect:
    changes = {"standing": Standing.BETTER, "evidence": -log(p_value), **changes}
    return an_effect(metric=metric, p_value=p_value, **changes)


def worse(metric: str, p_value: float) -> Effect:
    return better(metric, p_value, standing=Standing.WORSE)


def claims(*effects: Effect, **changes: Any) -> list[bool]:
    return [each.claimed for each in with_claims(a_product_plan(metrics=METRICS, **changes), effects)]


@pytest.mark.parametrize(
    "p_values", [[0.01, 0.02, 0.03], [0.017, 0.02, 0.9], [0.001, 0.04, 0.026], [0.5], [0.05, 0.025], []]
)
def test_holm_agrees_with_statsmodels(p_values: list[float]) -> None:
    expected = multipletests(p_values, alpha=0.05, method="holm")[0].tolist() if p_values else []
    assert list(holm(p_values, 0.05)) == expected


def test_a_question_that_could_not_be_tested_still_counts() -> None:
    assert holm([0.03, None], 0.05) == (False, False)
    assert holm([0.03], 0.05) == (True,)


def test_a_lone_clear_objective_is_claimed() -> None:
    assert claims(better(p_value=0.04)) == [True]


def test_objectives_share_alpha() -> None:
    assert claims(better(p_value=0.04), better("revenue", 0.06)) == [False, False]
    assert claims(better(p_value=0.02), better("revenue", 0.04)) == [True, True]


def test_an_effect_whose_interval_says_nothing_is_not_claimed() -> None:
    assert claims(better(p_value=0.001, standing=Standing.UNCLEAR)) == [False]


def test_guardrails_that_are_worse_are_a_family_of_their_own() -> None:
    assert claims(better(p_value=0.04), worse("errors", 0.02), worse("load", 0.9)) == [True, True, False]
    assert claims(better(p_value=0.04), worse("errors", 0.04), worse("load", 0.9)) == [True, False, False]


def test_not_worse_needs_no_correction() -> None:
    harmless = an_effect(metric="errors", standing=Standing.NOT_WORSE, p_value=0.9)
    assert claims(harmless, an_effect(metric="load", p_value=0.9)) == [True, False]


def test_quality_metrics_are_never_claimed() -> None:
    assert claims(better("clicks", 1e-12)) == [False]


def test_claims_by_the_share_of_false_ones_use_evidence() -> None:
    effects = (better(evidence=log(5)), better("revenue", evidence=log(60)))
    assert claims(*effects, correction=Correction.E_BH) == [False, True]
    assert claims(
        better(evidence=log(60)), better("revenue", evidence=log(60)), correction=Correction.E_BH
    ) == [
        True,
        True,
    ]


def test_without_evidence_nothing_is_claimed_by_the_share_of_false_ones() -> None:
    assert claims(better(evidence=None), correction=Correction.E_BH) == [False]


def test_parts_are_claimed_for_confirmatory_dimensions_and_objectives_only() -> None:
    dimensions = (Dimension(column="country"), Dimension(column="browser", confirmatory=False))
    plan = a_product_plan(metrics=METRICS, dimensions=dimensions)
    at = Slice(dimension="country", value="AT")
    effects = (
        better(slice=at),
        better(slice=Slice(dimension="browser", value="safari")),
        better("errors", slice=at),
        better("clicks", slice=at),
    )
    assert [each.claimed for each in with_part_claims(plan, effects)] == [True, False, False, False]


def test_parts_share_alpha_among_themselves_and_not_with_the_whole() -> None:
    plan = a_product_plan(dimensions=(Dimension(column="country"),))
    effects = [
        better(p_value=0.02, slice=Slice(dimension="country", value=value)) for value in ("AT", "CH", "DE")
    ]
    assert [each.claimed for each in with_part_claims(plan, effects)] == [False, False, False]
    assert [each.claimed for each in with_part_claims(plan, effects[:2])] == [True, True]


def test_order_of_effects_changes_no_claim() -> None:
    effects = [better(p_value=0.024), better("revenue", 0.03), worse("errors", 0.02), worse("load", 0.04)]
    there = with_claims(PLAN, effects)
    back = with_claims(PLAN, effects[::-1])
    assert list(there) == list(back[::-1])
