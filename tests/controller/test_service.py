"""Terms of leadership: what begins with one, and what must not outlast it."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from engine.adapters.kubernetes.cluster import LEASES
from engine.adapters.kubernetes.fake import FakeCluster
from engine.adapters.kubernetes.guard import GUARD
from engine.cli.session import a_driver
from engine.controller import service
from engine.controller.election import Election
from engine.controller.queue import Queue
from engine.controller.reconciler import EXPERIMENTS, Reconciler
from engine.controller.service import Controller, Publisher
from engine.driver import NoObserver
from engine.errors import StoreError, Unreachable
from tests.cli.desk import Desk
from tests.controller.world import SPEC
from tests.local.waiting import eventually

KEY = ("shop", "checkout")
CREW = "crew: "


class Listed:
    """A reflector whose copy is always current."""

    def __init__(self, cluster: FakeCluster) -> None:
        self.cluster, self.synced = cluster, threading.Event()
        self.synced.set()

    def run(self, stop: threading.Event) -> None:
        stop.wait(60)

    def get(self, key: tuple[str, str]) -> dict[str, Any] | None:
        return next((each for each in self._all() if key_of(each) == key), None)

    def known(self) -> tuple[tuple[str, str], ...]:
        return tuple(key_of(each) for each in self._all())

    def _all(self) -> list[dict[str, Any]]:
        return list(self.cluster.find(EXPERIMENTS, "", {}))


def key_of(manifest: dict[str, Any]) -> tuple[str, str]:
    return manifest["metadata"]["namespace"], manifest["metadata"]["name"]


class Rounds(NoObserver):
    """How often a candidate that stands by has tried."""

    count = 0

    def on_round(self) -> None:
        self.count += 1


class World:
    """One candidate that can be started and stopped, and what surrounds it."""

    def __init__(self, desk: Desk) -> None:
        self.desk, self.cluster, self.store = desk, FakeCluster(), desk.store
        self.stop = threading.Event()
        meta = {"namespace": "shop", "name": "checkout", "uid": "u-1", "generation": 1}
        self.cluster.put(EXPERIMENTS, {"metadata": meta, "spec": SPEC})
        self.controller = self.candidate("a")
        self.thread = threading.Thread(target=lambda: self.controller.run(self.stop))

    def candidate(self, name: str) -> Controller:
        queue = Queue()
        publisher = Publisher(queue=queue)
        return Controller(
            election=Election(cluster=self.cluster, namespace="rampwise", name="lease", identity=name),
            reflector=Listed(self.cluster),  # type: ignore[arg-type]
            reconciler=Reconciler(cluster=self.cluster, store=self.store, clock=self.desk.clock, place=name),
            driver=replace(a_driver(self.store, f"{CREW}{name}"), observer=publisher),
            crew=CREW,
            queue=queue,
            publisher=publisher,
            observer=NoObserver(),
        )

    def start(self) -> None:
        self.thread.start()

    def end(self) -> None:
        self.stop.set()
        if self.thread.is_alive():
            self.thread.join(20)
        assert not self.thread.is_alive()

    @property
    def phase(self) -> str:
        return str(self.cluster.get(EXPERIMENTS, *KEY).get("status", {}).get("phase", ""))

    def holds(self, name: str) -> None:
        """Another candidate takes the lease, as it would once it was free."""
        lease = self.cluster.get(LEASES, "rampwise", "lease")
        lease["spec"]["holderIdentity"] = name
        self.cluster.put(LEASES, lease)


@pytest.fixture
def world(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    for name in ("RENEW_S", "TROUBLE_S", "_LOOK_S"):
        monkeypatch.setattr(service, name, 0.05)
    made = World(desk)
    yield made
    made.end()
    GUARD.lift()


def test_who_leads_launches_drives_and_publishes(world: World) -> None:
    world.start()
    eventually(lambda: world.phase == "running")
    [run_id] = world.store.active()
    eventually(lambda: world.store.holder(run_id, world.desk.clock.at_s) is not None)
    holder = world.store.holder(run_id, world.desk.clock.at_s)
    assert holder is not None
    assert holder.owner == f"{CREW}a"


def test_who_stands_by_writes_nothing(world: World) -> None:
    assert world.candidate("b").election.attempt()
    rounds = world.controller.observer = Rounds()
    world.start()
    eventually(lambda: rounds.count > 3)
    assert not GUARD.may_write()
    assert (list(world.store.active()), world.phase) == ([], "")


def test_a_deposed_leader_stops_driving_and_may_write_nothing(world: World) -> None:
    world.start()
    eventually(lambda: world.phase == "running")
    assert GUARD.may_write()
    world.holds("b")
    eventually(lambda: not world.controller.election.leads())
    assert not GUARD.may_write()
    eventually(lambda: not any(each.name == "rampwise-driver" for each in threading.enumerate()))
    [run_id] = world.store.active()
    assert world.store.holder(run_id, world.desk.clock.at_s) is None


def test_who_leads_again_goes_on(world: World) -> None:
    world.start()
    eventually(lambda: world.phase == "running")
    world.holds("b")
    eventually(lambda: not world.controller.election.leads())
    world.holds("")
    eventually(world.controller.election.leads)
    eventually(lambda: bool(threads("rampwise-driver")))
    assert len(world.store.runs()) == 1


def threads(name: str) -> list[threading.Thread]:
    return [each for each in threading.enumerate() if each.name == name]


def test_a_new_leader_takes_the_runs_of_the_one_before_it_with_a_new_token(world: World) -> None:
    run_id = world.desk.launched()
    old = world.store.acquire(run_id, f"{CREW}dead", world.desk.clock.at_s, ttl_s=1000.0)
    assert old is not None
    world.start()
    eventually(lambda: held_by(world, run_id) == f"{CREW}a")
    holder = world.store.holder(run_id, world.desk.clock.at_s)
    assert holder is not None
    assert holder.token == old.token + 1


def held_by(world: World, run_id: str) -> str:
    lease = world.store.holder(run_id, world.desk.clock.at_s)
    return lease.owner if lease else ""


def test_runs_that_another_engine_drives_are_left_to_it(world: World) -> None:
    run_id = world.desk.launched()
    assert world.store.acquire(run_id, "somebody's laptop", world.desk.clock.at_s, ttl_s=1000.0)
    world.start()
    eventually(lambda: bool(threads("rampwise-driver")))
    eventually(lambda: "owns the target" in reason(world))
    assert held_by(world, run_id) == "somebody's laptop"


def reason(world: World) -> str:
    return str(world.cluster.get(EXPERIMENTS, *KEY).get("status", {}).get("reason", ""))


def test_an_ending_process_lets_the_next_one_lead_at_once(world: World) -> None:
    world.start()
    eventually(lambda: world.phase == "running")
    world.end()
    assert world.cluster.get(LEASES, "rampwise", "lease")["spec"]["holderIdentity"] == ""
    assert world.candidate("b").election.attempt()


def test_trouble_with_the_database_is_not_the_end(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    learned = failing(monkeypatch, world.controller.reconciler, "learn", [StoreError("down"), KeyError("x")])
    world.start()
    eventually(lambda: world.phase == "running")
    assert len(learned) == 3


def test_trouble_with_one_object_is_tried_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    troubles = [Unreachable("the API server is away"), ValueError("a bug")]
    looks = failing(monkeypatch, world.controller.reconciler, "reconcile", troubles)
    world.start()
    eventually(lambda: world.phase == "running")
    assert len(looks) >= 3


def failing(monkeypatch: pytest.MonkeyPatch, at: Any, name: str, errors: list[Exception]) -> list[str]:
    """The method fails with each of these first; a list that grows with every call."""
    calls: list[str] = []
    real: Callable[..., Any] = getattr(type(at), name)

    def fail(self: Any, *arguments: Any) -> Any:
        calls.append(name)
        if len(calls) <= len(errors):
            raise errors[len(calls) - 1]
        return real(self, *arguments)

    monkeypatch.setattr(type(at), name, fail)
    return calls


def test_a_term_ends_although_nothing_could_be_listed_yet(world: World) -> None:
    world.controller.reflector.synced.clear()
    world.start()
    eventually(lambda: bool(threads("rampwise-reconciler")))
    world.end()
    assert list(world.store.runs()) == []


def test_an_object_that_is_gone_is_not_looked_at(world: World) -> None:
    world.controller._look_at(("shop", "gone"))
    assert world.controller.queue.take(0.0) is None


def test_an_object_is_looked_at_when_its_run_has_news_and_only_then(desk: Desk) -> None:
    run_id = desk.launched()
    snapshot = desk.store.load(run_id).snapshot
    queue = Queue()
    publisher = Publisher(queue=queue)
    publisher.on_tick(snapshot, 0.1)
    assert queue.take(0.0) is None
    publisher.belongs(run_id, KEY)
    publisher.on_round()
    publisher.on_start(run_id, None)
    publisher.on_error(run_id, StoreError("x"))
    for _ in range(2):
        publisher.on_tick(snapshot, 0.1)
    assert [queue.take(0.0), queue.take(0.0)] == [KEY, None]
    desk.data("stop", run_id, "--reason", "x")
    publisher.on_tick(desk.store.load(run_id).snapshot, 0.1)
    queue.done(KEY)
    assert queue.take(0.0) == KEY
    publisher.on_tick(snapshot, 0.1)
    assert queue.take(0.0) is None
