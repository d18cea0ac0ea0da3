"""Migrations and tables agree, a failed upgrade leaves nothing, and old databases open for ever."""

import shutil
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from engine.adapters.store import SqlStore, open_store
from engine.adapters.store.records import PAYLOADS
from engine.adapters.store.schema import HEAD, VERSION_TABLE, migrations
from engine.adapters.store.tables import METADATA
from engine.core.events import Applied, Commanded, Decided, Intended, Launched, Observed, Payload, Verb
from engine.core.evolve import replay
from engine.core.measure import Missing, MissingReason, Trials, TrialsReading
from engine.core.run import Phase
from engine.core.target import Weights
from tests.adapters.store.conftest import Bench
from tests.contracts.letter_samples import a_letter
from tests.contracts.store_samples import ADA, decided, next_events

V1 = Path(__file__).parents[2] / "data" / "store-v1.sqlite3"


def test_head_is_the_newest_migration() -> None:
    assert ScriptDirectory.from_config(migrations()).get_current_head() == HEAD


def test_the_migrations_make_the_tables_that_the_code_uses(bench: Bench) -> None:
    with bench.store._database.read() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        assert compare_metadata(context, METADATA) == []


def test_every_payload_has_a_tag() -> None:
    assert set(PAYLOADS.values()) == set(Payload.__args__)


def test_commits_reach_the_disk_and_readers_do_not_wait(bench: Bench) -> None:
    with bench.store._database.read() as connection:
        ask = [connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in (
            "journal_mode", "synchronous", "foreign_keys", "busy_timeout",
        )]  # fmt: skip
    assert ask == ["wal", 2, 1, 100]


def test_an_upgrade_that_fails_half_way_leaves_no_table_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    upgrade = command.upgrade

    def upgrade_and_die(*arguments: object) -> None:
        upgrade(*arguments)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(command, "upgrade", upgrade_and_die)
        with pytest.raises(KeyboardInterrupt):
            open_store(f"sqlite:///{tmp_path}/runs.db")
    connection = sqlite3.connect(tmp_path / "runs.db")
    assert connection.execute("SELECT name FROM sqlite_master").fetchall() == []
    connection.close()
    open_store(f"sqlite:///{tmp_path}/runs.db").close()


@pytest.fixture
def v1(tmp_path: Path) -> Iterator[SqlStore]:
    """A copy of the committed database of version 1."""
    shutil.copy(V1, tmp_path / "v1.db")
    store = open_store(f"sqlite:///{tmp_path}/v1.db")
    yield store
    store.close()


def test_a_version_1_database_lists_its_runs(v1: SqlStore) -> None:
    runs = [stored.snapshot.run for stored in v1.runs()]
    assert [(run.id, run.name, run.phase) for run in runs] == [
        ("search-v7-1", "search-v7", Phase.RUNNING),
        ("checkout-v2-1", "checkout-v2", Phase.STOPPED),
    ]
    assert list(v1.unreadable()) == []
    assert list(v1.active()) == list(v1.waiting()) == ["search-v7-1"]


def test_a_version_1_database_has_every_event_and_they_fold_to_its_snapshots(v1: SqlStore) -> None:
    kinds: set[type] = set()
    for stored in v1.runs():
        events = v1.events(stored.snapshot.run.id)
        kinds |= {type(event.payload) for event in events}
        assert replay(events) == stored.snapshot.run
    assert kinds == {Launched, Observed, Decided, Intended, Applied, Commanded}


def test_a_version_1_run_is_read_as_it_was_written(v1: SqlStore) -> None:
    stored = v1.load("search-v7-1")
    assert stored.spec["metadata"] == {"name": "search-v7"}
    assert stored.snapshot.evidence == {"errors": {"log_e": -0.25}}
    assert stored.snapshot.run.weights == Weights.of(5)
    launched, observed, *_ = v1.events("search-v7-1")
    assert (launched.actor.user, launched.actor.host, launched.source) == ("ada", "desk", "cli")
    assert isinstance(observed.payload, Observed)
    readings = observed.payload.observations[0].readings
    assert readings["errors"] == TrialsReading(
        control=Trials(bad=3, total=900), treatment=Trials(bad=0, total=100)
    )
    assert isinstance(readings["orders"], Missing)
    assert readings["orders"].reason is MissingReason.NO_SERIES


def test_a_version_1_database_keeps_lease_command_and_freeze(v1: SqlStore) -> None:
    lease = v1.holder("search-v7-1", now_s=2000.0)
    assert lease is not None
    assert (lease.owner, lease.token, lease.expires_s) == ("engine-1", 2, 2030.0)
    [waiting] = v1.requested("search-v7-1")
    assert (waiting.id, waiting.verb, waiting.reason) == (2, Verb.APPROVE, "looks good")
    freeze = v1.freeze()
    assert freeze is not None
    assert (freeze.reason, freeze.actor.user, freeze.since_s) == ("quarter end", "ada", 1500.0)


def test_a_version_1_run_goes_on(v1: SqlStore) -> None:
    lease = v1.acquire("search-v7-1", "engine-2", now_s=3000.0, ttl_s=30)
    assert lease is not None
    assert lease.token == 3
    before = v1.load("search-v7-1").snapshot
    events, snapshot = next_events(before, decided())
    v1.append(lease, events, snapshot)
    assert v1.load("search-v7-1").snapshot == snapshot


def test_a_version_1_database_can_hold_letters_and_orders_that_name_a_treatment(v1: SqlStore) -> None:
    lease = v1.acquire("search-v7-1", "engine-2", now_s=3000.0, ttl_s=30)
    assert lease is not None
    assert v1.requested("search-v7-1")[0].treatment == ""
    events, snapshot = next_events(v1.load("search-v7-1").snapshot, decided())
    letter = a_letter(run_id="search-v7-1")
    v1.append(lease, events, snapshot, [letter])
    assert list(v1.letters("search-v7-1")) == [letter]
    v1.request("search-v7-1", Verb.PROMOTE, ADA, "", "cli", 5.0, "v3")
    assert v1.requested("search-v7-1")[1].treatment == "v3"


def test_threads_of_one_process_may_open_a_new_database_at_once(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'new.sqlite3'}"
    with ThreadPoolExecutor(8) as pool:
        stores = list(pool.map(lambda _: open_store(url), range(8)))
    assert [len(store.runs()) for store in stores] == [0] * 8
