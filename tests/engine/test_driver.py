"""Who ticks which run, and when: one engine at a time, commands at once, trouble stays with its run."""

import threading
from dataclasses import dataclass, field

import pytest

from engine import driver as driving
from engine.core.events import Actor, Verb
from engine.core.gate import GateStatus
from engine.core.run import Phase
from engine.driver import Driver, drive, serve
from engine.errors import LeaseLost, StoreBusy, StoreError, Unreachable
from tests.engine.world import RUN_ID, World, quick_experiment

ADA = Actor(user="ada")


@dataclass
class Flowing:
    """A world in which time passes whenever somebody looks at the clock."""

    world: World
    step_s: int = 5
    looks: int = field(default=0)

    def now_s(self) -> float:
        self.looks += 1
        if self.looks % 4 == 0:
            self.world.pass_time(self.step_s)
        return self.world.clock.at_s


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr(driving, "POLL_S", 0.001)


@pytest.fixture
def world() -> World:
    made = World(experiment=quick_experiment(interval_s=10.0))
    made.launch()
    return made


def a_driver(world: World, owner: str = "a") -> Driver:
    return Driver(world.store, lambda _run_id: world.parts(), Flowing(world), owner)


def test_a_driven_run_goes_to_its_end_and_its_lease_is_given_up(world, monkeypatch):
    monkeypatch.setattr(Driver, "interval_s", lambda *_: 0.001)
    seen = []
    final = drive(a_driver(world), RUN_ID, threading.Event(), seen.append, None)
    assert final.run.phase is Phase.PROMOTED
    assert len(seen) > 5
    assert world.store.holder(RUN_ID, world.clock.now_s()) is None


def test_beside_another_engine_a_driver_only_watches(world):
    world.store.acquire(RUN_ID, "other", world.clock.now_s(), 1e6)
    assert a_driver(world).step(RUN_ID) is None
    assert world.target.applied == []


def test_watching_stops_when_told_to_and_when_time_is_up(world):
    world.store.acquire(RUN_ID, "other", world.clock.now_s(), 1e6)
    stop = threading.Event()
    stop.set()
    assert drive(a_driver(world), RUN_ID, stop, lambda _: None, None).run.phase is Phase.RUNNING
    in_past_s = world.clock.now_s() - 1
    assert (
        drive(a_driver(world), RUN_ID, threading.Event(), lambda _: None, in_past_s).run.phase
        is Phase.RUNNING
    )


def test_a_command_ends_the_wait_for_the_next_tick(world, monkeypatch):
    monkeypatch.setattr(Driver, "interval_s", lambda *_: 3600.0)
    monkeypatch.setattr(driving, "POLL_S", 0.01)

    def show(_snapshot):
        if not world.store.requested(RUN_ID):
            world.store.request(RUN_ID, Verb.STOP, ADA, "enough", "cli", world.clock.now_s())

    assert drive(a_driver(world), RUN_ID, threading.Event(), show, None).run.phase is Phase.STOPPED


def test_a_busy_database_is_tried_again(world, monkeypatch):
    monkeypatch.setattr(Driver, "interval_s", lambda *_: 0.001)
    fine, failures = world.store.append, iter([True, False, True])

    def sometimes(*args):
        if next(failures, False):
            raise StoreBusy("database is locked")
        return fine(*args)

    monkeypatch.setattr(world.store, "append", sometimes)
    final = drive(a_driver(world), RUN_ID, threading.Event(), lambda _: None, None)
    assert final.run.phase is Phase.PROMOTED


def test_a_database_that_cannot_renew_a_lease_leaves_the_old_one_for_taking_traffic_away(world, monkeypatch):
    driver = a_driver(world)
    for _ in range(8):
        driver.step(RUN_ID)
        world.pass_time(10)
    assert world.target.weights.treatment > 0

    def dead(*_):
        raise StoreError("read-only")

    monkeypatch.setattr(world.store, "acquire", dead)
    monkeypatch.setattr(world.store, "append", dead)
    world.gate.status = GateStatus.CLOSED
    with pytest.raises(StoreError):
        driver.step(RUN_ID)
    assert world.target.weights.treatment == 0
    with pytest.raises(StoreError):
        a_driver(world, "another").step(RUN_ID)


def test_a_lost_lease_is_no_error(world, monkeypatch):
    def lost(*_):
        raise LeaseLost("another engine")

    monkeypatch.setattr(driving, "tick", lost)
    assert a_driver(world).step(RUN_ID) is None


def test_only_an_own_lease_is_given_up(world):
    world.store.acquire(RUN_ID, "other", world.clock.now_s(), 1e6)
    a_driver(world).give_up(RUN_ID)
    assert world.store.holder(RUN_ID, world.clock.now_s()).owner == "other"


def test_the_interval_is_the_experiments_once_it_is_known(world):
    driver = a_driver(world)
    assert driver.interval_s(RUN_ID) == 1.0
    driver.step(RUN_ID)
    assert driver.interval_s(RUN_ID) == 10.0


@pytest.mark.parametrize("trouble", [Unreachable("no such thing"), RuntimeError("a bug")])
def test_serving_drives_a_run_to_its_end_through_trouble(world, monkeypatch, trouble):
    monkeypatch.setattr(Driver, "interval_s", lambda *_: 0.0)
    stop = threading.Event()
    real, failures = driving.tick, iter([True, True])

    def sometimes(parts, lease, known):
        if next(failures, False):
            raise trouble
        snapshot = real(parts, lease, known)
        if snapshot.run.phase.ended:
            stop.set()
        return snapshot

    monkeypatch.setattr(driving, "tick", sometimes)
    serve(a_driver(world), stop, workers=2)
    assert world.store.load(RUN_ID).snapshot.run.phase is Phase.PROMOTED


def test_serving_ends_with_all_leases_given_up(world):
    stop = threading.Event()
    driver = a_driver(world)
    server = threading.Thread(target=serve, args=(driver, stop))
    server.start()
    while world.store.holder(RUN_ID, world.clock.now_s()) is None:
        assert server.is_alive()
    stop.set()
    server.join(10)
    assert world.store.holder(RUN_ID, world.clock.now_s()) is None
