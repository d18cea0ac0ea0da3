import pytest

from engine.adapters.kubernetes import acting


@pytest.fixture(autouse=True)
def little_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(acting, "SHOWS_WITHIN_S", 0.05)
    monkeypatch.setattr(acting, "POLL_S", 0.01)
