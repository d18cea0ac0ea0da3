"""Commands by annotation: passed on once, answered, and never lost."""

import pytest

from engine.adapters.kubernetes.cluster import EVENTS, Moved
from engine.controller.resource import wanted
from engine.core.run import Phase


@pytest.mark.parametrize(("command", "phase"), [("stop", Phase.STOPPED), ("promote", Phase.PROMOTED)])
def test_a_command_is_passed_on_once(world, command, phase):
    world.look()
    world.tick(5)
    world.change(annotations={"rampwise.dev/command": command, "rampwise.dev/reason": "because", "mine": "1"})
    stale = wanted(world.manifest)
    world.look()
    world.reconciler.reconcile(stale)
    [run_id] = world.store.active()
    assert len(world.store.requested(run_id)) == 1
    assert world.manifest["metadata"]["annotations"] == {"mine": "1"}
    world.tick()
    run = world.store.load(run_id).snapshot.run
    assert (run.phase, run.last_actor) == (phase, "annotation@shop/checkout")


def test_an_unknown_command_is_answered_by_an_event(world):
    world.look()
    world.change(annotations={"rampwise.dev/command": "explode"})
    world.look()
    told = [event["message"] for event in world.cluster.find(EVENTS, "shop", {})]
    assert any(
        "'explode' is no command; rampwise.dev/command takes promote, rollback" in each for each in told
    )


def annotated(world, command, **more):
    notes = {"rampwise.dev/command": command, "rampwise.dev/reason": "because"}
    world.change(annotations={**notes, **{f"rampwise.dev/{name}": text for name, text in more.items()}})


def test_who_asks_is_named_as_they_say_themselves_and_marked_so(world):
    world.look()
    annotated(world, "pause", by="ada")
    assert world.look() is not None
    world.tick()
    assert world.look() is None
    command = world.status["command"]
    assert (command["verb"], command["actor"], command["refused"]) == ("pause", "ada@annotation", "")
    assert world.status["phase"] == "paused"


def test_a_refused_command_says_why_on_the_object_and_as_an_event(world):
    world.look()
    annotated(world, "resume")
    world.look()
    world.tick()
    world.look()
    assert world.status["command"]["refused"]
    told = {event["reason"] for event in world.cluster.find(EVENTS, "shop", {})}
    assert "CommandRefused" in told


def test_a_command_whose_annotation_could_not_be_taken_away_is_recorded_once(world, monkeypatch):
    world.look()
    annotated(world, "approve")
    patch = world.cluster.patch

    def conflict(*arguments, **options):
        raise Moved("meanwhile")

    monkeypatch.setattr(world.cluster, "patch", conflict)
    for _ in range(2):
        with pytest.raises(Moved):
            world.look()
    monkeypatch.setattr(world.cluster, "patch", patch)
    world.look()
    [run_id] = world.store.active()
    assert len(world.store.requested(run_id)) == 1
    annotated(world, "approve")
    world.look()
    assert len(world.store.requested(run_id)) == 2


def test_a_command_for_a_run_that_has_ended_is_answered_by_an_event(world):
    world.desk.source.bad["treatment"] = 300
    world.look()
    world.tick(20)
    world.look()
    annotated(world, "promote")
    assert world.look() is None
    told = [event["message"] for event in world.cluster.find(EVENTS, "shop", {})]
    assert any("has ended, rolled_back" in message for message in told)
    assert "annotations" not in world.manifest["metadata"] or not world.manifest["metadata"]["annotations"]
