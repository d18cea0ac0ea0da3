"""Whole releases through the tick: good ones are promoted, bad ones rolled back, trouble holds."""

import contextlib
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.evaluate import Evidence
from analysis.sources.fake import FakeOptions, FakeSource
from engine.core.decision import BlockerKind, DecisionKind, Rule
from engine.core.events import Actor, Applied, Commanded, Decided, Freeze, Intended, Observed, Verb
from engine.core.evolve import replay
from engine.core.gate import GateStatus
from engine.core.measure import Missing, MissingReason
from engine.core.model import Arm, Bound, MetricKind, Mode
from engine.core.plan import Plan, Policy, Step
from engine.core.run import Phase
from engine.core.target import ALL_TO_CONTROL, ALL_TO_TREATMENT, Health, Weights
from engine.errors import LeaseLost, StoreError
from engine.runner import LEASE_S, tick
from tests.builders import a_metric
from tests.engine.world import RUN_ID, World, quick_experiment

ADA = Actor(user="ada", host="desk")
DOWN = Missing(reason=MissingReason.SOURCE_DOWN, detail="connection refused")


@pytest.fixture
def world() -> World:
    made = World()
    made.launch()
    return made


def climb_to(world: World, step: int) -> None:
    for _ in range(100):
        if world.tick().run.step >= step:
            return
        world.pass_time(10)
    raise AssertionError("never got there")


def ask(world: World, verb: Verb) -> None:
    world.store.request(RUN_ID, verb, ADA, "because", "cli", world.clock.now_s())


def test_a_good_release_climbs_every_step_and_is_promoted(world):
    snapshot = world.until_ended()
    assert (snapshot.run.phase, snapshot.run.ended_by) == (Phase.PROMOTED, Rule.EVIDENCE)
    assert world.target.applied == [Weights.of(10), Weights.of(30), Weights.of(50), ALL_TO_TREATMENT]


def test_a_bad_release_is_rolled_back_and_the_reason_has_numbers(world):
    world.error_rates = (0.01, 0.2)
    run = world.until_ended().run
    assert (run.phase, run.ended_by, world.target.weights) == (Phase.ROLLED_BACK, Rule.HARM, ALL_TO_CONTROL)
    reasons = [event.reason for event in world.events if isinstance(event.payload, Intended)]
    assert "errors: " in reasons[-1]
    assert " % bad against " in reasons[-1]


def test_every_act_is_written_before_and_after(world):
    world.until_ended()
    kinds = [type(event.payload) for event in world.events if isinstance(event.payload, Intended | Applied)]
    assert kinds == [Intended, Applied] * 4


def test_the_stored_run_is_the_fold_of_its_events(world):
    run = world.until_ended().run
    assert replay(world.events) == run


def test_every_window_counts_exactly_once(world):
    world.until_ended()
    indexes = [
        observation.window.index
        for event in world.events
        if isinstance(event.payload, Observed)
        for observation in event.payload.observations
    ]
    assert indexes == list(range(len(indexes)))


def test_the_first_step_waits_for_the_first_window(world):
    assert world.tick().run.blockers[0].kind is BlockerKind.NO_DATA
    world.pass_time(10)
    assert world.tick().run.step == 0


def test_a_closed_flag_returns_traffic_within_one_tick_even_when_the_source_hangs(world):
    climb_to(world, 1)
    world.gate.status = GateStatus.CLOSED

    class Hanging:
        watermark_s = 0.0

        def read(self, *_):
            raise AssertionError("nobody waits for data now")

    run = world.tick(source=Hanging()).run
    assert (run.phase, world.target.weights) == (Phase.STOPPED, ALL_TO_CONTROL)


def test_an_unknown_flag_holds_and_does_not_keep_harm_on_the_street(world):
    climb_to(world, 1)
    world.gate.status = GateStatus.UNKNOWN
    world.error_rates = (0.01, 0.3)
    assert world.until_ended().run.ended_by is Rule.HARM


