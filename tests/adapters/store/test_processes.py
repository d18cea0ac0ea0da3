"""Several processes on one database file: one wins, nothing is half done."""

import random
import time
from itertools import pairwise
from pathlib import Path

import pytest

from engine.adapters.store import SqlStore, open_store
from engine.core.evolve import replay
from tests.adapters.store import workers
from tests.contracts.store_samples import started

pytestmark = pytest.mark.slow


def _store_with_run(url: str) -> SqlStore:
    store = open_store(url)
    snapshot, spec, events = started("r1")
    store.create(snapshot, spec, events)
    return store


def test_first_opens_at_once_all_succeed(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/new/runs.db"
    assert workers.together(workers.open_first, url, list("abc")) == ["opened"] * 3


def test_of_racing_launches_exactly_one_wins(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/runs.db"
    answers = dict(workers.together(workers.launch_first, url, ["r1", "r2", "r3"]))
    winners = [name for name, answer in answers.items() if answer == "won"]
    assert len(winners) == 1
    store = open_store(url)
    assert list(store.active()) == winners
    losers = [answer for answer in answers.values() if answer != "won"]
    assert all(f"already has a run: {winners[0]} is running" in answer for answer in losers)
    store.close()


def test_two_engines_never_write_under_one_token_nor_out_of_turn(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/runs.db"
    store = _store_with_run(url)
    answers = workers.together(workers.drive_in_turns, url, ["a", "b"], 150)
    kept = {name: pairs for name, pairs, _ in answers}
    tokens = {name: {token for token, _ in pairs} for name, pairs in kept.items()}
    assert not tokens["a"] & tokens["b"]
    log = store.events("r1")[1:]
    claimed = {seq: f"{name}/{token}" for name, pairs in kept.items() for token, seq in pairs}
    assert {event.seq: event.source for event in log} == claimed
    turns = [int(event.source.split("/")[1]) for event in log]
    assert all(before <= after for before, after in pairwise(turns))
    assert len(set(turns)) > 2, "the lease never changed hands; the test tested nothing"
    assert store.load("r1").snapshot.run == replay(store.events("r1"))
    store.close()


def test_a_writer_killed_at_any_time_leaves_whole_transactions_only(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/runs.db"
    _store_with_run(url).close()
    last_seq, kills, deadline_s = 1, 0, time.monotonic() + 10
    while time.monotonic() < deadline_s:
        process = workers.FORKSERVER.Process(target=workers.append_forever, args=(url,), daemon=True)
        process.start()
        seq = _wait_for_progress(url, last_seq)
        time.sleep(random.uniform(0, 0.05))  # a moment to be killed at, not a condition to wait for
        process.kill()
        process.join()
        kills += 1
        store = open_store(url)
        events = store.events("r1")
        stored = store.load("r1")
        store.close()
        assert stored.snapshot.run == replay(events)
        assert stored.snapshot.run.seq == stored.snapshot.evidence["seq"] >= seq
        assert stored.snapshot.run.seq % 2 == 1, "half of a pair of events was kept"
        last_seq = stored.snapshot.run.seq
    assert kills >= 5


def _wait_for_progress(url: str, last_seq: int) -> int:
    store = open_store(url)
    deadline_s = time.monotonic() + workers.LIMIT_S
    try:
        while (seq := store.load("r1").snapshot.run.seq) == last_seq:
            assert time.monotonic() < deadline_s, "the writer wrote nothing"
        return seq
    finally:
        store.close()
