"""Commands see a home of their own, plugins of the desk, a still clock, ids that repeat, and one person."""

import itertools
from pathlib import Path

import pytest

from engine import launching, plugins
from engine.adapters import identity
from engine.adapters.clock import SystemClock
from engine.cli import seeing_through
from engine.core.events import Actor
from engine.driver import Driver
from tests.cli.desk import Desk

TICK_S = 10.0


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    made = Desk(home=tmp_path / "home")
    made.home.mkdir()
    numbers = itertools.count(1)

    def wait_for_tick(_driver: Driver, _run_id: str) -> float:
        made.clock.at_s += TICK_S
        return 0.0

    monkeypatch.setenv("RAMPWISE_HOME", str(made.home))
    monkeypatch.setenv("RAMPWISE_DATABASE", f"sqlite:///{made.database}?timeout=0.1")
    monkeypatch.setenv("COLUMNS", "100")
    for variable in ("RAMPWISE_DEBUG", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.delenv(plugins.DISABLED_VARIABLE, raising=False)
    monkeypatch.setattr(plugins, "entry_points", made.entry_points)
    monkeypatch.setattr(SystemClock, "now_s", lambda _: made.clock.now_s())
    monkeypatch.setattr(Driver, "interval_s", wait_for_tick)
    monkeypatch.setattr(identity, "person", lambda: Actor(user="ada", host="desk"))
    monkeypatch.setattr(identity, "process_name", lambda: "desk/1")
    monkeypatch.setattr(launching.secrets, "token_hex", lambda _: f"{next(numbers):04x}")
    monkeypatch.setattr(seeing_through, "AWAIT_DRIVER_S", 0.0)
    return made
