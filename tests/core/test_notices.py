"""What is told, when, how often and in which words."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core import wording
from engine.core.decision import Blocker, BlockerKind, Decision, DecisionKind, Rule
from engine.core.events import (
    ENGINE,
    Actor,
    Applied,
    Commanded,
    Decided,
    Event,
    Intended,
    Launched,
    Payload,
    Verb,
)
from engine.core.evolve import evolve, launch
from engine.core.model import Experiment, Mode, NoticeKind
from engine.core.news import RETELL_AFTER_S
from engine.core.notice import Notice, notices, to_plain
from engine.core.plan import Plan, Step
from engine.core.run import Act, Phase, Run
from engine.core.target import Weights
from tests.builders import NOW_S, a_run, an_experiment

ADA = Actor(user="ada", host="desk")
HARM = "Roll back: v2 is worse. errors: 4 % bad against 1 %."


def told(
    *payloads: Payload, run: Run | None = None, experiment: Experiment | None = None, every_s: float = 15.0
) -> tuple[Notice, ...]:
    """What is told of these events, each its own transaction."""
    now, found = run or a_run(), []
    for number, payload in enumerate(payloads):
        event = an_event(payload, now, NOW_S + number * every_s)
        found += notices(experiment or an_experiment(), now, [event])
        now = evolve(now, event)
    return tuple(found)


def an_event(payload: Payload, run: Run, at_s: float = NOW_S, **changes: Any) -> Event:
    rule, reason = None, ""
    match payload:
        case Decided(decision=decision):
            rule, reason = decision.rule, decision.reason
        case Intended(act=act):
            rule, reason = act.rule, HARM
        case Applied():
            rule = run.pending.rule if run.pending else None
        case Commanded():
            reason = "lunch"
    event = Event(
        run_id=run.id,
        seq=run.seq + 1,
        at_s=at_s,
        actor=ADA if isinstance(payload, Commanded) else ENGINE,
        source="test",
        reason=reason,
        rule=rule,
        payload=payload,
    )
    return replace(event, **changes)


def hold(*kinds: BlockerKind, rule: Rule = Rule.BLOCKED, reason: str = "", since_s: float = NOW_S) -> Decided:
    blockers = tuple(Blocker(kind=kind, detail=f"{kind.value} it is", since_s=since_s) for kind in kinds)
    return Decided(decision=Decision(kind=DecisionKind.HOLD, rule=rule, reason=reason, blockers=blockers))


def decided(kind: DecisionKind, rule: Rule, weights: Weights, actor: str = "engine") -> Decided:
    return Decided(decision=Decision(kind=kind, rule=rule, reason=HARM, weights=weights, actor=actor))


def intended(kind: DecisionKind, rule: Rule, weights: Weights) -> Intended:
    act = Act(number=1, kind=kind, rule=rule, weights=weights, step=None, found=None, version="")
    return Intended(act=act)


def done(ok: bool = True, detail: str = "") -> Applied:
    return Applied(act_number=1, ok=ok, weights=None, detail=detail)


def act(kind: DecisionKind, rule: Rule, weights: Weights, *results: Applied) -> Sequence[Payload]:
    return decided(kind, rule, weights), intended(kind, rule, weights), *(results or (done(),))


def test_a_launch_is_told_with_who_and_what():
    payload = Launched(spec={}, name="checkout-v2", target_key="fake/checkout", mode=Mode.ACT)
    event = Event(
        run_id="r1", seq=1, at_s=NOW_S, actor=ADA, source="cli", reason="", rule=None, payload=payload
    )
    [notice] = notices(an_experiment(), None, [event])
    assert (notice.id, notice.kind, notice.actor) == ("r1/1/launched", NoticeKind.LAUNCHED, "ada@desk")
    assert notice.title == "checkout-v2: launched"
    assert notice.sentence == (
        "v2 against v1 on fake/checkout, canary (5 %, 20 %, 50 %), launched by ada@desk."
    )
    assert launch("r1", event, payload).told == ()
    steps = tuple(Step(weight_pct=pct, hold_s=60, floor=1, shares=(pct,)) for pct in (5, 50))
    plan = Plan(strategy="ab", steps=steps, canary_steps=1)
    [notice] = notices(an_experiment(plan=plan), None, [event])
    assert "on fake/checkout, ab (canary at 5 %, test at 50/50), launched" in notice.sentence


@pytest.mark.parametrize(
    ("kind", "rule", "weights", "notice", "title"),
    [
        (
            DecisionKind.ROLLBACK,
            Rule.HARM,
            Weights.of(0),
            NoticeKind.ROLLBACK,
            "rolled back, v1 has all traffic",
        ),
        (
            DecisionKind.STOP,
            Rule.GATE_CLOSED,
            Weights.of(0),
            NoticeKind.STOPPED,
            "stopped, v1 has all traffic",
        ),
        (
            DecisionKind.PROMOTE,
            Rule.EVIDENCE,
            Weights.of(100),
            NoticeKind.PROMOTED,
            "promoted, v2 has all traffic",
        ),
        (
            DecisionKind.PROMOTE,
            Rule.SETTLED,
            Weights.of(100),
            NoticeKind.PROMOTED,
            "promoted and settled, v2 has all traffic",
        ),
        (
            DecisionKind.PROMOTE,
            Rule.EVIDENCE,
            Weights.of(0, 100),
            NoticeKind.PROMOTED,
            "promoted, v3 has all traffic",
        ),
        (
            DecisionKind.SHIFT,
            Rule.ARM_HARMFUL,
            Weights.of(0, 25),
            NoticeKind.ROLLBACK,
            "rid of v2, traffic is 75/0/25",
        ),
    ],
)
def test_an_end_is_told_once_it_is_done_with_its_reason(kind, rule, weights, notice, title):
    experiment = an_experiment(more_treatments=("v3",))
    run = a_run(weights=Weights.of(25, 25))
    before = told(*act(kind, rule, weights)[:2], run=run, experiment=experiment)
    assert before == ()
    [found] = told(*act(kind, rule, weights), run=run, experiment=experiment)
    assert (found.kind, found.title, found.sentence) == (notice, f"checkout-v2: {title}", HARM)
    assert (found.rule, found.weights, found.seq) == (rule, weights, run.seq + 3)


def test_a_step_of_the_ramp_is_no_news():
    assert told(*act(DecisionKind.SHIFT, Rule.FLOORS_MET, Weights.of(20))) == ()


def test_a_rollback_that_cannot_be_done_is_told_at_once_and_only_once_and_then_its_success():
    failed = done(ok=False, detail="connection refused")
    found = told(
        *act(
            DecisionKind.ROLLBACK,
            Rule.HARM,
            Weights.of(0),
            failed,
            failed,
            replace(failed, detail="x"),
            done(),
        )
    )
    assert [(each.kind, each.title) for each in found] == [
        (NoticeKind.ROLLBACK, "checkout-v2: rollback not done"),
        (NoticeKind.ROLLBACK, "checkout-v2: rolled back, v1 has all traffic"),
    ]
    assert found[0].sentence == (
        "The rollback was decided but could not be done: connection refused; it is tried at every tick. "
        f"It was decided because: {HARM}"
    )
    assert found[1].sentence == HARM
    assert len({each.id for each in found}) == 2


@pytest.mark.parametrize(
    ("kind", "notice"),
    [
        (DecisionKind.STOP, NoticeKind.STOPPED),
        (DecisionKind.PROMOTE, NoticeKind.BLOCKED),
        (DecisionKind.SHIFT, NoticeKind.BLOCKED),
    ],
)
def test_only_what_takes_traffic_away_is_told_as_such_when_it_cannot_be_done(kind, notice):
    rule, failed = Rule.EVIDENCE, done(ok=False, detail="no")
    [found] = told(*act(kind, rule, Weights.of(100 if kind is DecisionKind.PROMOTE else 0), failed))
    assert found.kind is notice


def test_in_observe_mode_it_is_told_what_would_be():
    run = a_run(mode=Mode.OBSERVE)
    [found] = told(*act(DecisionKind.ROLLBACK, Rule.HARM, Weights.of(0)), run=run)
    assert found.title == "checkout-v2: would be rolled back (observe mode)"
    assert found.sentence == f"Would (observe mode): {HARM}"


def test_a_persons_act_has_the_persons_name():
    person = decided(DecisionKind.STOP, Rule.STOPPED, Weights.of(0), actor="ada@desk")
    [found] = told(person, intended(DecisionKind.STOP, Rule.STOPPED, Weights.of(0)), done())
    assert found.actor == "ada@desk"


def test_trouble_is_told_when_it_begins_all_of_it_in_one_notice():
    [found] = told(hold(BlockerKind.NO_DATA, BlockerKind.FOREIGN_WRITER))
    assert (found.kind, found.title) == (NoticeKind.BLOCKED, "checkout-v2: blocked at 5 %")
    assert found.sentence == "Traffic stays at 95/5: no_data it is; foreign_writer it is."


def test_trouble_that_comes_and_goes_wakes_nobody_twice_a_day():
    flapping = [hold(BlockerKind.NO_DATA), hold(rule=Rule.NOT_YET)] * 100
    assert len(told(*flapping, every_s=60.0)) == 1
    assert len(told(*flapping, every_s=RETELL_AFTER_S / 100)) == 2


def test_other_trouble_is_told_beside_the_one_that_goes_on():
    found = told(hold(BlockerKind.NO_DATA), hold(BlockerKind.NO_DATA, BlockerKind.GATE_UNKNOWN))
    assert [each.sentence.partition(": ")[2] for each in found] == ["no_data it is.", "gate_unknown it is."]


@pytest.mark.parametrize(
    "kind", [BlockerKind.WARM_UP, BlockerKind.OUTSIDE_RELEASE_WINDOW, BlockerKind.PAUSED]
)
def test_what_was_planned_is_no_trouble(kind):
    assert told(hold(kind)) == ()


def test_the_first_window_is_no_trouble():
    first = Blocker(kind=BlockerKind.NO_DATA, detail=wording.no_window_yet(), since_s=NOW_S)
    decision = Decision(kind=DecisionKind.HOLD, rule=Rule.BLOCKED, reason="", blockers=(first,))
    assert told(Decided(decision=decision)) == ()


def test_blockers_of_a_decision_that_takes_traffic_away_are_no_news():
    blocker = Blocker(kind=BlockerKind.NO_DATA, detail="gone", since_s=NOW_S)
    away = decided(DecisionKind.ROLLBACK, Rule.HARM, Weights.of(0)).decision
    assert told(Decided(decision=replace(away, blockers=(blocker,)))) == ()


def test_every_step_that_needs_approval_asks_once():
    run = a_run(step=0)
    asked = hold(BlockerKind.AWAITING_APPROVAL)
    found = told(asked, hold(rule=Rule.NOT_YET), asked, run=run)
    assert [(each.kind, each.title) for each in found] == [
        (NoticeKind.NEEDS_APPROVAL, "checkout-v2: needs a person")
    ]
    next_step = told(asked, run=replace(run, step=1, told=(), seq=9))
    assert len(next_step) == 1


@pytest.mark.parametrize("rule", [Rule.HORIZON, Rule.BLIND_TOO_LONG, Rule.UNTRUSTWORTHY_TOO_LONG])
def test_a_hold_past_its_time_asks_a_person_and_says_what_to_type(rule):
    overdue = hold(rule=rule, reason="Not decided within 24 h. A person must promote or roll back.")
    [found] = told(overdue, overdue)
    assert found.kind is NoticeKind.NEEDS_APPROVAL
    assert found.sentence == (
        "Not decided within 24 h. A person must promote or roll back. "
        "`rampwise promote checkout-v2-1 --reason TEXT` or `rampwise rollback checkout-v2-1 --reason TEXT`"
    )


def test_a_pause_is_told_each_time_with_the_persons_reason():
    pause = Commanded(command_id=1, verb=Verb.PAUSE, step=0)
    resume = Commanded(command_id=2, verb=Verb.RESUME, step=0)
    found = told(pause, resume, pause, replace(pause, refused="already paused"))
    assert [each.title for each in found] == ["checkout-v2: paused at 5 %"] * 2
    assert found[0].sentence == (
        "Paused by ada@desk: lunch. Traffic stays at 95/5, and harm still rolls back; "
        "`rampwise resume checkout-v2-1 --reason TEXT` goes on."
    )
    assert (found[0].actor, found[0].phase) == ("ada@desk", Phase.PAUSED)


def test_events_of_one_transaction_are_told_as_if_they_had_been_many():
    payloads = [
        hold(BlockerKind.NO_DATA),
        *act(DecisionKind.ROLLBACK, Rule.HARM, Weights.of(0), done(ok=False, detail="no"), done()),
    ]
    run, events = a_run(), []
    for payload in payloads:
        events.append(an_event(payload, run))
        run = evolve(run, events[-1])
    assert notices(an_experiment(), a_run(), events) == told(*payloads, every_s=0)


def test_the_plain_form_has_weights_by_variant():
    [found] = told(*act(DecisionKind.ROLLBACK, Rule.HARM, Weights.of(0)))
    plain = to_plain(found)
    assert (plain["id"], plain["schema"]) == (found.id, "rampwise.dev/notice/v1")
    assert (plain["weights_pct"], plain["rule"]) == ({"v1": 100, "v2": 0}, "harm")


payloads = st.one_of(
    st.builds(hold, st.sampled_from(BlockerKind), rule=st.sampled_from(Rule), reason=st.text(max_size=9)),
    st.builds(lambda reason: Commanded(command_id=1, verb=Verb.PAUSE, step=None), st.text(max_size=9)),
)


@given(st.lists(payloads, max_size=12), st.floats(0, 1e5))
def test_whatever_happens_every_notice_is_one_line_and_has_its_own_id(happened, every_s):
    found = told(*happened, every_s=every_s)
    assert len({each.id for each in found}) == len(found)
    for each in found:
        assert "\n" not in each.title + each.sentence
        assert each.title.startswith("checkout-v2: ")
        assert each.sentence


def test_a_log_that_begins_in_the_middle_is_refused():
    event = an_event(Commanded(command_id=1, verb=Verb.PAUSE, step=0), a_run())
    with pytest.raises(ValueError, match="does not launch it"):
        notices(an_experiment(), None, [event])
