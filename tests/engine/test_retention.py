"""Old records of users go, a few at a time, and never those that a run still needs."""

import json
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from structlog.testing import CapturingLogger

from engine import retention as module
from engine.adapters.fakes_intake import MemoryIntake
from engine.adapters.fakes_store import MemoryStore
from engine.adapters.store import open_store
from engine.errors import CorruptRecord, StoreBusy
from engine.intake import Exposure, Occurrence
from engine.retention import Retention, deleting
from tests.contracts.intake_contract import DID, EXPOSED
from tests.contracts.store_samples import ended, started
from tests.local.waiting import eventually

KEEP_S = 90 * 86_400.0
LATE_S = 3 * KEEP_S
NEVER = threading.Event()


class Clock:
    """Time stands still until a test moves it."""

    def __init__(self, at_s: float) -> None:
        self.at_s = at_s

    def now_s(self) -> float:
        return self.at_s


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> CapturingLogger:
    """What is logged, whatever level other tests have left."""
    made = CapturingLogger()
    monkeypatch.setattr(module, "_log", made)
    return made


def a_retention(at_s: float = LATE_S, store: Any = None, intake: Any = None) -> Retention:
    own = {"store": store or MemoryStore(), "intake": intake or MemoryIntake()}
    return Retention(clock=Clock(at_s), keep_s=KEEP_S, **own)


def begin(retention: Retention, name: str = "checkout", flag: str = "") -> None:
    """A run of this name at the beginning of time, whose flags may be called otherwise."""
    snapshot, spec, events = started(f"{name}-1", name=name, target_key=name)
    if flag:
        target = {"flag": {"experiment": flag, "file": "flags.json"}}
        spec = {"document": {"spec": {"target": target}}}
    retention.store.create(snapshot, spec, events)


def end(retention: Retention, run_id: str = "checkout-1", at_s: float = 0.0) -> None:
    """The run ends, at a time or soon after it began."""
    before = retention.store.load(run_id).snapshot
    lease = retention.store.acquire(run_id, "engine", now_s=at_s, ttl_s=30)
    assert lease is not None
    events, snapshot = ended(before)
    if at_s:
        events = [replace(event, at_s=at_s) for event in events]
        snapshot = replace(snapshot, run=replace(snapshot.run, ended_s=at_s, last_event_s=at_s))
    retention.store.append(lease, events, snapshot)


def left(retention: Retention, experiment: str = "checkout") -> tuple[list[str], list[str]]:
    """Ids of what is still there."""
    return (
        sorted(each.id for each in retention.intake.exposures(experiment)),
        sorted(each.id for each in retention.intake.occurrences(experiment)),
    )


def test_what_came_long_ago_goes_and_what_came_lately_stays() -> None:
    retention = a_retention()
    retention.intake.take_in([EXPOSED, DID], LATE_S - KEEP_S - 1)
    retention.intake.take_in([replace(EXPOSED, id="x2"), replace(DID, id="e2")], LATE_S - KEEP_S + 1)
    assert retention.sweep(NEVER) == {Exposure: 1, Occurrence: 1}
    assert left(retention) == (["x2"], ["e2"])


def test_nothing_goes_that_a_run_needs_until_its_end_is_as_long_ago() -> None:
    retention = a_retention()
    begin(retention)
    retention.intake.take_in([EXPOSED, DID], 1.0)
    assert retention.sweep(NEVER) == {Exposure: 0, Occurrence: 0}
    end(retention, at_s=LATE_S - KEEP_S / 2)
    assert retention.sweep(NEVER) == {Exposure: 0, Occurrence: 0}
    assert left(retention) == (["x1"], ["e1"])
    later = replace(retention, clock=Clock(LATE_S + KEEP_S))
    assert later.sweep(NEVER) == {Exposure: 1, Occurrence: 1}


def test_the_last_run_of_an_experiment_counts() -> None:
    retention = a_retention()
    begin(retention)
    end(retention)
    snapshot, spec, events = started("checkout-2", name="checkout", target_key="checkout")
    retention.store.create(snapshot, spec, events)
    retention.intake.take_in([EXPOSED], 1.0)
    assert retention.sweep(NEVER)[Exposure] == 0


