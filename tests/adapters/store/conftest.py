"""A database file with one run of three events, and its parts."""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from engine.adapters.store import SqlStore, open_store
from engine.ports import Lease
from tests.contracts.store_samples import decided, next_events, observed, started


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """A store with one run `r1`, held by `a`; `alter` changes rows behind its back."""

    path: Path
    store: SqlStore
    lease: Lease

    @property
    def url(self) -> str:
        return f"sqlite:///{self.path}"

    def alter(self, statement: str, *values: object) -> None:
        connection = sqlite3.connect(self.path)
        with connection:
            connection.execute("PRAGMA foreign_keys=OFF")
            changed = connection.execute(statement, values).rowcount
        connection.close()
        assert changed == 1

    def append_one(self) -> None:
        events, snapshot = next_events(self.store.load("r1").snapshot, decided())
        self.store.append(self.lease, events, snapshot)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    path = tmp_path / "runs.db"
    store = open_store(f"sqlite:///{path}?timeout=0.1")
    snapshot, spec, events = started("r1")
    store.create(snapshot, spec, events)
    lease = store.acquire("r1", "a", now_s=0, ttl_s=30)
    assert lease is not None
    more, snapshot = next_events(snapshot, observed(0), decided())
    store.append(lease, more, snapshot)
    yield Bench(path=path, store=store, lease=lease)
    store.close()
