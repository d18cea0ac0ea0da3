"""URLs of databases that cannot be opened say what to do, and show no password."""

import sys

import pytest

from engine.adapters.store import open_store
from engine.errors import StoreError


def test_a_missing_driver_of_postgresql_is_named_by_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(StoreError, match=r"pip install \"rampwise\[postgresql\]\"") as caught:
        open_store("postgresql://ada:secret@db.example/rampwise")
    assert "secret" not in str(caught.value)


def test_a_url_that_is_none_shows_both_forms() -> None:
    with pytest.raises(StoreError, match=r"sqlite:///path/to/rampwise.db, or postgresql://USER@HOST/NAME"):
        open_store("ada:secret@db")
