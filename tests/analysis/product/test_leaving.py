"""A treatment that the engine took out, while the others go on."""

from dataclasses import replace

import pytest

from analysis.product.analyse import analyse
from analysis.product.result import Analysis, FaultKind, Outcome, ProductRule
from analysis.product.totals import ALL, Slice, Totals
from analysis.report.product.health import checks, split_rows
from engine.core.model import Bound, Role
from engine.core.product import Correction, Dimension, Share
from tests.analysis.product.values import (
    DAY_S,
    START_S,
    a_product_metric,
    converted,
    counted,
    per_day,
    three_variants,
    totals,
)

NOW_S = START_S + 10.5 * DAY_S
VARIANTS = ("control", "long", "short")
SHARES = tuple(
    Share(variant=name, share=share) for name, share in zip(VARIANTS, (0.5, 0.25, 0.25), strict=True)
)
METRICS = (
    a_product_metric(),
    a_product_metric(name="errors", role=Role.GUARDRAIL, higher_is_better=False, margin=Bound(relative=0.5)),
)
PLAN = replace(
    three_variants(metrics=METRICS, dimensions=(Dimension(column="browser"),), mde=0.1), shares=SHARES
)
SAFARI = Slice(dimension="browser", value="safari")
UNITS = {"control": 20_000, "long": 3_000, "short": 10_000}
"""50/25/25 until `long` was taken out after three days; then the others went on."""
DAYS = per_day(*[(2_000, 1_000, 1_000)] * 3, *[(2_000, 0, 1_000)] * 7, variants=VARIANTS)
OUT = frozenset({"long"})


def a_look(bought: dict[str, int], errors: dict[str, int], early: dict[str, int] | None = None) -> Totals:
    moments = {
        (variant, part, name): converted(UNITS[variant], events)
        for part in (ALL, SAFARI)
        for name, each in (("bought", bought), ("errors", errors))
        for variant, events in each.items()
    }
    found = counted(days=DAYS, last_s=NOW_S, early_units=early or {})
    made = totals(UNITS, moments=moments, counted=found)
    return replace(made, units={**made.units, **{(name, SAFARI): count for name, count in UNITS.items()}})


SHORT_WINS = a_look(
    {"control": 2_000, "long": 900, "short": 1_400}, {"control": 400, "long": 200, "short": 200}
)
"""`long` sold even better while it was there, and was taken out for its errors."""


def look(left: frozenset[str] = OUT, data: Totals = SHORT_WINS) -> Analysis:
    return analyse(PLAN, data, NOW_S, left)


def test_unless_it_is_known_that_one_left_the_split_is_not_as_planned() -> None:
    found = look(frozenset())
    assert found.answer.rule is ProductRule.FAULT
    assert {FaultKind.SPLIT, FaultKind.MISSING_DAY} <= {each.kind for each in found.faults if each.grave}


def test_the_winner_of_the_rest_is_shipped() -> None:
    found = look()
    assert [each for each in found.faults if each.grave] == []
    assert (found.answer.outcome, found.answer.variant) == (Outcome.SHIP, "short")
    assert found.left == ("long",)


def test_the_split_of_the_rest_is_checked_in_all_and_in_parts() -> None:
    whole, part = look().splits
    assert (whole.slice, part.slice) == (ALL, SAFARI)
    assert whole.planned == part.planned == {"control": pytest.approx(2 / 3), "short": pytest.approx(1 / 3)}
    off = replace(SHORT_WINS, units={**SHORT_WINS.units, ("short", ALL): 9_000})
    assert FaultKind.SPLIT in {each.kind for each in look(data=off).faults if each.grave}


def test_what_left_is_shown_and_claims_nothing() -> None:
    found = look()
    mine = [each for each in (*found.effects, *found.parts) if each.variant == "long"]
    assert len(mine) == 4
    assert not any(each.claimed for each in mine)
    assert all(each.difference is not None and each.p_value is not None for each in mine)
    assert {each.variant for each in (*found.bayes, *found.impacts)} == {"short"}


@pytest.mark.parametrize("correction", list(Correction))
def test_what_left_makes_it_no_easier_for_the_rest(correction: Correction) -> None:
    """The others are judged among as many questions as before."""
    plan = replace(PLAN, correction=correction)
    found = analyse(plan, SHORT_WINS, NOW_S, OUT)
    silent = {key: each for key, each in SHORT_WINS.moments.items() if key[0] != "long"}
    without = analyse(plan, replace(SHORT_WINS, moments=silent), NOW_S, OUT)

    def claims(said: Analysis) -> list[bool]:
        return [each.claimed for each in said.effects if each.variant == "short"]

    assert claims(found) == claims(without)


def test_units_with_early_events_are_held_against_the_shares_of_the_rest() -> None:
    early = {"control": 2_000, "long": 0, "short": 1_000}
    data = replace(SHORT_WINS, counted=replace(SHORT_WINS.counted, early_units=early))
    assert FaultKind.EARLY_UNEVEN not in {each.kind for each in look(data=data).faults}
    assert FaultKind.EARLY_UNEVEN in {each.kind for each in look(frozenset(), data).faults}


def test_where_all_are_named_there_is_nothing_that_remained() -> None:
    every = look(frozenset({"long", "short"}))
    assert every.left == ()
    assert every == look(frozenset())


def test_a_name_that_the_plan_does_not_know_changes_nothing() -> None:
    assert look(frozenset({"other"})) == look(frozenset())


def test_the_report_says_who_was_taken_out() -> None:
    split = next(each for each in checks(look()) if each.title == "Split")
    assert split.word == "fine"
    assert split.told[-1] == (
        "Taken out of the release before: long. The split is of the others, and nothing is decided by it."
    )
    assert split_rows(look())[0].counts == ("20,000 (66.7 %)", "taken out", "10,000 (33.3 %)")
    assert not any("Taken out" in text for each in checks(look(frozenset())) for text in each.told)
