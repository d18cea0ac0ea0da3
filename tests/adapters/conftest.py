"""A fresh OpenFeature registry and a flag file for every test."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from openfeature import api


@pytest.fixture(autouse=True)
def no_providers_left() -> Iterator[None]:
    yield
    api.clear_providers()


@pytest.fixture
def flags(tmp_path: Path) -> Path:
    return tmp_path / "flags.json"
