"""A database that is locked, read-only, full, damaged or somebody else's: one clear message, nothing lost."""

import sqlite3
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import event

from engine.adapters.store import open_store
from engine.adapters.store.schema import HEAD
from engine.core.events import Freeze, Verb
from engine.errors import CorruptRecord, StoreBusy, StoreError
from engine.ports import Rival
from tests.adapters.store.conftest import Bench
from tests.contracts.letter_samples import a_letter
from tests.contracts.store_samples import ADA, decided, next_events


def test_a_locked_database_is_busy_and_the_write_can_be_done_later(bench: Bench) -> None:
    blocker = sqlite3.connect(bench.path, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreBusy, match=r"runs\.db: locked by another program.*try again"):
        bench.append_one()
    assert len(bench.store.events("r1")) == 3, "reading goes on while somebody writes"
    blocker.execute("ROLLBACK")
    blocker.close()
    bench.append_one()
    assert len(bench.store.events("r1")) == 4


def test_a_new_database_that_stays_locked_is_busy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.adapters.store.schema.BUSY_S", 0.1)
    blocker = sqlite3.connect(tmp_path / "runs.db", isolation_level=None)
    blocker.execute("BEGIN EXCLUSIVE")
    with pytest.raises(StoreBusy, match="locked by another program"):
        open_store(f"sqlite:///{tmp_path}/runs.db?timeout=0.1")
    blocker.close()


def test_a_read_only_database_can_be_read_and_says_why_it_cannot_be_written(bench: Bench) -> None:
    store = open_store(f"sqlite:///file:{bench.path}?mode=ro&uri=true")
    assert len(store.events("r1")) == 3
    with pytest.raises(StoreError, match=r"runs\.db: .*read-only; make the file and its folder writable"):
        store.request("r1", Verb.STOP, ADA, "", "cli", 5.0)
    store.close()


def test_a_full_disk_loses_nothing_and_writing_goes_on_when_there_is_room(bench: Bench) -> None:
    @event.listens_for(bench.store._database._engine, "begin")
    def _no_room(connection: object) -> None:
        connection.exec_driver_sql(f"PRAGMA max_page_count={limit}")  # type: ignore[attr-defined]

    limit = 1  # SQLite takes the present size when that is larger
    with pytest.raises(StoreError, match=r"runs\.db: .*the disk is full; free some space"):
        _append_many(bench)
    stored = bench.store.load("r1").snapshot
    assert [entry.seq for entry in bench.store.events("r1")] == list(range(1, stored.run.seq + 1))
    limit = 100_000
    bench.append_one()
    assert bench.store.load("r1").snapshot.run.seq == stored.run.seq + 1


def _append_many(bench: Bench) -> None:
    for _ in range(200):
        bench.append_one()


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a database, but something precious\n" * 100)
    before = path.read_bytes()
    with pytest.raises(StoreError, match=r"notes\.txt: .*it is not a database; name another file"):
        open_store(f"sqlite:///{path}")
    assert path.read_bytes() == before


def test_another_programs_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "photos.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE photos (id INTEGER)")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match=r"belongs to another program \(tables photos\)"):
        open_store(f"sqlite:///{path}")
    assert path.read_bytes() == before


def test_a_newer_database_is_refused_and_left_alone(bench: Bench) -> None:
    bench.alter("UPDATE rampwise_version SET version_num='9999'")
    with pytest.raises(StoreError, match=r"newer version of Rampwise \(its form is 9999"):
        open_store(bench.url)
    bench.alter("UPDATE rampwise_version SET version_num=? WHERE version_num='9999'", HEAD)
    assert len(bench.store.events("r1")) == 3


def test_a_damaged_file_is_named_as_such(bench: Bench) -> None:
    bench.store.close()
    with bench.path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (bench.path.stat().st_size - 4096))
    with pytest.raises(StoreError, match=r"runs\.db: .*it is damaged; restore it from a backup"):
        open_store(bench.url).events("r1")


