"""What people ask of a run, and the answers they get."""

import pytest

from engine.core.decision import Blocker, BlockerKind, Decision, DecisionKind, Rule
from engine.core.events import Verb
from engine.core.gate import GateStatus
from engine.core.model import MetricKind
from engine.core.run import Act, Phase
from engine.core.target import ALL_TO_CONTROL
from engine.journal import Journal
from engine.orders import answer, gravest, is_urgent, take_effect
from engine.progress import progress_of
from tests.builders import (
    NOW_S,
    a_finding,
    a_gate,
    a_metric,
    a_run,
    a_verdict,
    an_experiment,
    an_order,
    some_facts,
)

AWAITING = Blocker(kind=BlockerKind.AWAITING_APPROVAL, detail="step 1 needs approval", since_s=NOW_S)


def journal(**run):
    return Journal(a_run(**run), now_s=NOW_S, place="test")


def test_stop_is_graver_than_rollback_and_rollback_than_promote():
    orders = [an_order(verb, id=number) for number, verb in enumerate(Verb)]
    picked = []
    while (order := gravest(orders)) is not None:
        picked.append(order.verb)
        orders.remove(order)
    assert picked == [Verb.STOP, Verb.ROLLBACK, Verb.PROMOTE]


@pytest.mark.parametrize(
    ("status", "verb", "urgent"),
    [
        (GateStatus.CLOSED, Verb.PAUSE, True),
        (GateStatus.OPEN, Verb.STOP, True),
        (GateStatus.OPEN, Verb.ROLLBACK, True),
        (GateStatus.OPEN, Verb.PROMOTE, False),
        (GateStatus.UNKNOWN, Verb.PAUSE, False),
    ],
)
def test_taking_traffic_away_waits_for_no_data(status, verb, urgent):
    assert is_urgent(a_run(), a_gate(status), [an_order(verb)]) is urgent


def test_a_rollback_that_has_no_result_yet_waits_for_no_data():
    act = Act(
        number=1,
        kind=DecisionKind.ROLLBACK,
        rule=Rule.HARM,
        weights=ALL_TO_CONTROL,
        step=None,
        found=None,
        version="",
    )
    assert is_urgent(a_run(pending=act), a_gate(GateStatus.OPEN), [])


@pytest.mark.parametrize(
    ("verb", "run", "refused"),
    [
        (Verb.PAUSE, {}, ""),
        (Verb.PAUSE, {"phase": Phase.PAUSED}, "already paused"),
        (Verb.RESUME, {}, "not paused"),
        (Verb.RESUME, {"phase": Phase.PAUSED}, ""),
        (Verb.APPROVE, {}, "nothing awaits approval now"),
        (Verb.APPROVE, {"blockers": (AWAITING,)}, ""),
    ],
)
def test_what_changes_the_run_takes_effect_at_once_or_says_why_not(verb, run, refused):
    log = journal(**run)
    take_effect(log, [an_order(verb), an_order(Verb.STOP)])
    assert [event.payload.refused for event in log.events] == [refused]
    assert str(log.events[0].actor) == "ada@desk"


@pytest.mark.parametrize(
    ("rule", "refused"), [(Rule.PROMOTED, ""), (Rule.HARM, "worse"), (Rule.NOT_YET, "worse")]
)
def test_an_order_is_closed_with_what_became_of_it(rule, refused):
    log = journal()
    decision = Decision(kind=DecisionKind.HOLD, rule=rule, reason="worse")
    answer(log, an_experiment(), some_facts(order=an_order(Verb.PROMOTE)), decision)
    assert [event.payload.refused for event in log.events] == [refused]


def test_without_an_order_there_is_no_answer():
    log = journal()
    answer(
        log, an_experiment(), some_facts(), Decision(kind=DecisionKind.HOLD, rule=Rule.NOT_YET, reason="x")
    )
    assert log.events == []


SEEN = a_run(windows_done=60)
"""Launched 1,000 s ago and at its step for 500 s: with windows of 15 s the step was seen from the 35th on."""


def test_progress_counts_the_fewest_trials_of_any_deciding_metric():
    few = a_finding(
        metric="few", treatment=a_finding().treatment.__class__(bad=0, total=9, step_bad=0, step_total=9)
    )
    shown = a_finding(metric="shown", weight=0.0, inside_margin_at_step=None)
    both = an_experiment(metrics=(a_metric(), a_metric(name="few")))
    progress = progress_of(both, SEEN, a_verdict(findings=(a_finding(), few, shown)), NOW_S)
    assert (progress.step_trials, progress.inside_margin_at_step) == ((500, 9), True)


def test_where_nothing_counts_trials_no_floor_is_missed():
    gauge = a_finding(kind=MetricKind.GAUGE)
    progress = progress_of(an_experiment(), SEEN, a_verdict(findings=(gauge,)), NOW_S)
    assert min(progress.step_trials) >= 10**12


def test_counts_of_the_step_before_are_no_progress():
    progress = progress_of(an_experiment(), a_run(windows_done=2), a_verdict(), NOW_S)
    assert (progress.step_trials, progress.inside_margin_at_step) == ((0, 0), False)


def test_progress_without_findings_shows_nothing():
    progress = progress_of(an_experiment(), SEEN, a_verdict(findings=()), NOW_S)
    assert (progress.step_trials, progress.inside_margin_at_step, progress.not_worse) == (
        (0, 0),
        False,
        False,
    )
