"""The store on a real PostgreSQL: the same contract, and engines that share it."""

import secrets
import threading
from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise

import pytest
from sqlalchemy import text

from engine.adapters.store import SqlStore, open_store
from engine.adapters.store.appending import append, part_of
from engine.core.events import Freeze, Verb
from engine.core.evolve import replay
from engine.errors import LeaseLost, StoreBusy, StoreError
from engine.ports import Lease
from tests import postgresql as servers
from tests.adapters.store import workers
from tests.contracts.letter_samples import a_letter
from tests.contracts.store_contract import StoreContract
from tests.contracts.store_samples import ADA, decided, next_events, started

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with servers.server() as url:
        yield url


@pytest.fixture
def url(server: str) -> str:
    return servers.new_database(server, f"t{secrets.token_hex(4)}")


@pytest.fixture
def store(url: str) -> Iterator[SqlStore]:
    made = open_store(url)
    yield made
    made.close()


@pytest.fixture
def other(url: str, store: SqlStore) -> Iterator[SqlStore]:
    """Another engine's store on the same database."""
    made = open_store(url)
    yield made
    made.close()


def a_run(store: SqlStore, run_id: str = "r1") -> None:
    snapshot, spec, events = started(run_id, name=run_id, target_key=run_id)
    store.create(snapshot, spec, events)


class TestPostgresql(StoreContract):
    @pytest.fixture
    def store(self, url: str) -> Iterator[SqlStore]:
        made = open_store(url)
        yield made
        made.close()


def test_first_opens_at_once_all_succeed(url: str) -> None:
    assert workers.together(workers.open_first, url, list("abc")) == ["opened"] * 3


def test_of_racing_launches_exactly_one_wins(url: str, store: SqlStore) -> None:
    answers = dict(workers.together(workers.launch_first, url, ["r1", "r2", "r3"]))
    winners = [name for name, answer in answers.items() if answer == "won"]
    assert len(winners) == 1
    assert list(store.active()) == winners
    losers = [answer for answer in answers.values() if answer != "won"]
    assert all(f"already has a run: {winners[0]} is running" in answer for answer in losers)


def test_two_engines_never_write_under_one_token_nor_out_of_turn(url: str, store: SqlStore) -> None:
    a_run(store)
    answers = workers.together(workers.drive_in_turns, url, ["a", "b"], 60)
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


def test_a_lease_wanted_by_many_at_once_has_one_holder(store: SqlStore, other: SqlStore) -> None:
    a_run(store)
    for now_s in range(0, 2000, 100):
        want = [partial(at.acquire, "r1", name, now_s, 30) for name, at in (("a", store), ("b", other))]
        assert sum(lease is not None for lease in at_once(*want)) == 1


def test_a_letter_wanted_by_many_at_once_is_claimed_once(store: SqlStore, other: SqlStore) -> None:
    snapshot, spec, events = started("r1")
    store.create(snapshot, spec, events, letters=[a_letter(seq=seq, due_s=0.0) for seq in range(1, 40)])
    claimed = at_once(*(lambda at=at: at.claim_letters(1.0, 60.0, 99) for at in (store, other)))
    numbers = sorted(letter.notice.seq for letters in claimed for letter in letters)
    assert numbers == sorted(set(numbers))
    rest = store.claim_letters(1.0, 60.0, 99)
    assert sorted([*numbers, *(letter.notice.seq for letter in rest)]) == list(range(1, 40))


def test_freezes_set_at_once_leave_one(store: SqlStore, other: SqlStore) -> None:
    for round_ in range(20):
        freeze = Freeze(reason=f"incident {round_}", actor=ADA, since_s=1.0)
        at_once(*(lambda at=at, freeze=freeze: at.set_freeze(freeze) for at in (store, other)))
        assert store.freeze() == freeze


def test_an_engine_that_freezes_inside_a_transaction_does_not_stop_the_others(
    store: SqlStore, other: SqlStore
) -> None:
    a_run(store)
    lease = store.acquire("r1", "a", now_s=0, ttl_s=30)
    assert lease is not None
    follower: list[Lease] = []
    with pytest.raises(StoreError):
        freeze_meanwhile(store, lambda: follower.append(acquired_in_the_end(other)))
    assert [each.token for each in follower] == [lease.token + 1]
    events, snapshot = next_events(store.load("r1").snapshot, decided())
    with pytest.raises(LeaseLost):
        store.append(lease, events, snapshot)


