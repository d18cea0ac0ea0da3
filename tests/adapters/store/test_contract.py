"""Both stores keep the same contract."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.adapters.fakes_store import MemoryStore
from engine.adapters.store import SqlStore, open_store
from tests.contracts.store_contract import StoreContract


class TestMemoryStore(StoreContract):
    @pytest.fixture
    def store(self) -> MemoryStore:
        return MemoryStore()


class TestSqlStore(StoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[SqlStore]:
        store = open_store(f"sqlite:///{tmp_path}/runs.db")
        yield store
        store.close()