def test_a_folder_is_no_database(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="it cannot be opened"):
        open_store(f"sqlite:///{tmp_path}")


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match=r"its folder cannot be made: .*Name another path"):
        open_store(f"sqlite:///{tmp_path}/file/sub/runs.db")


def test_missing_folders_are_made(tmp_path: Path) -> None:
    open_store(f"sqlite:///{tmp_path}/state/rampwise/runs.db").close()
    assert (tmp_path / "state/rampwise/runs.db").is_file()


@pytest.mark.parametrize("url", ["runs.db", "", "/tmp/runs.db"])
def test_a_path_is_not_a_url(url: str) -> None:
    with pytest.raises(StoreError, match=r"write it as sqlite:///path/to/rampwise\.db"):
        open_store(url)


@pytest.mark.parametrize("wrong", ["timeout=abc", "timeout=1&timeout=2", "cached_statements=x", "uri=maybe"])
def test_what_a_url_asks_for_and_cannot_have_is_refused(tmp_path: Path, wrong: str) -> None:
    with pytest.raises(StoreError, match=r"cannot be used: .*; correct its URL, after the `\?`"):
        open_store(f"sqlite:///{tmp_path}/runs.db?{wrong}")


def test_a_url_that_cannot_be_read_is_shown_without_its_password() -> None:
    with pytest.raises(StoreError, match="is not a database URL") as caught:
        open_store("postgresql://ada:secret@db:abc/runs")
    assert "secret" not in str(caught.value)


def test_a_new_database_is_for_its_owner_only(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path}/runs.db")
    store.set_freeze(Freeze(reason="x", actor=ADA, since_s=1.0))
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    store.close()
    assert modes["runs.db"] == 0o600
    assert set(modes.values()) == {0o600}


def test_the_mode_of_a_database_that_exists_is_left_alone(bench: Bench) -> None:
    bench.path.chmod(0o640)
    open_store(bench.url).close()
    assert stat.S_IMODE(bench.path.stat().st_mode) == 0o640


def test_an_unknown_driver_is_named_without_the_password() -> None:
    with pytest.raises(StoreError, match="Install the driver") as caught:
        open_store("nosql://ada:secret@db/runs")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("data", '{"observations":', "event 2 cannot be read: not JSON"),
        ("data", "[]", "event 2 cannot be read: .*Observed"),
        ("data", '{"observations":[{"window":3}]}', "event 2 cannot be read: observations.0.window"),
        ("at_s", "noon", "event 2 cannot be read: at_s"),
        ("schema", "x", "event 2 cannot be read: its schema"),
        ("schema", 99, "event 2 was written by a newer version of Rampwise: its schema is 99"),
        ("type", "teleported", "event 2 was written by a newer version of Rampwise: its type 'teleported'"),
        ("rule", "moon_phase", "event 2 was written by a newer version of Rampwise: its rule 'moon_phase'"),
    ],
)
def test_a_corrupt_event_is_named_by_run_and_number(
    bench: Bench, column: str, value: object, message: str
) -> None:
    bench.alter(f"UPDATE events SET {column}=? WHERE seq=2", value)
    with pytest.raises(CorruptRecord, match=f"run r1, {message}"):
        bench.store.events("r1")
    assert [entry.seq for entry in bench.store.events("r1", after_seq=2)] == [3]