def test_a_source_outage_holds_and_then_finishes_with_the_same_evidence():
    def release(outage: bool) -> tuple[World, dict[str, object]]:
        world = World()
        world.launch()
        climb_to(world, 1)
        world.source.trouble = DOWN if outage else None
        for _ in range(4):
            world.pass_time(10)
            if outage:
                assert world.tick().run.step == 1
        world.source.trouble = None
        seen = world.tick()
        return world, dict(seen.evidence)

    world, with_outage = release(outage=True)
    _, without = release(outage=False)
    assert with_outage == without
    assert world.until_ended().run.phase is Phase.PROMOTED


@pytest.mark.parametrize(
    ("policy", "phase"), [(Policy.ROLLBACK, Phase.ROLLED_BACK), (Policy.HOLD, Phase.RUNNING)]
)
def test_blind_past_patience_follows_the_policy(policy, phase):
    world = World(experiment=quick_experiment(on_blind=policy, patience_s=60))
    world.launch()
    climb_to(world, 1)
    world.source.trouble = DOWN
    for _ in range(8):
        world.pass_time(10)
        run = world.tick().run
    assert run.phase is phase


def test_observe_mode_records_what_it_would_do_and_moves_nothing():
    world = World(experiment=quick_experiment(mode=Mode.OBSERVE), error_rates=(0.01, 0.2))
    world.target.weights = Weights.of(20)
    world.launch()
    run = world.until_ended().run
    assert (run.phase, world.target.applied, world.target.weights) == (Phase.ROLLED_BACK, [], Weights.of(20))
    assert {event.payload.detail for event in world.events if isinstance(event.payload, Applied)} == {
        "would (observe mode)"
    }


def test_a_foreign_writer_holds_the_run_but_not_a_rollback(world):
    climb_to(world, 1)
    world.target.weights = Weights.of(77)
    world.pass_time(10)
    assert BlockerKind.FOREIGN_WRITER in {blocker.kind for blocker in world.tick().run.blockers}
    ask(world, Verb.ROLLBACK)
    assert world.tick().run.phase is Phase.ROLLED_BACK
    assert world.target.weights == ALL_TO_CONTROL


def test_a_target_that_is_gone_gets_its_rollback_when_it_returns(world):
    climb_to(world, 1)
    world.target.gone = "connection refused"
    ask(world, Verb.ROLLBACK)
    assert world.tick().run.pending is not None
    world.pass_time(10)
    failures = len(world.events)
    world.tick()
    assert not any(isinstance(event.payload, Applied) for event in world.events[failures:])
    world.target.gone = None
    assert world.tick().run.phase is Phase.ROLLED_BACK


def test_an_act_whose_answer_was_lost_is_not_done_twice(world):
    world.pass_time(10)
    world.target.loses_answers = True
    assert world.tick().run.pending is not None
    world.target.loses_answers = False
    world.pass_time(10)
    run = world.tick().run
    assert (run.pending, run.step, world.target.applied) == (None, 0, [Weights.of(10)])


def test_a_target_that_does_something_else_is_not_believed(world):
    world.pass_time(10)

    class Stubborn(type(world.target)):
        def apply(self, weights, found=None):
            return self.observe()

    run = world.tick(target=Stubborn()).run
    assert run.pending is not None
    assert run.reason == "asked for 90/10, the target routes 100/0"


def test_commands_are_done_within_a_tick_in_their_persons_name(world):
    climb_to(world, 0)
    ask(world, Verb.PAUSE)
    assert world.tick().run.phase is Phase.PAUSED
    ask(world, Verb.RESUME)
    ask(world, Verb.PROMOTE)
    run = world.tick().run
    assert (run.phase, run.ended_by) == (Phase.PROMOTED, Rule.PROMOTED)
    done = [event for event in world.events if isinstance(event.payload, Commanded)]
    assert {str(event.actor) for event in done} == {"ada@desk"}
    assert list(world.store.requested(RUN_ID)) == []


