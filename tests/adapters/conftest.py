"""A fresh OpenFeature registry and a flag file for every test; nobody waits long for a fake cluster."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from openfeature import api

from engine.adapters.kubernetes import acting


@pytest.fixture(autouse=True)
def no_providers_left() -> Iterator[None]:
    yield
    api.clear_providers()


@pytest.fixture
def flags(tmp_path: Path) -> Path:
    return tmp_path / "flags.json"


@pytest.fixture(autouse=True)
def little_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(acting, "SHOWS_WITHIN_S", 0.05)
    monkeypatch.setattr(acting, "POLL_S", 0.01)
