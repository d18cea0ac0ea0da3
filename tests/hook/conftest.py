"""An engine that receives, a sender to it, and OpenFeature clients of their own domain."""

from collections.abc import Iterator

import pytest
from openfeature import api

from engine import belt
from engine.openfeature import Sender
from tests.hook.receiving import Engine, receiving


@pytest.fixture
def engine() -> Iterator[Engine]:
    with receiving() as made:
        yield made


@pytest.fixture
def sender(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sender]:
    monkeypatch.setattr(belt, "_FIRST_PAUSE_S", 0.01)
    made = Sender(engine.url, token="")
    yield made
    engine.may.set()
    made.close(5)
    if made._session is not None:
        made._session.close()


@pytest.fixture(autouse=True)
def no_providers() -> Iterator[None]:
    yield
    api.clear_providers()
    api.clear_hooks()
