"""What an answer means for the release: promote, roll back, stop, leave alone, or refuse; and never twice."""

from dataclasses import replace

import pytest

from analysis.product.result import Analysis, Answer, Fault, FaultKind, Outcome, ProductRule
from engine.core.events import Verb
from engine.core.model import Mode
from engine.core.plan import Plan, Step
from engine.core.run import Phase, Run
from engine.core.target import ALL_TO_CONTROL, Weights
from engine.product.concluding import Impossible, NothingToDo, NotYet, Order, conclusion
from engine.product.releasing import Release
from tests.analysis.report.product.samples import do_not_trust, keep_control, keep_running, no_data, ship

PLAN = Plan(
    strategy="ab",
    steps=(
        Step(weight_pct=5, hold_s=60, floor=1, shares=(5,)),
        Step(weight_pct=50, hold_s=60, floor=1, shares=(50,)),
    ),
    needs_better=True,
    canary_steps=1,
    product_decides=True,
)
HALF = Weights.of(50)
UNDECIDED = replace(
    keep_control(), answer=Answer(outcome=Outcome.KEEP_CONTROL, rule=ProductRule.ENDED_UNDECIDED)
)
NOBODY_AT_THE_END = replace(no_data(), answer=Answer(outcome=Outcome.KEEP_CONTROL, rule=ProductRule.NO_DATA))


def release(phase: Phase = Phase.RUNNING, weights: Weights = HALF, step: int = 1) -> Release:
    run = Run(
        id="run-1",
        name="x",
        target_key="t/x",
        mode=Mode.ACT,
        phase=phase,
        weights=weights,
        step=step,
        ended_s=10.0 if phase.ended else None,
    )
    return Release(run=run, plan=PLAN, control="control", treatments=("short",), named=("v2",))


def shipped_by_evidence_alone() -> Analysis:
    """Somebody made an answer and a grave fault that do not fit."""
    return replace(ship(), faults=(Fault(kind=FaultKind.CROSSED, grave=True),))


def test_ship_promotes_with_the_answer_as_reason() -> None:
    found = conclusion(ship(), release())
    assert found == Order(
        verb=Verb.PROMOTE,
        treatment="",
        variant="short",
        reason=(
            "the product experiment says, as of 2026-03-12 03:00:00 UTC: Ship short: purchase is better."
        ),
    )


@pytest.mark.parametrize(("analysis", "verb"), [(keep_control(), Verb.ROLLBACK), (UNDECIDED, Verb.STOP)])
def test_keep_control_rolls_back_what_is_worse_and_stops_what_nothing_was_shown_of(
    analysis: Analysis, verb: Verb
) -> None:
    for step in (0, 1):
        found = conclusion(analysis, release(step=step))
        assert isinstance(found, Order)
        assert (found.verb, found.treatment, found.variant) == (verb, "", "control")


@pytest.mark.parametrize(
    "analysis",
    [keep_running(), do_not_trust(), no_data(), NOBODY_AT_THE_END, shipped_by_evidence_alone()],
)
@pytest.mark.parametrize("phase", [Phase.RUNNING, Phase.PROMOTED])
def test_without_an_answer_to_trust_nothing_is_done(analysis: Analysis, phase: Phase) -> None:
    found = conclusion(analysis, release(phase))
    assert isinstance(found, NothingToDo)
    assert ("goes on at 50 %" in found.text) == (phase is Phase.RUNNING)


def test_a_strategy_that_promotes_by_its_own_rules_is_left_to_them() -> None:
    itself = replace(release(), plan=replace(PLAN, strategy="canary", product_decides=False))
    found = conclusion(ship(), itself)
    assert isinstance(found, NotYet)
    assert "run-1 goes on at 50 %: the strategy canary promotes by its own rules" in found.text
    assert isinstance(conclusion(keep_control(), itself), Order)


@pytest.mark.parametrize("analysis", [ship(), keep_control()])
@pytest.mark.parametrize(("phase", "weights"), [(Phase.RUNNING, HALF), (Phase.PROMOTED, Weights.all_to(0))])
def test_a_run_that_only_watches_is_told_what_would_be(
    analysis: Analysis, phase: Phase, weights: Weights
) -> None:
    watching = release(phase, weights)
    found = conclusion(analysis, replace(watching, run=replace(watching.run, mode=Mode.OBSERVE)))
    assert isinstance(found, NothingToDo)
    assert found.text.startswith("run-1: would ")
    assert found.text.endswith("Nothing was changed. This run only watches.")


def test_a_winner_that_was_taken_out_cannot_be_promoted_any_more() -> None:
    several = replace(release(weights=Weights.of(25, 0)), treatments=("long", "short"), named=("v2", "v3"))
    found = conclusion(ship(), several)
    assert isinstance(found, Impossible)
    assert "run-1 took short out of its test" in found.text
    unbegun = replace(several, run=replace(several.run, weights=ALL_TO_CONTROL, step=-1))
    assert isinstance(conclusion(ship(), unbegun), Order)


def test_an_end_that_is_as_the_answer_says_needs_nothing() -> None:
    promoted = release(Phase.PROMOTED, Weights.all_to(0))
    stopped = release(Phase.STOPPED, ALL_TO_CONTROL)
    assert conclusion(ship(), promoted) == NothingToDo(
        text="run-1: already promoted, short has all traffic; there is nothing to do."
    )
    for analysis in (keep_control(), UNDECIDED):
        assert isinstance(conclusion(analysis, stopped), NothingToDo)


def test_another_end_cannot_be_undone_by_an_answer() -> None:
    for analysis, ended in (
        (ship(), release(Phase.ROLLED_BACK, ALL_TO_CONTROL)),
        (keep_control(), release(Phase.PROMOTED, Weights.all_to(0))),
        (ship(), release(Phase.STOPPED, Weights.of(50))),
    ):
        found = conclusion(analysis, ended)
        assert isinstance(found, Impossible)
        assert "run-1 has ended" in found.text


def test_of_several_treatments_the_winner_is_named_as_the_run_calls_it() -> None:
    several = replace(release(weights=Weights.of(25, 25)), treatments=("long", "short"), named=("v2", "v3"))
    found = conclusion(ship(), several)
    assert isinstance(found, Order)
    assert (found.treatment, found.variant) == ("v3", "short")
    of_another = replace(several, run=replace(several.run, phase=Phase.PROMOTED, weights=Weights.all_to(0)))
    assert isinstance(conclusion(ship(), of_another), Impossible)
