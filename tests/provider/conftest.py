"""A provider on the desk's database, with a driver that ticks when a test says so."""

from dataclasses import dataclass, field

import pytest

from engine import wiring
from engine.adapters.clock import SystemClock
from engine.adapters.fakes import FakeProber
from engine.cli.session import a_driver
from engine.driver import Driver
from engine.ports import Probed, Store
from engine.provider.answers import Answer
from engine.provider.provider import Provider
from engine.provider.question import read_question
from tests.cli.conftest import desk as desk  # noqa: PLC0414 (a fixture of these tests too)
from tests.cli.desk import Desk
from tests.provider.asking import body, equip

TICK_S = 10.0


@dataclass
class Booth:
    """Where questions are asked."""

    desk: Desk
    prober: FakeProber = field(default_factory=FakeProber)
    provider: Provider = field(init=False)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """As a new process on the same database."""
        self.provider = self.another()
        self.driver: Driver = a_driver(self.store)

    def another(self) -> Provider:
        """A provider in another process."""
        return Provider(store=self.desk.store, clock=SystemClock(), place="desk/2")

    @property
    def store(self) -> Store:
        return self.provider.store

    def ask(self, analysis: str = "step", **more) -> Answer:
        return self.provider.answer(read_question(body(analysis, more.pop("spec_", None), **more)))

    def tick(self, times: int = 1) -> None:
        """All runs, ten seconds apart."""
        for _ in range(times):
            self.desk.clock.at_s += TICK_S
            for run_id in self.store.active():
                self.driver.step(run_id)

    def later(self, analysis: str = "step", *, ticks: int = 6, **more) -> Answer:
        """The answer after a first question and some ticks."""
        self.ask(analysis, **dict(more))
        self.tick(ticks)
        return self.ask(analysis, **more)

    def probes_fail(self) -> None:
        self.prober.answer = Probed(ok=False, took_s=0.01)


@pytest.fixture
def booth(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Booth:
    equip(desk)
    made = Booth(desk)
    monkeypatch.setattr(wiring, "HttpProber", lambda: made.prober)
    return made