def test_a_refused_promotion_says_why_and_is_closed(world):
    climb_to(world, 0)
    world.store.set_freeze(Freeze(reason="sale", actor=ADA, since_s=0.0))
    ask(world, Verb.PROMOTE)
    world.tick()
    refused = [event.payload.refused for event in world.events if isinstance(event.payload, Commanded)]
    assert refused == ["frozen by ada@desk: sale; `rampwise freeze off` ends it"]


def test_a_step_with_approval_waits_for_it():
    experiment = quick_experiment()
    steps = tuple(replace(step, approve=True) for step in experiment.plan.steps)
    world = World(experiment=quick_experiment(plan=replace(experiment.plan, steps=steps)))
    world.launch()
    for _ in range(10):
        world.pass_time(10)
        run = world.tick().run
    assert (run.step, run.blockers[0].kind) == (0, BlockerKind.AWAITING_APPROVAL)
    ask(world, Verb.APPROVE)
    assert world.tick().run.step == 1


def test_unchanged_holds_write_no_decisions(world):
    climb_to(world, 0)
    before = len([event for event in world.events if isinstance(event.payload, Decided)])
    world.pass_time(10)
    world.tick()
    world.tick()
    after = [event for event in world.events if isinstance(event.payload, Decided)]
    assert len(after) - before == 1
    assert after[-1].payload.decision.kind is DecisionKind.HOLD


def test_a_clock_set_back_holds_and_loses_nothing(world):
    climb_to(world, 0)
    world.clock.at_s -= 3600
    run = world.tick("b" if world.store.holder(RUN_ID, world.clock.now_s()) is None else "a").run
    assert BlockerKind.CLOCK in {blocker.kind for blocker in run.blockers}
    world.clock.at_s += 3600
    assert world.until_ended().run.phase is Phase.PROMOTED


def test_an_ended_run_is_left_alone(world):
    world.until_ended()
    before = len(world.events)
    world.pass_time(10)
    world.tick()
    assert len(world.events) == before


def test_two_engines_never_both_drive_a_run(world):
    stale = world.store.acquire(RUN_ID, "a", world.clock.now_s(), LEASE_S)
    assert world.store.acquire(RUN_ID, "b", world.clock.now_s(), LEASE_S) is None
    world.pass_time(30)
    assert world.store.acquire(RUN_ID, "b", world.clock.now_s(), LEASE_S) is not None
    with pytest.raises(LeaseLost):
        tick(world.parts(), stale)
    assert world.target.applied == []


def test_evidence_survives_the_store(world):
    climb_to(world, 1)
    kept = world.store.load(RUN_ID).snapshot.evidence
    assert Evidence.from_plain(world.experiment, kept).to_plain() == kept


class Broken:
    """A plugin that breaks its promise not to raise."""

    watermark_s = 0.0

    def __getattr__(self, name):
        def fails(*_args):
            raise ValueError("secret")

        return fails


def test_a_broken_source_is_trouble_of_its_own_and_patience_runs():
    world = World(experiment=quick_experiment(patience_s=60))
    world.launch()
    climb_to(world, 1)
    for _ in range(9):
        world.pass_time(10)
        run = world.tick(source=Broken()).run
    assert (run.phase, run.ended_by) == (Phase.ROLLED_BACK, Rule.BLIND_TOO_LONG)
    assert "ValueError" in run.reason
    assert "secret" not in run.reason


def test_a_broken_gate_is_unknown_and_not_in_the_way_of_harm(world):
    climb_to(world, 1)
    world.error_rates = (0.01, 0.5)
    for _ in range(20):
        world.pass_time(10)
        run = world.tick(gate=Broken()).run
        if run.phase.ended:
            break
    assert run.ended_by is Rule.HARM


def test_a_broken_target_is_gone_and_gets_its_rollback_later(world):
    climb_to(world, 1)
    ask(world, Verb.ROLLBACK)
    assert world.tick(target=Broken()).run.pending is not None
    assert world.tick().run.phase is Phase.ROLLED_BACK


