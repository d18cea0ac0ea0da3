"""Objects and runs, brought together one look at a time."""

import pytest

from engine.adapters.fakes import FakeTarget
from engine.adapters.kubernetes.cluster import EVENTS, Moved, NotAllowed, NotThere
from engine.controller.crd import MOST_HISTORY
from engine.controller.past import visible
from engine.controller.reconciler import AGAIN_S, SOON_S, Reconciler
from engine.controller.resource import EXPERIMENTS, FINALIZER, wanted
from engine.core.events import Decided
from engine.core.target import ALL_TO_CONTROL, Weights
from engine.errors import Unreachable
from tests.controller.world import SPEC


def test_an_object_becomes_a_run(world):
    assert world.look() is None
    [stored] = world.store.runs()
    assert stored.snapshot.run.name == "shop--checkout"
    assert (world.status["phase"], world.status["run"]) == ("running", stored.snapshot.run.id)
    assert world.status["step"] == "0/2"
    assert world.manifest["metadata"]["finalizers"] == [FINALIZER]


def test_looking_again_launches_nothing_more_and_writes_nothing(world):
    world.look()
    written = len(world.cluster.patches)
    for _ in range(3):
        world.look()
    assert (len(world.store.runs()), len(world.cluster.patches)) == (1, written)


def test_a_release_goes_through_and_its_object_says_so(world):
    world.look()
    for _ in range(40):
        world.tick()
        world.look()
    assert (world.status["phase"], world.status["weights"], world.status["step"]) == (
        "promoted",
        "0/100",
        "2/2",
    )
    assert world.condition("Ended")[0] == "True"
    assert world.status["history"][-1]["decision"] == "promote"
    assert world.manifest["metadata"]["finalizers"] == []
    assert {event["reason"] for event in world.cluster.find(EVENTS, "shop", {})} >= {"FloorsMet", "Evidence"}


def test_a_bad_release_is_rolled_back_and_its_object_says_why(world):
    world.desk.source.bad["treatment"] = 300
    world.look()
    world.tick(20)
    world.look()
    assert (world.status["phase"], world.status["verdict"]) == ("rolled_back", "harmful")
    assert world.desk.target.weights == ALL_TO_CONTROL


def test_a_wrong_spec_is_refused_with_its_problems(world):
    world.put(interval="5 parsecs", strategy={"canari": {}})
    assert world.look() is not None
    status, message = world.condition("Accepted")
    assert status == "False"
    assert "spec.interval" in message
    assert "canari" in message
    assert list(world.store.runs()) == []


def test_what_may_come_right_by_itself_is_tried_again(world):
    world.desk.target.gone = "the proxy is down"
    assert world.look() is not None
    assert "the proxy is down" in world.condition("Accepted")[1]
    world.desk.target.gone = None
    assert world.look() is None
    assert world.status["phase"] == "running"


def test_a_target_that_is_not_there_yet_is_told_and_waited_for_in_peace(world, monkeypatch):
    def facts(_):
        raise NotThere('httproutes "checkout" not found')

    with monkeypatch.context() as before:
        before.setattr(FakeTarget, "facts", facts)
        assert world.look() == AGAIN_S
        assert world.condition("Accepted") == ("False", 'httproutes "checkout" not found')
        assert not world.manifest["metadata"].get("finalizers")
    assert world.look() is None
    assert world.status["phase"] == "running"


def test_a_deleted_object_goes_only_when_traffic_is_safe(world):
    world.look()
    world.tick(2)
    assert world.desk.target.weights == Weights.of(10)
    world.change(deletionTimestamp="2026-01-01T00:00:00Z")
    assert world.look() is not None
    world.look()
    assert world.manifest["metadata"]["finalizers"] == [FINALIZER]
    world.tick()
    assert world.look() is None
    assert world.desk.target.weights == ALL_TO_CONTROL
    assert world.manifest["metadata"]["finalizers"] == []


def test_an_object_deleted_before_its_launch_is_let_go(world):
    world.change(deletionTimestamp="2026-01-01T00:00:00Z", finalizers=["other", FINALIZER])
    assert world.look() is None
    assert world.manifest["metadata"]["finalizers"] == ["other"]
    assert list(world.store.runs()) == []


def test_a_new_leader_knows_the_runs_from_the_store_and_makes_the_status_anew(world):
    world.look()
    world.tick(5)
    world.look()
    before = world.status
    manifest = world.manifest
    del manifest["status"]
    world.cluster.put(EXPERIMENTS, manifest)
    world.reconciler = world.a_reconciler()
    world.look()
    assert len(world.store.runs()) == 1
    without_times = [{**each, "lastTransitionTime": ""} for each in before["conditions"]]
    assert [{**each, "lastTransitionTime": ""} for each in world.status["conditions"]] == without_times
    assert world.status["history"] == before["history"]


def test_an_object_made_anew_under_the_same_name_has_a_run_of_its_own(world):
    world.look()
    world.desk.source.bad["treatment"] = 300
    world.tick(20)
    world.desk.source.bad["treatment"] = 10
    world.put(uid="u-2")
    world.look()
    assert len(world.store.runs()) == 2
    assert world.status["phase"] == "running"


