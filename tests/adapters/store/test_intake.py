"""All intakes keep the same contract; what the real one acknowledged outlives its process."""

import json
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from engine.adapters.fakes_intake import MemoryIntake
from engine.adapters.store import open_store
from engine.adapters.store.intake import SqlIntake
from engine.errors import CorruptRecord, StoreBusy
from tests import postgresql as servers
from tests.contracts.intake_contract import DID, EXPOSED, NOW_S, IntakeContract


class TestMemoryIntake(IntakeContract):
    @pytest.fixture
    def intake(self) -> MemoryIntake:
        return MemoryIntake()


class TestSqlite(IntakeContract):
    @pytest.fixture
    def intake(self, tmp_path: Path) -> Iterator[SqlIntake]:
        store = open_store(f"sqlite:///{tmp_path}/runs.db")
        yield store.intake
        store.close()


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with servers.server() as url:
        yield url


@pytest.mark.slow
class TestPostgresql(IntakeContract):
    @pytest.fixture
    def intake(self, server: str) -> Iterator[SqlIntake]:
        store = open_store(servers.new_database(server, f"t{secrets.token_hex(4)}"))
        yield store.intake
        store.close()

    def test_two_engines_that_bring_the_same_do_not_wait_for_each_other_forever(self, server: str) -> None:
        url = servers.new_database(server, f"t{secrets.token_hex(4)}")
        open_store(url).close()
        process = [sys.executable, "-c", _BRINGS_THE_SAME, url]
        both = [subprocess.Popen([*process, way]) for way in ("1", "-1")]
        assert [each.wait(60) for each in both] == [0, 0]
        store = open_store(url)
        assert len(list(store.intake.exposures("checkout"))) == 200
        store.close()


_BRINGS_THE_SAME = """
import sys
from dataclasses import replace
from engine.adapters.store import open_store
from tests.contracts.intake_contract import EXPOSED
store = open_store(sys.argv[1])
for round_ in range(20):
    told = [replace(EXPOSED, id=f"x{n}", at_s=1000.0 - round_) for n in range(200)]
    store.intake.take_in(told[:: int(sys.argv[2])], 2000.0)
"""

_ACKNOWLEDGES = """
import sys
from dataclasses import replace
from engine.adapters.store import open_store
from tests.contracts.intake_contract import DID, EXPOSED
store = open_store(sys.argv[1])
store.intake.take_in([EXPOSED], 1.0)
number = 0
while True:
    store.intake.take_in([replace(DID, id=f"e{number}-{each}") for each in range(10)], 1.0)
    print(number, flush=True)
    number += 1
"""


@pytest.mark.slow
def test_what_was_acknowledged_outlives_kill_9(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/runs.db"
    for _ in range(5):
        process = subprocess.Popen(
            [sys.executable, "-c", _ACKNOWLEDGES, url], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        acknowledged = [int(process.stdout.readline()) for _ in range(20)]
        process.send_signal(signal.SIGKILL)
        acknowledged += [int(line) for line in process.stdout.read().split("\n")[:-1]]
        process.wait()
        process.stdout.close()
        store = open_store(url)
        kept = {each.id for each in store.intake.occurrences("checkout")}
        assert {f"e{number}-{each}" for number in acknowledged for each in range(10)} <= kept
        store.close()


def test_nothing_is_kept_while_another_program_holds_the_database(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/runs.db?timeout=0.1"
    store, other = open_store(url), open_store(url)
    with other._database.write(), pytest.raises(StoreBusy):
        store.intake.take_in([EXPOSED, DID], NOW_S)
    assert list(store.intake.exposures("checkout")) == []
    store.intake.take_in([EXPOSED, DID], NOW_S)
    assert list(store.intake.exposures("checkout")) == [EXPOSED]
    store.close()
    other.close()


def test_a_damaged_row_is_named(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path}/runs.db")
    store.intake.take_in([EXPOSED], NOW_S)
    with store._database.write() as connection:
        connection.execute(text("UPDATE exposures SET dimensions = '{'"))
    with pytest.raises(CorruptRecord, match="exposure x1 of /shop"):
        list(store.intake.exposures("checkout"))
    with pytest.raises(CorruptRecord, match="dimensions"):
        store.intake.dimensions("checkout")
    store.close()


def test_runs_and_users_records_share_one_database(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path}/runs.db")
    store.intake.take_in([EXPOSED], NOW_S)
    with store._database.read() as connection:
        row = connection.execute(text("SELECT dimensions, received_s FROM exposures")).one()
    assert (json.loads(row.dimensions), row.received_s) == ({"country": "de"}, NOW_S)
    store.close()
