"""A run is the fold of its events, and only of events that follow one another."""

import pytest

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
    Observed,
    Verb,
)
from engine.core.evolve import launch, replay
from engine.core.measure import Observation, Window
from engine.core.model import Mode
from engine.core.outcome import ExitCode, exit_code
from engine.core.run import Act, Phase
from engine.core.target import ALL_TO_CONTROL, ALL_TO_TREATMENT, Weights
from tests.builders import a_run

LAUNCHED = Launched(spec={}, name="checkout-v2", target_key="fake/checkout", mode=Mode.ACT)


def event(seq: int, payload: object, at_s: float = 100.0) -> Event:
    return Event(
        run_id="r", seq=seq, at_s=at_s, actor=ENGINE, source="test", reason="", rule=None, payload=payload
    )


def act(kind: DecisionKind, rule: Rule, weights: Weights, number: int = 1, step: int | None = None) -> Act:
    return Act(number=number, kind=kind, rule=rule, weights=weights, step=step, found=None, version="")


def told(*payloads: object) -> list[Event]:
    return [event(seq, payload) for seq, payload in enumerate((LAUNCHED, *payloads), start=1)]


def test_a_launch_begins_a_running_run_with_all_traffic_on_control():
    run = launch("r", event(1, LAUNCHED), LAUNCHED)
    assert (run.phase, run.weights, run.step, run.seq) == (Phase.RUNNING, ALL_TO_CONTROL, -1, 1)


def test_a_shift_counts_only_once_its_result_is_in():
    shift = act(DecisionKind.SHIFT, Rule.FLOORS_MET, Weights.of(5), step=0)
    before = replay(told(Intended(act=shift)))
    after = replay(
        told(Intended(act=shift), Applied(act_number=1, ok=True, weights=Weights.of(5), detail=""))
    )
    assert (before.weights, before.pending, before.step) == (ALL_TO_CONTROL, shift, -1)
    assert (after.weights, after.pending, after.step, after.phase) == (Weights.of(5), None, 0, Phase.RUNNING)


def test_where_the_weights_came_from_is_remembered_unless_it_was_the_rung_below():
    def climbed(*steps):
        done = []
        for number, step in enumerate(steps, start=1):
            shift = act(DecisionKind.SHIFT, Rule.FLOORS_MET, Weights.of(5), number=number, step=step)
            done += [Intended(act=shift), Applied(act_number=number, ok=True, weights=None, detail="")]
        return replay(told(*done)).step_before

    assert [climbed(0), climbed(0, 1), climbed(0, 0), climbed(0, 2)] == [None, None, 0, 0]


def test_a_failed_act_stays_pending():
    shift = act(DecisionKind.SHIFT, Rule.FLOORS_MET, Weights.of(5), step=0)
    run = replay(told(Intended(act=shift), Applied(act_number=1, ok=False, weights=None, detail="refused")))
    assert (run.pending, run.reason) == (shift, "refused")


@pytest.mark.parametrize(
    ("kind", "rule", "phase", "code"),
    [
        (DecisionKind.PROMOTE, Rule.EVIDENCE, Phase.PROMOTED, ExitCode.OK),
        (DecisionKind.ROLLBACK, Rule.HARM, Phase.ROLLED_BACK, ExitCode.ROLLED_BACK),
        (DecisionKind.ROLLBACK, Rule.BLIND_TOO_LONG, Phase.ROLLED_BACK, ExitCode.NOT_TRUSTED),
        (DecisionKind.ROLLBACK, Rule.UNTRUSTWORTHY_TOO_LONG, Phase.ROLLED_BACK, ExitCode.NOT_TRUSTED),
        (DecisionKind.ROLLBACK, Rule.HORIZON, Phase.EXPIRED, ExitCode.UNDECIDED),
        (DecisionKind.STOP, Rule.GATE_CLOSED, Phase.STOPPED, ExitCode.STOPPED),
    ],
)
def test_each_end_has_its_phase_and_exit_code(kind, rule, phase, code):
    weights = ALL_TO_TREATMENT if kind is DecisionKind.PROMOTE else ALL_TO_CONTROL
    run = replay(
        told(
            Intended(act=act(kind, rule, weights)),
            Applied(act_number=1, ok=True, weights=weights, detail=""),
        )
    )
    assert (run.phase, run.ended_by, run.ended_s, exit_code(run)) == (phase, rule, 100.0, code)
    assert run.phase.ended


def test_a_failed_run_is_an_error_and_a_running_one_is_undecided():
    assert exit_code(a_run(phase=Phase.FAILED)) is ExitCode.ERROR
    assert exit_code(a_run()) is ExitCode.UNDECIDED


def test_windows_and_decisions_are_remembered():
    window = Window(index=0, start_s=0.0, end_s=1.0)
    blocker = Blocker(kind=BlockerKind.WARM_UP, detail="x", since_s=1.0)
    decision = Decision(kind=DecisionKind.HOLD, rule=Rule.BLOCKED, reason="why", blockers=(blocker,))
    run = replay(
        told(
            Observed(observations=(Observation(window=window, readings={}),) * 3), Decided(decision=decision)
        )
    )
    assert (run.windows_done, run.reason, run.blockers) == (3, "why", (blocker,))


def test_when_control_recovered_is_remembered():
    ill = Blocker(kind=BlockerKind.CONTROL_UNHEALTHY, detail="x", since_s=1.0)
    hold = Decision(kind=DecisionKind.HOLD, rule=Rule.BLOCKED, reason="why", blockers=(ill,))
    well = Decision(kind=DecisionKind.HOLD, rule=Rule.NOT_YET, reason="why")
    assert replay(told(Decided(decision=hold))).control_well_since_s == 0.0
    assert replay(told(Decided(decision=hold), Decided(decision=well))).control_well_since_s == 100.0


@pytest.mark.parametrize(
    ("verb", "step", "field", "value"),
    [
        (Verb.PAUSE, None, "phase", Phase.PAUSED),
        (Verb.RESUME, None, "phase", Phase.RUNNING),
        (Verb.APPROVE, 2, "approved", (2,)),
        (Verb.APPROVE, None, "approved", (-1,)),
        (Verb.STOP, None, "phase", Phase.RUNNING),
    ],
)
def test_commands_change_the_run(verb, step, field, value):
    assert getattr(replay(told(Commanded(command_id=1, verb=verb, step=step))), field) == value


def test_a_refused_command_changes_nothing():
    run = replay(told(Commanded(command_id=1, verb=Verb.PAUSE, step=None, refused="no")))
    assert run.phase is Phase.RUNNING


@pytest.mark.parametrize(
    "events",
    [
        [],
        [event(1, Decided(decision=Decision(kind=DecisionKind.HOLD, rule=Rule.NOT_YET, reason="x")))],
        [event(1, LAUNCHED), event(3, LAUNCHED)],
        [event(1, LAUNCHED), event(2, LAUNCHED)],
        [event(1, LAUNCHED), event(2, Applied(act_number=1, ok=True, weights=None, detail=""))],
    ],
    ids=["nothing", "no launch", "gap", "two launches", "result without act"],
)
def test_a_log_that_cannot_be_is_refused(events):
    with pytest.raises(ValueError, match=r"."):
        replay(events)


def test_time_in_the_log_never_runs_backwards():
    late = event(2, Commanded(command_id=1, verb=Verb.PAUSE, step=None), at_s=50.0)
    assert replay([event(1, LAUNCHED), late]).last_event_s == 100.0


def test_an_actor_is_named_with_its_host():
    assert [str(Actor(user="ada", host="desk")), str(ENGINE)] == ["ada@desk", "engine"]