def test_an_experiment_has_the_name_that_its_flags_have() -> None:
    retention = a_retention()
    begin(retention, "checkout-on-one-page", flag="checkout")
    retention.intake.take_in([EXPOSED, DID, replace(EXPOSED, id="x2", experiment="search")], 1.0)
    assert retention.sweep(NEVER) == {Exposure: 1, Occurrence: 0}
    assert left(retention) == (["x1"], ["e1"])


def test_what_a_unit_did_stays_for_the_one_experiment_that_needs_it() -> None:
    retention = a_retention()
    begin(retention, "search")
    bob = replace(DID, id="e2", unit="bob")
    other = replace(EXPOSED, id="x2", experiment="search")
    retention.intake.take_in([EXPOSED, other, replace(EXPOSED, id="x3", unit="bob"), DID, bob], 1.0)
    assert retention.sweep(NEVER) == {Exposure: 2, Occurrence: 1}
    assert left(retention, "search") == (["x2"], ["e1"])


def test_a_pass_goes_through_everything_a_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 3)
    monkeypatch.setattr(module, "_LEAST_PAUSE_S", 0.0)
    retention = a_retention()
    begin(retention)
    for number in range(20):
        unit = "ada" if number % 2 else "bob"
        retention.intake.take_in([replace(DID, id=f"e{number:02}", unit=unit)], 1.0 + number // 4)
    retention.intake.take_in([EXPOSED], 1.0)
    assert retention.sweep(NEVER) == {Exposure: 0, Occurrence: 10}
    assert left(retention)[1] == [f"e{number:02}" for number in range(1, 20, 2)]


def test_a_run_that_begins_meanwhile_keeps_what_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 1)
    retention = a_retention()
    for number in range(3):
        retention.intake.take_in([replace(EXPOSED, id=f"x{number}")], 1.0 + number)
    batches = retention._batches(Exposure, LATE_S - KEEP_S, NEVER)
    assert next(batches) == 1
    begin(retention)
    assert list(batches) == [0, 0, 0]
    assert left(retention)[0] == ["x1", "x2"]


def test_a_pass_ends_when_it_is_told_to() -> None:
    retention = a_retention()
    retention.intake.take_in([EXPOSED], 1.0)
    stop = threading.Event()
    stop.set()
    assert retention.sweep(stop) == {Exposure: 0, Occurrence: 0}


def test_while_an_active_run_cannot_be_read_nothing_goes(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path}/runs.db")
    retention = a_retention(store=store, intake=store.intake)
    begin(retention)
    retention.intake.take_in([replace(EXPOSED, experiment="search")], 1.0)
    with store._database.write() as connection:
        connection.execute(text("UPDATE runs SET snapshot = '{'"))
    with pytest.raises(CorruptRecord, match="run checkout-1 goes on and cannot be read"):
        retention.sweep(NEVER)
    assert left(retention, "search")[0] == ["x1"]
    store.close()


def test_the_log_says_how_many_went_and_nothing_of_users(log: CapturingLogger) -> None:
    retention = a_retention()
    retention.intake.take_in([EXPOSED, DID], 1.0)
    retention.sweep(NEVER)
    retention.sweep(NEVER)
    [line] = log.calls
    assert (line.args, line.kwargs["exposures"], line.kwargs["events"]) == (("users' records deleted",), 1, 1)
    assert "ada" not in json.dumps(line.kwargs)


def test_trouble_with_the_database_is_logged_and_tried_again(
    monkeypatch: pytest.MonkeyPatch, log: CapturingLogger
) -> None:
    monkeypatch.setattr(module, "AGAIN_S", 0.0)
    retention = a_retention()
    retention.intake.take_in([EXPOSED], 1.0)
    plain, calls = MemoryIntake.sweep, []

    def busy_once(*arguments: Any) -> Any:
        calls.append(arguments)
        if len(calls) == 1:
            raise StoreBusy("locked")
        return plain(*arguments)

    monkeypatch.setattr(MemoryIntake, "sweep", busy_once)
    with deleting(retention):
        eventually(lambda: left(retention)[0] == [])
    assert [line.method_name for line in log.calls] == ["warning", "info"]


def test_the_end_does_not_wait_for_the_next_pass() -> None:
    with deleting(a_retention()):
        pass
    assert not any(each.name == "rampwise-retention" for each in threading.enumerate())
