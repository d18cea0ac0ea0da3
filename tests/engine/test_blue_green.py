"""Blue/green releases from launch to end, with the real strategy and statistics."""

import pytest

from engine.core.decision import Rule
from engine.core.events import Observed, Verb
from engine.core.evolve import replay
from engine.core.gate import GateStatus
from engine.core.plan import Stage
from engine.core.run import Phase
from engine.core.target import ALL_TO_CONTROL, ALL_TO_TREATMENT, Health, Weights
from engine.ports import Probed
from tests.engine.releases import ask, blue_green, launched, probes_counted, until


@pytest.mark.parametrize(
    ("bridge", "weights"),
    [(False, [ALL_TO_TREATMENT]), (True, [Weights.of(10), ALL_TO_TREATMENT])],
    ids=["at once", "over a bridge"],
)
def test_a_good_colour_is_switched_to_and_settles(bridge, weights):
    world = launched(blue_green(bridge=bridge), (0.01, 0.01))
    run = world.until_ended().run
    assert (run.phase, run.ended_by, world.target.applied) == (Phase.PROMOTED, Rule.SETTLED, weights)
    assert replay(world.events) == run
    stages = [
        observation.stage
        for event in world.events
        if isinstance(event.payload, Observed)
        for observation in event.payload.observations
    ]
    assert stages == sorted(stages, key=list(Stage).index)
    assert set(stages) == ({*Stage} if bridge else {Stage.PREVIEW, Stage.SETTLE})


def test_every_probe_is_counted_once_and_none_is_sent_after_the_preview():
    world = launched(blue_green(), (0.01, 0.01))
    until(world, 1)
    sent = sum(world.prober.asked)
    assert probes_counted(world) == sent <= 300
    world.until_ended()
    assert sum(world.prober.asked) == sent


def test_a_preview_with_errors_is_rolled_back_before_any_traffic():
    world = launched(blue_green(), (0.01, 0.01))
    world.prober.answer = Probed(ok=False, took_s=0.01)
    run = world.until_ended().run
    assert (run.phase, world.target.applied) == (Phase.ROLLED_BACK, [])
    assert run.ended_by in {Rule.HARM, Rule.PREVIEW_FAILED}
    assert sum(world.prober.asked) <= 300


def test_a_step_without_traffic_rests_on_what_was_found_and_taking_back_rests_on_nothing():
    world = launched(blue_green(), (0.01, 0.01))
    world.prober.answer = Probed(ok=False, took_s=0.01)
    apply, seen = world.target.apply, []

    def watched(weights, found=None):
        seen.append((weights, found is not None))
        return apply(weights, found)

    world.target.apply = watched
    assert world.until_ended().run.phase is Phase.ROLLED_BACK
    assert seen == [(ALL_TO_CONTROL, True), (ALL_TO_CONTROL, False)]


def test_a_colour_that_gets_worse_after_the_switch_loses_all_traffic():
    world = launched(blue_green(), (0.01, 0.2))
    run = world.until_ended().run
    assert (run.phase, run.ended_by) == (Phase.ROLLED_BACK, Rule.HARM)
    assert world.target.applied == [ALL_TO_TREATMENT, ALL_TO_CONTROL]


@pytest.mark.parametrize("trouble", ["gate", "person", "source", "treatment"])
def test_all_traffic_goes_back_from_a_colour_that_has_not_settled(trouble):
    world = launched(blue_green(patience_s=60.0), (0.01, 0.01))
    until(world, 1)
    if trouble == "gate":
        world.gate.status = GateStatus.CLOSED
    elif trouble == "person":
        ask(world, Verb.ROLLBACK)
    elif trouble == "source":
        world.scraping = False
    else:
        world.target.health["treatment"] = Health(ready=False, ready_since_s=None)
    run = world.until_ended().run
    assert run.phase in {Phase.ROLLED_BACK, Phase.STOPPED}
    assert world.target.weights == ALL_TO_CONTROL


def test_a_person_may_promote_during_the_preview():
    world = launched(blue_green(), (0.01, 0.01))
    until(world, 0)
    ask(world, Verb.PROMOTE)
    run = world.tick().run
    assert (run.phase, run.ended_by, world.target.weights) == (
        Phase.PROMOTED,
        Rule.PROMOTED,
        ALL_TO_TREATMENT,
    )


@pytest.mark.parametrize("hindrance", ["paused", "gate unknown", "not ready", "target gone"])
def test_probes_wait_like_everything_that_leads_to_traffic(hindrance):
    world = launched(blue_green(progress_deadline_s=9999.0), (0.01, 0.01))
    world.pass_time(10)
    world.tick()
    if hindrance == "paused":
        ask(world, Verb.PAUSE)
    elif hindrance == "gate unknown":
        world.gate.status = GateStatus.UNKNOWN
    elif hindrance == "not ready":
        world.target.health["treatment"] = Health(ready=False, ready_since_s=None)
    else:
        world.target.gone = "refused"
    for _ in range(3):
        world.pass_time(10)
        world.tick()
    assert world.prober.asked == []


def test_probes_of_a_tick_that_died_are_not_counted(monkeypatch):
    world = launched(blue_green(), (0.01, 0.01))
    until(world, 0)
    world.pass_time(10)
    with monkeypatch.context() as dying:
        dying.setattr(world.store, "append", _die)
        with pytest.raises(KeyboardInterrupt):
            world.tick()
    lost = sum(world.prober.asked)
    assert lost > 0
    world.until_ended()
    assert probes_counted(world) == sum(world.prober.asked) - lost


def _die(*_args, **_named):
    raise KeyboardInterrupt
