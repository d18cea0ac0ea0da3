"""Who is started when many runs are driven: who is due, who is waited for, and nobody twice."""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from engine.adapters.fakes_store import MemoryStore
from engine.core.events import Actor, Freeze, Verb
from engine.crew import Crew
from engine.errors import StoreBusy
from engine.parts import Asked
from engine.ports import Lease
from tests.contracts.store_samples import ended, started

ADA = Actor(user="ada")


@dataclass
class Clock:
    def now_s(self) -> float:
        return 1000.0


@dataclass
class Slow:
    """A driver whose ticks last until they are let go."""

    store: MemoryStore
    clock: Clock = field(default_factory=Clock)
    held_by_others: set[str] = field(default_factory=set)
    interval: float = 3600.0
    begun: list[tuple[str, Lease | None, Asked]] = field(default_factory=list)
    asked_for: list[list[str]] = field(default_factory=list)
    go_on: threading.Event = field(default_factory=threading.Event)
    gave_up: bool = False

    def try_step(self, run_id: str, lease: Lease | None, asked: Asked) -> None:
        self.begun.append((run_id, lease, asked))
        assert self.go_on.wait(10)

    def leases(self, run_ids: list[str]) -> dict[str, Lease | None]:
        self.asked_for.append(list(run_ids))
        mine = set(run_ids) - self.held_by_others
        found = self.store.acquire_all(mine, "a", 1000.0, 15.0)
        return {**found, **dict.fromkeys(self.held_by_others & set(run_ids))}

    def interval_s(self, run_id: str) -> float:
        return self.interval

    def wait_s(self, run_id: str, ticked_s: float) -> float:
        return self.interval

    def give_up_all(self) -> None:
        self.gave_up = True

    @property
    def runs_begun(self) -> list[str]:
        return [run_id for run_id, _, _ in self.begun]


@pytest.fixture
def driver() -> Slow:
    store = MemoryStore()
    for number in range(6):
        snapshot, spec, events = started(f"r{number}", name=f"n{number}", target_key=f"t{number}")
        store.create(snapshot, spec, events)
    return Slow(store)


@pytest.fixture
def crew(driver: Slow) -> Iterator[Crew]:
    made = Crew(driver, 4)
    yield made
    driver.go_on.set()
    made.leave()
    assert driver.gave_up


def until(crew: Crew, condition) -> None:
    deadline_s = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline_s, "it never came to that"
        crew.wait(threading.Event(), 0.005)


def all_free(crew: Crew) -> bool:
    return crew._free == 4


def test_no_more_are_started_than_there_are_threads_and_the_rest_as_soon_as_one_is_free(crew, driver):
    crew.look()
    crew.start_due()
    until(crew, lambda: len(driver.begun) == 4)
    crew.start_due()
    assert driver.asked_for == [["r0", "r1", "r2", "r3"]]
    driver.go_on.set()
    until(crew, lambda: all_free(crew))
    crew.start_due()
    until(crew, lambda: len(driver.begun) == 6)
    assert sorted(driver.runs_begun) == [f"r{number}" for number in range(6)]
    assert all(lease is not None and lease.run_id == run_id for run_id, lease, _ in driver.begun)


def test_a_free_thread_is_used_even_when_all_others_hang(driver):
    crew = Crew(driver, 8)
    for number in range(6, 12):
        snapshot, spec, events = started(f"s{number}", name=f"n{number}", target_key=f"t{number}")
        driver.store.create(snapshot, spec, events)
    crew._free = 1
    crew.look()
    crew.start_due()
    until(crew, lambda: len(driver.begun) == 1)
    driver.go_on.set()
    crew.leave()


def test_who_is_waited_for_comes_first_with_what_is_asked(crew, driver):
    command = driver.store.request("r5", Verb.STOP, ADA, "", "cli", 1.0)
    freeze = Freeze(reason="incident", actor=ADA, since_s=1.0)
    driver.store.set_freeze(freeze)
    crew.look()
    crew.start_due()
    until(crew, lambda: len(driver.begun) == 4)
    assert driver.asked_for[0][0] == "r5"
    asked = {run_id: asked for run_id, _, asked in driver.begun}
    assert (list(asked["r5"].commands), asked["r5"].freeze) == ([command], freeze)
    assert (list(asked["r0"].commands), asked["r0"].freeze) == ([], freeze)


def test_a_run_that_was_ticked_during_the_look_waits_for_the_next_one(crew, driver):
    driver.interval = 0.0
    crew.look()
    crew.start_due()
    until(crew, lambda: len(driver.begun) == 4)
    driver.store.request("r0", Verb.STOP, ADA, "", "cli", 1.0)
    crew.look()
    driver.go_on.set()
    until(crew, lambda: all_free(crew))
    crew.start_due()
    until(crew, lambda: len(driver.begun) == 6)
    assert driver.runs_begun.count("r0") == 1, "its tick may have done what the look found"
    until(crew, lambda: all_free(crew))
    crew.look()
    crew.start_due()
    until(crew, lambda: driver.runs_begun.count("r0") == 2)


def test_a_run_is_not_due_again_before_its_time_unless_somebody_waits(crew, driver):
    driver.go_on.set()
    for _ in range(2):
        crew.look()
        crew.start_due()
        until(crew, lambda: all_free(crew))
    assert sorted(driver.runs_begun) == [f"r{number}" for number in range(6)]
    driver.store.request("r3", Verb.PAUSE, ADA, "", "cli", 1.0)
    crew.look()
    crew.start_due()
    until(crew, lambda: driver.runs_begun.count("r3") == 2)
    assert len(driver.begun) == 7


def test_a_run_that_another_engine_drives_is_looked_at_again_after_an_interval(crew, driver):
    driver.go_on.set()
    driver.held_by_others = {"r1"}
    for _ in range(3):
        crew.look()
        crew.start_due()
        until(crew, lambda: all_free(crew))
    assert "r1" not in driver.runs_begun
    assert sum("r1" in asked for asked in driver.asked_for) == 1
    driver.interval = 0.0
    crew._due_s["r1"] = 0.0
    for _ in range(2):
        crew.look()
        crew.start_due()
    assert sum("r1" in asked for asked in driver.asked_for) > 1


def test_nobody_is_started_while_the_database_is_busy(crew, driver, monkeypatch):
    def busy() -> None:
        raise StoreBusy("locked")

    crew.look()
    monkeypatch.setattr(driver.store, "freeze", busy)
    crew.look()
    crew.start_due()
    assert driver.asked_for == []


def test_what_has_ended_is_forgotten(crew, driver):
    driver.go_on.set()
    crew.look()
    crew.start_due()
    until(crew, lambda: all_free(crew))
    crew.look()
    assert "r0" in crew._due_s
    lease = driver.store.acquire("r0", "a", 1000.0, 15.0)
    events, snapshot = ended(driver.store.load("r0").snapshot)
    driver.store.append(lease, events, snapshot)
    crew.look()
    assert "r0" not in crew._due_s


def test_who_never_had_a_turn_comes_before_those_who_had_one(crew, driver):
    driver.interval = 0.0
    crew.look()
    crew.start_due()
    until(crew, lambda: len(driver.begun) == 4)
    driver.go_on.set()
    until(crew, lambda: all_free(crew))
    crew.look()
    crew.start_due()
    until(crew, lambda: len(driver.begun) == 8)
    assert driver.asked_for[1][:2] == ["r4", "r5"]
