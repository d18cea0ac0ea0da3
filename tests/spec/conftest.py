"""Every test here sees the stand-in plugins, whatever is installed."""

import pytest

from engine import plugins
from tests.spec.stand_ins import ENTRIES


@pytest.fixture(autouse=True)
def stand_ins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugins, "entry_points", lambda group: ENTRIES[group])
    monkeypatch.delenv(plugins.DISABLED_VARIABLE, raising=False)