def freeze_meanwhile(store: SqlStore, act: Callable[[], None]) -> None:
    """Lock the run, let others act, and find out that the transaction is over."""
    with store._database.write() as connection:
        connection.execute(text("SELECT * FROM leases FOR UPDATE"))
        act()
        connection.execute(text("SELECT 1"))


def acquired_in_the_end(store: SqlStore) -> Lease:
    """The lease once the server has ended the frozen transaction; until then it is busy."""
    for _ in range(5):
        try:
            lease = store.acquire("r1", "b", now_s=100, ttl_s=30)
        except StoreBusy:
            continue
        assert lease is not None
        return lease
    pytest.fail("the frozen transaction kept its lock")


def test_a_run_whose_lease_somebody_has_locked_does_not_keep_others_from_writing(
    store: SqlStore, other: SqlStore
) -> None:
    parts = []
    for run_id in ("r1", "r2", "r3"):
        a_run(store, run_id)
        lease = store.acquire(run_id, "a", now_s=0, ttl_s=30)
        assert lease is not None
        parts.append(part_of(lease, *next_events(store.load(run_id).snapshot, decided()), ()))
    with other._database.write() as connection:
        connection.execute(text("SELECT * FROM leases WHERE run_id = 'r2' FOR UPDATE"))
        with store._database.write() as writing:
            assert append(writing, parts) == {1: None}
        assert list(store.acquire_all(["r1", "r2"], "a", now_s=1, ttl_s=30)) == ["r1"]
    assert [len(store.events(run_id)) for run_id in ("r1", "r2", "r3")] == [2, 1, 2]


def test_readers_wait_for_nobody_and_see_one_state(store: SqlStore, other: SqlStore) -> None:
    a_run(store)
    lease = store.acquire("r1", "a", now_s=0, ttl_s=30)
    assert lease is not None
    with store._database.read() as connection:
        before = connection.execute(text("SELECT count(*) FROM events")).scalar_one()
        events, snapshot = next_events(other.load("r1").snapshot, decided())
        other.append(lease, events, snapshot)
        assert connection.execute(text("SELECT count(*) FROM events")).scalar_one() == before
    assert len(store.events("r1")) == before + 1
    with other._database.write() as connection:
        connection.execute(text("SELECT * FROM leases FOR UPDATE"))
        assert store.holder("r1", now_s=1.0) is not None


def test_connections_that_the_server_ended_are_made_anew(url: str, store: SqlStore, other: SqlStore) -> None:
    a_run(store)
    with other._database.write() as connection:
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE pid <> pg_backend_pid() AND datname = current_database()"
            )
        )
    assert list(store.active()) == ["r1"]
    store.request("r1", Verb.PAUSE, ADA, "", "cli", 5.0)
    assert [each.verb for each in store.requested("r1")] == [Verb.PAUSE]


def test_a_server_that_is_not_there_is_told_without_its_password() -> None:
    with pytest.raises(StoreError, match="can be reached") as caught:
        open_store("postgresql://ada:secret@127.0.0.1:1/nothing")
    assert "secret" not in str(caught.value)


def test_a_database_of_another_program_is_left_alone(url: str, store: SqlStore) -> None:
    with store._database.write() as connection:
        connection.execute(text("DROP TABLE rampwise_version"))
    with pytest.raises(StoreError, match="belongs to another program"):
        open_store(url)


def at_once(*acts):
    """What each act answers; all begin together, each in a thread of its own."""
    answers: list[object] = [None] * len(acts)
    barrier = threading.Barrier(len(acts))

    def run(number: int) -> None:
        barrier.wait(10)
        answers[number] = acts[number]()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(acts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return answers


def test_waits_that_the_url_names_are_left_as_they_are(url: str) -> None:
    store = open_store(f"{url}?application_name=mine&connect_timeout=3")
    with store._database.read() as connection:
        assert connection.execute(text("SHOW application_name")).scalar_one() == "mine"
        assert connection.execute(text("SHOW lock_timeout")).scalar_one() == "5s"
    store.close()