@pytest.mark.parametrize("since_s", [float("nan"), float("inf")])
def test_a_target_that_says_what_cannot_be_is_not_believed(world, since_s):
    climb_to(world, 0)
    world.target.health[Arm.TREATMENT] = Health(ready=True, ready_since_s=since_s)
    run = world.tick().run
    assert run.blockers[0].kind is BlockerKind.TARGET_GONE


def test_a_long_backlog_is_read_before_traffic_is_given():
    world = World(experiment=quick_experiment(horizon_s=1e6))
    world.launch()
    climb_to(world, 2)
    world.error_rates = (0.01, 0.01)
    world.pass_time(3000)
    world.error_rates = (0.01, 0.3)
    world.pass_time(3000)
    run = world.tick().run
    assert "catching up" in run.reason
    assert world.until_ended().run.phase is Phase.ROLLED_BACK


def test_an_engine_that_slept_over_its_lease_gives_way_to_what_the_log_says(world, monkeypatch):
    climb_to(world, 1)
    publish = world.target.apply

    def asleep(weights, _found):
        monkeypatch.setattr(world.target, "apply", publish)
        world.clock.at_s += 40
        ask(world, Verb.STOP)
        assert world.tick(owner="b").run.phase is Phase.STOPPED
        return publish(weights)

    monkeypatch.setattr(world.target, "apply", asleep)
    with pytest.raises(LeaseLost):
        climb_to(world, 2)
    assert world.target.weights == ALL_TO_CONTROL


def test_a_control_outage_is_no_evidence_for_the_treatment():
    world = World(experiment=quick_experiment(warm_up_s=30.0))
    world.launch()
    climb_to(world, 1)
    world.target.health[Arm.CONTROL] = Health(ready=False, ready_since_s=None)
    world.error_rates = (1.0, 0.06)
    for _ in range(10):
        world.pass_time(10)
        world.tick()
    world.target.health[Arm.CONTROL] = Health(ready=True, ready_since_s=0.0)
    world.error_rates = (0.01, 0.06)
    assert world.until_ended().run.phase is not Phase.PROMOTED


def test_a_short_hold_still_waits_for_a_whole_window_at_the_last_step():
    steps = (Step(weight_pct=10, hold_s=300, floor=50), Step(weight_pct=50, hold_s=10, floor=50))
    world = World(experiment=quick_experiment(plan=Plan(strategy="canary", steps=steps)))
    world.source = FakeSource(FakeOptions(watermark_s=15.0))
    world.scrape()
    world.launch()
    world.until_ended()
    acts = [event for event in world.events if isinstance(event.payload, Applied)]
    windows = [
        observation.window
        for event in world.events
        if isinstance(event.payload, Observed)
        for observation in event.payload.observations
    ]
    assert any(window.start_s >= acts[1].at_s for window in windows)


@pytest.mark.parametrize("dies_at", ["append", "acquire"])
def test_a_database_that_cannot_be_written_never_keeps_harm_on_the_street(world, monkeypatch, dies_at):
    climb_to(world, 1)
    world.error_rates = (0.01, 0.5)
    lease = world.store.acquire(RUN_ID, "a", world.clock.now_s(), LEASE_S)

    def full(*_):
        raise StoreError("disk full")

    with monkeypatch.context() as broken:
        broken.setattr(world.store, dies_at, full)
        for _ in range(20):
            world.pass_time(10)
            with contextlib.suppress(StoreError):
                tick(world.parts(), lease)
            if world.target.weights == ALL_TO_CONTROL:
                break
    assert world.target.weights == ALL_TO_CONTROL
    run = world.until_ended().run
    assert (run.phase, run.ended_by) == (Phase.ROLLED_BACK, Rule.HARM)
    assert replay(world.events) == run


def test_a_database_that_cannot_be_written_moves_nothing_up(world, monkeypatch):
    lease = world.store.acquire(RUN_ID, "a", world.clock.now_s(), LEASE_S)

    def full(*_):
        raise StoreError("disk full")

    monkeypatch.setattr(world.store, "append", full)
    for _ in range(5):
        world.pass_time(10)
        with pytest.raises(StoreError):
            tick(world.parts(), lease)
    assert world.target.applied == []