def test_two_objects_on_one_target_are_told_who_has_it(world):
    world.look()
    other = {"namespace": "shop", "name": "second", "uid": "u-2", "generation": 1}
    world.cluster.put(EXPERIMENTS, {"metadata": other, "spec": SPEC})
    second = world.cluster.get(EXPERIMENTS, "shop", "second")
    assert world.reconciler.reconcile(wanted(second)) is not None
    said = world.cluster.get(EXPERIMENTS, "shop", "second")["status"]["reason"]
    assert "owns the target fake/checkout" in said


def test_an_object_that_vanished_meanwhile_harms_nobody(world):
    found = wanted(world.manifest)
    world.cluster.delete(EXPERIMENTS, "shop", "checkout")
    assert world.reconciler.reconcile(found) == SOON_S
    assert list(world.store.active()) == []


def test_an_object_that_changed_meanwhile_is_looked_at_again_soon(world, monkeypatch):
    def moved(*_, **__):
        raise Moved("the object has been modified")

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(world.cluster, "patch", moved)
        assert world.look() == SOON_S
    assert list(world.store.active()) == []
    assert world.look() is None
    assert world.status["phase"] == "running"


def test_an_event_that_cannot_be_written_is_no_trouble(world, monkeypatch):
    world.look()
    world.tick(5)

    def forbidden(*_):
        raise NotAllowed("a Role must grant verb `create` on `events`")

    monkeypatch.setattr(world.cluster, "create", forbidden)
    world.look()
    assert world.status["step"] == "2/2"


def test_a_silent_cluster_is_the_callers_business(world):
    found = wanted(world.manifest)
    world.cluster.trouble = Unreachable("down")
    with pytest.raises(Unreachable):
        world.reconciler.reconcile(found)


def test_a_run_that_is_not_in_the_database_is_not_launched_again(world):
    world.look()
    world.tick(20)
    world.look()
    manifest = world.manifest
    world.reconciler.runs.clear()  # another database, that knows of nothing
    found = wanted(manifest)
    assert world.reconciler.reconcile(found) is not None
    assert len(world.store.runs()) == 1
    assert f"run {found.run_id} of this experiment is not in the database" in world.status["reason"]
    assert world.status["run"] == found.run_id
    world.change(deletionTimestamp="2026-01-01T00:00:00Z")
    assert world.look() is None
    assert world.manifest["metadata"]["finalizers"] == []


def test_a_run_that_another_leader_launched_meanwhile_is_taken_up(world):
    world.look()
    manifest = world.manifest
    del manifest["status"]
    world.cluster.put(EXPERIMENTS, manifest)
    late = Reconciler(cluster=world.cluster, store=world.store, clock=world.desk.clock, place="pod-2")
    assert late.reconcile(wanted(manifest)) == 0.0
    assert late.reconcile(wanted(manifest)) is None
    assert (len(world.store.runs()), world.status["phase"]) == (1, "running")


def test_a_copy_from_before_the_last_write_shifts_no_times(world):
    stale = wanted(world.manifest)
    world.look()
    before = world.status
    written = len(world.cluster.patches)
    world.desk.clock.at_s += 100
    world.reconciler.reconcile(stale)
    assert (world.status, len(world.cluster.patches)) == (before, written)


def test_how_a_run_ended_is_written_once(world):
    world.desk.source.bad["treatment"] = 300
    world.look()
    world.tick(20)
    world.look()
    written, told = len(world.cluster.patches), len(world.cluster.find(EVENTS, "shop", {}))
    world.reconciler = world.a_reconciler()
    world.look()
    assert (len(world.cluster.patches), len(world.cluster.find(EVENTS, "shop", {}))) == (written, told)


def test_an_experiment_without_a_gate_needs_no_file_on_the_controllers_machine(world):
    world.look()
    [stored] = world.store.runs()
    assert stored.spec["document"]["spec"]["gate"]["provider"] == "memory"
    assert not list(world.desk.home.glob("**/*flag*"))


def test_a_run_that_only_counts_costs_its_object_nothing(world, monkeypatch):
    world.look()
    world.tick(2)
    world.look()
    world.look()
    asked = []
    events = world.store.events
    monkeypatch.setattr(
        world.store, "events", lambda *given, **more: asked.append(given) or events(*given, **more)
    )
    before = world.store.load(next(iter(world.store.active()))).snapshot.run
    written = len(world.cluster.patches)
    world.tick()
    after = world.store.load(before.id).snapshot.run
    assert after.seq > before.seq
    assert visible(after) == visible(before)
    world.look()
    assert len(world.cluster.patches) == written


def test_what_a_run_decided_after_it_only_counted_is_in_its_history(world):
    world.look()
    for _ in range(40):
        world.tick()
        world.look()
    [run] = [stored.snapshot.run for stored in world.store.runs()]
    decided = [event for event in world.store.events(run.id) if isinstance(event.payload, Decided)]
    assert [each["rule"] for each in world.status["history"]] == [event.rule for event in decided][
        -MOST_HISTORY:
    ]


def test_objects_whose_end_is_shown_cost_a_new_leader_nothing(world, monkeypatch):
    world.desk.source.bad["treatment"] = 300
    world.look()
    world.tick(20)
    world.look()
    world.look()
    world.reconciler = world.a_reconciler()
    monkeypatch.setattr(world.store, "load", lambda run_id: pytest.fail(f"{run_id} was loaded"))
    assert world.look() is None
    world.change(generation=2)
    with pytest.raises(pytest.fail.Exception):
        world.look()
