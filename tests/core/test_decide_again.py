"""Acts without a result, and policies that meet."""

import pytest

from engine.core.decide import decide
from engine.core.decision import Blocker, BlockerKind, DecisionKind, Rule
from engine.core.gate import GateStatus
from engine.core.measure import MissingReason
from engine.core.plan import Policy
from engine.core.proposal import Wait
from engine.core.run import Phase
from engine.core.target import ALL_TO_CONTROL, ALL_TO_TREATMENT, TargetGone, Weights
from engine.core.verdict import VerdictKind
from tests.builders import (
    NOW_S,
    a_gate,
    a_run,
    a_verdict,
    an_experiment,
    missing,
    some_facts,
)
from tests.core.situations import (
    FINISH,
    HARM,
    blind,
    pending,
)


def test_an_act_without_a_result_is_done_before_anything_new():
    act = pending(DecisionKind.SHIFT, Rule.FLOORS_MET, Weights.of(20))
    decision = decide(an_experiment(), a_run(pending=act), some_facts(proposal=FINISH))
    assert (decision.kind, decision.weights, decision.step) == (DecisionKind.SHIFT, Weights.of(20), 1)


def test_a_shift_without_a_result_waits_for_blockers():
    act = pending(DecisionKind.SHIFT, Rule.FLOORS_MET, Weights.of(20))
    facts = some_facts(gate=a_gate(GateStatus.UNKNOWN))
    assert decide(an_experiment(), a_run(pending=act), facts).kind is DecisionKind.HOLD


def test_a_shift_without_a_result_gives_way_to_harm():
    act = pending(DecisionKind.SHIFT, Rule.FLOORS_MET, Weights.of(20))
    assert decide(an_experiment(), a_run(pending=act), some_facts(verdict=HARM)).rule is Rule.HARM


def test_a_promotion_without_a_result_is_repeated_only_while_the_evidence_holds():
    act = pending(DecisionKind.PROMOTE, Rule.EVIDENCE, ALL_TO_TREATMENT)
    shown = a_verdict(kind=VerdictKind.NOT_WORSE)
    kinds = [
        decide(an_experiment(), a_run(pending=act), some_facts(proposal=proposal, verdict=verdict)).kind
        for proposal in (FINISH, Wait(reason="not yet"))
        for verdict in (shown, a_verdict())
    ]
    assert kinds == [DecisionKind.PROMOTE, DecisionKind.HOLD, DecisionKind.HOLD, DecisionKind.HOLD]


def test_a_persons_promotion_without_a_result_is_held_by_a_pause():
    act = pending(DecisionKind.PROMOTE, Rule.PROMOTED, ALL_TO_TREATMENT)
    run = a_run(pending=act, phase=Phase.PAUSED)
    assert decide(an_experiment(), run, some_facts(proposal=FINISH)).kind is DecisionKind.HOLD


@pytest.mark.parametrize(
    ("experiment", "kinds"),
    [
        (
            an_experiment(on_undecided=Policy.HOLD, horizon_s=1000),
            (BlockerKind.NO_DATA,),
        ),
        (
            an_experiment(on_blind=Policy.HOLD),
            (BlockerKind.NO_DATA, BlockerKind.UNTRUSTWORTHY),
        ),
    ],
    ids=["horizon over blind", "blind over distrust"],
)
def test_a_policy_that_holds_hides_none_that_rolls_back(experiment, kinds):
    blockers = tuple(Blocker(kind=kind, detail="x", since_s=NOW_S - 700) for kind in kinds)
    verdict = a_verdict(kind=VerdictKind.UNTRUSTWORTHY) if len(kinds) > 1 else a_verdict()
    facts = some_facts(trouble=missing(MissingReason.SOURCE_DOWN), verdict=verdict)
    assert decide(experiment, a_run(blockers=blockers), facts).kind is DecisionKind.ROLLBACK


def test_unread_windows_are_no_data():
    decision = decide(an_experiment(), a_run(), some_facts(unread=7, proposal=FINISH))
    assert (decision.kind, decision.reason) == (
        DecisionKind.HOLD,
        "Holding at 5 %: catching up: 7 windows are still to be read",
    )


def test_a_rollback_without_a_result_is_tried_until_it_has_one():
    act = pending(DecisionKind.ROLLBACK, Rule.ROLLED_BACK, ALL_TO_CONTROL)
    decision = decide(an_experiment(), a_run(pending=act), some_facts(target=TargetGone(detail="refused")))
    assert (decision.kind, decision.rule) == (DecisionKind.ROLLBACK, Rule.ROLLED_BACK)


def test_a_persons_promotion_without_a_result_is_not_held_up_by_missing_data():
    act = pending(DecisionKind.PROMOTE, Rule.PROMOTED, ALL_TO_TREATMENT)
    decision = decide(an_experiment(), a_run(pending=act), some_facts(verdict=blind()))
    assert decision.rule is Rule.PROMOTED
