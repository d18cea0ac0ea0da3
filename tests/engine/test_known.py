"""What a tick need not ask the store for, and what it asks all the same before traffic is given."""

import pytest

from engine.core.decision import BlockerKind
from engine.core.events import Actor, Freeze, Verb
from engine.core.gate import GateStatus
from engine.core.run import Phase
from engine.driver import Driver
from engine.errors import LeaseLost, StoreBusy, StoreError
from engine.parts import Asked
from engine.ports import Snapshot
from tests.engine.world import RUN_ID, World

ADA = Actor(user="ada")
NOBODY_ASKS = Asked((), None)


class Counting:
    """A store that counts what it is asked for, and may fail."""

    def __init__(self, store):
        self.store = store
        self.asked: list[str] = []
        self.failing: dict[str, Exception] = {}

    def __getattr__(self, name):
        def called(*args, **kwargs):
            self.asked.append(name)
            if name in self.failing:
                raise self.failing.pop(name)
            return getattr(self.store, name)(*args, **kwargs)

        return called


@pytest.fixture
def world() -> World:
    made = World()
    made.store = Counting(made.store)
    made.launch()
    return made


@pytest.fixture
def driver(world: World) -> Driver:
    return Driver(world.store, lambda _run_id: world.parts(), world.clock, "a")


def ticked(world: World, driver: Driver, asked: Asked | None = NOBODY_ASKS) -> Snapshot | None:
    """One tick a window later, and only what it asked the store."""
    world.pass_time(10)
    world.store.asked.clear()
    return driver.step(RUN_ID, driver.leases([RUN_ID])[RUN_ID], asked)


def until_it_would_give(world: World, driver: Driver) -> None:
    """Up to the moment at which the next tick gives the second step."""
    ticked(world, driver)
    while world.store.load(RUN_ID).snapshot.run.step < 0:
        ticked(world, driver)
    for _ in range(2):
        ticked(world, driver)
    assert world.store.load(RUN_ID).snapshot.run.step == 0


def test_a_tick_after_another_asks_the_store_for_nothing(world, driver):
    ticked(world, driver)
    ticked(world, driver)
    ticked(world, driver)
    assert world.store.asked == ["acquire_all", "append"]


def test_what_was_written_under_another_lease_is_read_again(world, driver):
    ticked(world, driver)
    world.pass_time(60)
    other = Driver(world.store, driver.assemble, world.clock, "b")
    assert other.step(RUN_ID) is not None
    assert driver.step(RUN_ID) is None
    other.give_up_all()
    ticked(world, driver)
    assert "load" in world.store.asked


@pytest.mark.parametrize("trouble", [StoreBusy("locked"), RuntimeError("a bug")])
def test_after_trouble_the_run_is_read_again(world, driver, trouble):
    ticked(world, driver)
    ticked(world, driver)
    world.store.failing["append"] = trouble
    assert driver.try_step(RUN_ID) is None
    ticked(world, driver)
    assert "load" in world.store.asked


def test_a_lease_that_was_lost_while_ticking_leaves_nothing_known(world, driver):
    ticked(world, driver)
    ticked(world, driver)
    world.store.failing["append"] = LeaseLost("another engine")
    assert ticked(world, driver) is None
    ticked(world, driver)
    assert "load" in world.store.asked


def test_leases_that_cannot_be_renewed_are_kept_and_those_never_had_are_left_out(world, driver):
    lease = driver.leases([RUN_ID])[RUN_ID]
    world.store.failing["acquire_all"] = StoreError("read-only")
    assert driver.leases([RUN_ID, "another"]) == {RUN_ID: lease}


def test_a_freeze_of_this_moment_keeps_a_tick_from_giving(world, driver):
    until_it_would_give(world, driver)
    world.store.set_freeze(Freeze(reason="incident", actor=ADA, since_s=world.clock.now_s()))
    snapshot = ticked(world, driver)
    assert snapshot is not None
    assert snapshot.run.step == 0
    assert BlockerKind.FREEZE in {blocker.kind for blocker in snapshot.run.blockers}


def test_a_pause_of_this_moment_keeps_a_tick_from_giving(world, driver):
    until_it_would_give(world, driver)
    world.store.request(RUN_ID, Verb.PAUSE, ADA, "lunch", "cli", world.clock.now_s())
    snapshot = ticked(world, driver)
    assert snapshot is not None
    assert (snapshot.run.phase, snapshot.run.step) == (Phase.PAUSED, 0)
    assert list(world.store.requested(RUN_ID)) == []


def test_without_trouble_the_tick_gives_after_asking_anew(world, driver):
    until_it_would_give(world, driver)
    snapshot = ticked(world, driver)
    assert snapshot is not None
    assert snapshot.run.step == 1
    assert ("requested" in world.store.asked, "freeze" in world.store.asked) == (True, True)


def test_a_command_that_was_looked_up_is_carried_out_once(world, driver):
    ticked(world, driver)
    command = world.store.request(RUN_ID, Verb.PAUSE, ADA, "lunch", "cli", world.clock.now_s())
    snapshot = ticked(world, driver, Asked((command,), None))
    assert snapshot is not None
    assert snapshot.run.phase is Phase.PAUSED
    assert list(world.store.requested(RUN_ID)) == []


def test_taking_away_asks_nobody(world, driver):
    until_it_would_give(world, driver)
    world.gate.status = GateStatus.CLOSED
    snapshot = ticked(world, driver)
    assert snapshot is not None
    assert world.target.weights.treatment == 0
    assert not {"requested", "freeze", "load"} & set(world.store.asked)


def test_ticks_follow_the_ends_of_windows(world, driver):
    assert driver.wait_s(RUN_ID, world.clock.now_s()) == 1.0
    first_s = world.clock.now_s() + world.source.watermark_s
    driver.step(RUN_ID)
    world.clock.at_s += 3
    now_s = world.clock.now_s()
    wait_s = driver.wait_s(RUN_ID, now_s)
    assert 0 < wait_s <= 10
    assert (now_s + wait_s - first_s) % 10 == pytest.approx(0.001, abs=1e-5)
    assert driver.wait_s(RUN_ID, now_s - 10) == pytest.approx(0.001, abs=1e-5), (
        "a tick that took too long is due at once"
    )
    assert driver.wait_s(RUN_ID, now_s + 5000) == 10, "a clock that was set back stops no run"
