"""A/B tests from launch to end, with the real strategy and statistics."""

from engine.core.decision import BlockerKind, Rule
from engine.core.events import Intended, Verb
from engine.core.evolve import replay
from engine.core.gate import GateStatus
from engine.core.plan import Policy
from engine.core.run import Phase
from engine.core.target import ALL_TO_CONTROL, Health, TargetGone, Weights
from strategies.ab import Ab, AbOptions
from tests.engine.releases import ab, ask, launched, until


def test_the_better_treatment_of_two_is_promoted():
    world = launched(ab(), (0.10, 0.10, 0.04))
    run = world.until_ended().run
    assert (run.phase, run.ended_by) == (Phase.PROMOTED, Rule.EVIDENCE)
    assert world.target.applied == [Weights.of(25, 25), Weights.all_to(1)]


def test_a_harmful_treatment_is_dropped_and_the_better_one_promoted():
    world = launched(ab(), (0.10, 0.30, 0.05))
    run = world.until_ended().run
    assert (run.phase, run.ended_by) == (Phase.PROMOTED, Rule.EVIDENCE)
    assert world.target.applied == [Weights.of(25, 25), Weights.of(0, 25), Weights.all_to(1)]
    rules = [event.rule for event in world.events if isinstance(event.payload, Intended)]
    assert rules == [Rule.FLOORS_MET, Rule.ARM_HARMFUL, Rule.EVIDENCE]
    assert replay(world.events) == run


def phased(**changes):
    """A canary at 10 % together before the test."""
    options = {
        "weights": [25, 25],
        "hold": "30s",
        "floor": 50,
        "canary": {"steps": [10], "hold": "30s", "floor": 20},
    }
    return ab(plan=Ab().plan(AbOptions.model_validate(options, strict=False)), **changes)


def test_a_canary_goes_on_as_the_test():
    world = launched(phased(), (0.10, 0.10, 0.04))
    run = world.until_ended().run
    assert (run.phase, run.ended_by) == (Phase.PROMOTED, Rule.EVIDENCE)
    assert world.target.applied == [Weights.of(5, 5), Weights.of(25, 25), Weights.all_to(1)]
    told = [event.reason for event in world.events if isinstance(event.payload, Intended)]
    assert told[0] == "start with the canary at 10 %"
    assert told[1].endswith("next is the test at 50/25/25")


def test_what_is_taken_out_in_the_canary_stays_out_of_the_test():
    world = launched(phased(), (0.05, 0.6, 0.01))
    run = world.until_ended().run
    assert (run.phase, run.ended_by) == (Phase.PROMOTED, Rule.EVIDENCE)
    assert world.target.applied == [
        Weights.of(5, 5),
        Weights.of(0, 5),
        Weights.of(0, 25),
        Weights.all_to(1),
    ]


def test_two_harmful_treatments_end_the_test():
    world = launched(ab(), (0.05, 0.3, 0.3))
    run = world.until_ended().run
    assert (run.phase, run.ended_by, world.target.weights) == (
        Phase.ROLLED_BACK,
        Rule.HARM,
        ALL_TO_CONTROL,
    )


def test_treatments_that_are_no_better_are_held_until_the_horizon():
    world = launched(ab(horizon_s=600.0), (0.05, 0.05, 0.05))
    run = world.until_ended().run
    assert (run.phase, run.ended_by) == (Phase.EXPIRED, Rule.HORIZON)
    assert world.target.applied == [Weights.of(25, 25), ALL_TO_CONTROL]


def test_a_broken_split_is_not_trusted_and_nothing_is_promoted():
    world = launched(ab(patience_s=60.0, on_untrustworthy=Policy.HOLD, horizon_s=9999.0), (0.10, 0.10, 0.04))
    world.split = (50, 10, 40)
    for _ in range(60):
        world.pass_time(10)
        run = world.tick().run
    assert (run.phase, world.target.applied) == (Phase.RUNNING, [Weights.of(25, 25)])
    assert BlockerKind.UNTRUSTWORTHY in {blocker.kind for blocker in run.blockers}
    assert run.last_rule is Rule.UNTRUSTWORTHY_TOO_LONG


def test_a_sick_treatment_of_two_is_dropped_and_the_other_may_win():
    world = launched(ab(), (0.10, 0.10, 0.04))
    until(world, 0)
    world.target.health["treatment"] = Health(ready=False, ready_since_s=None)
    run = world.until_ended().run
    assert run.ended_by is Rule.EVIDENCE
    assert world.target.applied == [Weights.of(25, 25), Weights.of(0, 25), Weights.all_to(1)]


def test_a_promotion_without_a_name_is_refused_with_what_to_type():
    world = launched(ab(), (0.05, 0.05, 0.05))
    until(world, 0)
    ask(world, Verb.PROMOTE)
    assert world.tick().run.phase is Phase.RUNNING
    refused = [event.payload.refused for event in world.events if hasattr(event.payload, "refused")]
    assert "`rampwise promote checkout-v2-1 --treatment v2 --reason TEXT`" in refused[0]
    ask(world, Verb.PROMOTE, "v3")
    run = world.tick().run
    assert (run.ended_by, world.target.weights) == (Rule.PROMOTED, Weights.all_to(1))


def test_a_drop_that_fails_is_tried_until_it_is_done(monkeypatch):
    world = launched(ab(), (0.10, 0.30, 0.10))
    until(world, 0)
    with monkeypatch.context() as failing:
        failing.setattr(world.target, "apply", lambda _: TargetGone(detail="refused"))
        for _ in range(60):
            run = world.tick().run
            world.pass_time(10)
            if run.last_rule is Rule.ARM_HARMFUL:
                break
        world.gate.status = GateStatus.UNKNOWN
        assert world.tick().run.pending is not None
    assert world.target.weights == Weights.of(25, 25)
    assert (world.tick().run.pending, world.target.weights) == (None, Weights.of(0, 25))
