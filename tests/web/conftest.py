"""The desk's runs behind real pages on a free loopback port; time passes only when a test ticks."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from importlib.metadata import version

import pytest
import requests

from engine.adapters.clock import SystemClock
from engine.cli.session import a_driver
from engine.driver import Driver
from engine.observing import Observers
from engine.ports import Snapshot
from engine.provider.provider import Provider
from engine.web import feeds
from engine.web.app import Site
from engine.web.applications import Applications
from engine.web.board import Board
from engine.web.feeds import Feeds
from engine.web.flags import FlagFile
from engine.web.health import Health
from engine.web.metrics import Metrics
from engine.web.reports import Reports
from engine.web.server import Listen, bind, serving
from engine.web.verdicts import Verdicts
from engine.wiring import intake_of
from tests.cli.conftest import desk as desk  # noqa: PLC0414 (a fixture of these tests too)
from tests.cli.desk import EXPERIMENT, Desk

TICK_S = 10.0


@dataclass
class Served:
    """Pages with their driver."""

    desk: Desk
    site: Site
    url: str
    session: requests.Session = field(default_factory=requests.Session)

    def __post_init__(self) -> None:
        plain = a_driver(self.site.store)
        metrics = self.site.metrics

        def assemble(run_id: str):
            parts = plain.assemble(run_id)
            return replace(parts, source=metrics.counted(parts.source))

        observers = Observers((metrics, self.site.board))
        self.driver = Driver(self.site.store, assemble, SystemClock(), plain.owner, observers)

    def get(self, path: str = "", **more) -> requests.Response:
        return self.session.get(self.url + path, timeout=20, **more)

    def launched(self, name: str = "checkout-v2", text: str = EXPERIMENT) -> str:
        """A run of its own target."""
        own = text.replace("checkout-v2", name).replace(
            "desk: {}}\n  strategy", f"desk: {{key: {name}}}}}\n  strategy"
        )
        run_id = self.desk.launched(own)
        self.site.board.refresh()
        return run_id

    def tick(self, run_id: str, times: int = 1) -> Snapshot:
        """Ticks, ten seconds apart."""
        for _ in range(times):
            self.desk.clock.at_s += TICK_S
            snapshot = self.driver.step(run_id)
            assert snapshot is not None
        return snapshot


@pytest.fixture
def served(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    monkeypatch.setattr(feeds, "_LOOK_S", 0.02)
    monkeypatch.setattr(feeds, "_CALM_S", 0.02)
    with serve(desk) as made:
        yield made


@contextmanager
def serve(desk: Desk, *, token: str = "", origins: Collection[str] = frozenset()) -> Iterator[Served]:
    """The pages, and what applications call: who sends the token, and pages of these origins, may."""
    store, clock = desk.store, SystemClock()
    board = Board(store=store, clock=clock)
    board.refresh()
    metrics = Metrics(store, board, version("rampwise"))
    site = Site(
        store=store,
        clock=clock,
        board=board,
        metrics=metrics,
        health=Health(store=store, metrics=metrics),
        reports=Reports(store=store),
        feeds=Feeds(store=store, board=board, clock=clock),
        verdicts=Verdicts(provider=Provider(store=store, clock=clock, place="desk/1")),
        applications=Applications.of(
            intake_of(store),
            clock,
            token=token,
            flags=FlagFile(desk.home / "served-flags.json"),
            origins=origins,
        ),
    )
    with serving(site, bind(Listen(host="127.0.0.1", port=0)), {"releases.example"}) as url:
        made = Served(desk, site, url.rstrip("/") + "/")
        with made.session:
            yield made
    store.close()