BOUNDS = st.builds(
    Bound,
    relative=st.none() | st.sampled_from([0.05, 0.5, 5.0]),
    absolute=st.sampled_from([0.001, 0.5]),
)
METRICS = st.builds(
    a_metric,
    kind=st.sampled_from([MetricKind.PROPORTION, MetricKind.THRESHOLD]),
    margin=BOUNDS,
    limit=st.sampled_from([0.01, 0.9]),
)
SPECS = st.builds(
    quick_experiment,
    metrics=st.tuples(METRICS),
    alpha_promote=st.sampled_from([0.001, 0.5]),
    on_blind=st.sampled_from(Policy),
    on_undecided=st.sampled_from(Policy),
    patience_s=st.sampled_from([20.0, 9999.0]),
    horizon_s=st.sampled_from([100.0, 9999.0]),
    plan=st.builds(
        Plan,
        strategy=st.just("canary"),
        steps=st.lists(st.integers(1, 99), min_size=1, max_size=4, unique=True).map(
            lambda shares: tuple(Step(weight_pct=share, hold_s=0.0, floor=1) for share in sorted(shares))
        ),
    ),
)


@settings(max_examples=60, deadline=None)
@given(
    SPECS,
    st.sampled_from(["nothing scraped", "no requests", *MissingReason]),
    st.sampled_from([GateStatus.OPEN, GateStatus.UNKNOWN]),
)
def test_no_evidence_no_promotion_for_every_spec(experiment, trouble, gate):
    world = World(experiment=experiment, requests_per_s=0 if trouble == "no requests" else 20)
    world.gate.status = gate
    world.scraping = trouble != "nothing scraped"
    if isinstance(trouble, MissingReason):
        world.source.trouble = Missing(reason=trouble, detail="planted")
    world.launch()
    for _ in range(25):
        run = world.tick().run
        if run.phase.ended:
            break
        world.pass_time(10)
    assert run.phase is not Phase.PROMOTED
    assert ALL_TO_TREATMENT not in world.target.applied
    assert world.target.applied.count(ALL_TO_CONTROL) <= 1


def test_foreign_texts_cannot_play_with_a_terminal(world):
    climb_to(world, 0)
    world.target.health[Arm.TREATMENT] = Health(ready=False, ready_since_s=None, detail="down\x1b[2J")
    assert "down\\x1b[2J" in world.tick().run.reason
    world.target.gone = "gone\x1b[2J"
    assert "gone\\x1b[2J" in world.tick().run.reason
    world.target.gone = None
    world.pass_time(10)
    world.source.trouble = Missing(reason=MissingReason.SOURCE_DOWN, detail="\x07refused")
    world.target.health[Arm.TREATMENT] = Health(ready=True, ready_since_s=0.0)
    assert "\\x07refused" in world.tick().run.reason


def test_giving_traffic_rests_on_the_target_as_it_was_seen(world, monkeypatch):
    climb_to(world, 0)
    publish, seen = world.target.apply, []

    def meanwhile(weights, found):
        seen.append(found)
        world.target.weights = Weights.of(7)
        return publish(weights, found)

    monkeypatch.setattr(world.target, "apply", meanwhile)
    with pytest.raises(AssertionError, match="never got there"):
        climb_to(world, 1)
    assert seen[0] is not None
    assert world.target.weights == Weights.of(7)
    monkeypatch.setattr(world.target, "apply", publish)
    ask(world, Verb.ROLLBACK)
    assert world.tick().run.phase is Phase.ROLLED_BACK
    assert world.target.weights == ALL_TO_CONTROL


def test_a_release_that_somebody_ended_on_the_target_is_over(world):
    climb_to(world, 0)
    world.target.weights, world.target.ended = Weights.of(33), "ada changed the template"
    run = world.tick().run
    assert (run.phase, run.ended_by, run.weights) == (Phase.STOPPED, Rule.SUPERSEDED, Weights.of(33))
    assert world.target.applied[-1] == Weights.of(10)