@pytest.mark.parametrize("seq", [2, 3])
def test_a_missing_event_is_noticed(bench: Bench, seq: int) -> None:
    bench.alter("DELETE FROM events WHERE seq=?", seq)
    with pytest.raises(CorruptRecord, match=f"run r1, event {seq} is missing"):
        bench.store.events("r1")


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("snapshot", "{", "not JSON"),
        ("snapshot", "{}", "run: "),
        ("spec", "[1]", "dict"),
        ("seq", 2, "it holds run r1 at event 3"),
        ("schema", 99, "newer version of Rampwise"),
    ],
)
def test_a_corrupt_run_is_told_apart_and_hides_no_other(
    bench: Bench, column: str, value: object, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.alter(f"UPDATE runs SET {column}=?", value)
    with pytest.raises(CorruptRecord, match=f"run r1, snapshot at event [23].*{message}"):
        bench.store.load("r1")
    assert list(bench.store.runs()) == []
    assert "run_unreadable" in capsys.readouterr().out
    [error] = bench.store.unreadable()
    assert "run r1" in str(error)
    assert list(bench.store.active()) == ["r1"]


def test_a_missing_table_is_reported_as_trouble_of_the_database(bench: Bench) -> None:
    connection = sqlite3.connect(bench.path)
    connection.execute("DROP TABLE freezes")
    connection.close()
    with pytest.raises(StoreError, match=r"runs\.db: no such table: freezes: it did not do as asked"):
        bench.store.freeze()


def test_a_corrupt_run_is_still_the_rival_of_a_launch(bench: Bench) -> None:
    bench.alter("UPDATE runs SET snapshot='{'")
    assert bench.store.rival("checkout-v2", "elsewhere") == Rival(run_id="r1", same_name=True)
    assert bench.store.rival("other", "local/checkout") == Rival(run_id="r1", same_name=False)
    assert bench.store.rival("other", "elsewhere") is None


def test_a_corrupt_command_is_told_once_and_hides_no_other(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = bench.store.request("r1", Verb.PAUSE, ADA, "", "cli", 5.0)
    bench.alter("UPDATE commands SET verb='dance'")
    assert list(bench.store.waiting()) == [], "nobody is waited for whom no tick can answer"
    good = bench.store.request("r1", Verb.STOP, ADA, "", "cli", 6.0)
    for _ in range(3):
        assert list(bench.store.requested("r1")) == [good]
    assert list(bench.store.waiting()) == ["r1"]
    assert capsys.readouterr().out.count("command_unreadable") == 1
    [error] = bench.store.unreadable()
    assert f"run r1, command {bad.id} cannot be read: verb" in str(error)


def test_a_corrupt_letter_is_told_and_keeps_no_other_from_being_sent(bench: Bench) -> None:
    events, snapshot = next_events(bench.store.load("r1").snapshot, decided())
    bench.store.append(bench.lease, events, snapshot, [a_letter(seq=4), a_letter(seq=4, sink="pager")])
    bench.alter("UPDATE letters SET notice='{' WHERE sink='chat'")
    [claimed] = bench.store.claim_letters(1000.0, 1060.0, 9)
    assert claimed.sink == "pager"
    assert [letter.sink for letter in bench.store.letters("r1")] == ["pager"]
    [error] = bench.store.unreadable()
    assert "run r1, letter 4/rollback to chat cannot be read: not JSON" in str(error)


def test_a_freeze_that_cannot_be_read_is_a_freeze_until_it_is_ended(bench: Bench) -> None:
    bench.store.set_freeze(Freeze(reason="x", actor=ADA, since_s=1.0))
    bench.alter("UPDATE freezes SET since_s='noon'")
    freeze = bench.store.freeze()
    assert freeze is not None
    assert freeze.reason.startswith("the freeze cannot be read: since_s")
    [error] = bench.store.unreadable()
    assert "the freeze cannot be read" in str(error)
    bench.store.set_freeze(None)
    assert bench.store.freeze() is None


def test_values_that_json_cannot_hold_are_refused_before_anything_is_written(bench: Bench) -> None:
    snapshot = replace(bench.store.load("r1").snapshot, evidence={"log_e": float("-inf")})
    with pytest.raises(ValueError, match="not JSON compliant"):
        bench.store.append(bench.lease, (), snapshot)


def test_a_database_whose_file_was_moved_is_not_written_any_more_and_can_be_read(bench: Bench) -> None:
    away = bench.path.rename(bench.path.with_name("away.db"))
    with pytest.raises(StoreError, match=r"runs\.db: its file was moved.*Put it back"):
        bench.append_one()
    bench.path.touch()
    with pytest.raises(StoreError, match=r"runs\.db: its file was moved, replaced"):
        bench.append_one()
    assert len(bench.store.events("r1")) == 3
    away.rename(bench.path)
    bench.append_one()
    assert len(bench.store.events("r1")) == 4
