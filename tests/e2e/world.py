"""One platform with a service for each release, so that many can be told at once as stories."""

import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeVar

import yaml

from engine import spec
from engine.adapters.clock import SystemClock
from engine.adapters.gates import write_flag
from engine.adapters.identity import person
from engine.cli.summary import open_evidence
from engine.core.decision import BlockerKind
from engine.core.events import Applied, Decided, Event, Intended, Observed
from engine.core.evolve import replay
from engine.core.measure import TrialsReading
from engine.core.model import Arm
from engine.core.run import Run
from engine.launching import launch
from engine.ports import Store
from engine.wiring import prepare
from tests.e2e.conftest import Site

T = TypeVar("T")
ALPHA = 0.001
OVER = threading.Event()
"""Set at the end, so that no story goes on waiting."""
WITHIN_S = 240.0
"""How long anything that must happen may take; generous, because the machine may be busy otherwise."""
ERRORS: Mapping[str, Any] = {"preset": "http_errors", "margin": {"absolute": "20pp"}, "dispersion": 1}
CONVERSIONS: Mapping[str, Any] = {"preset": "conversions", "dispersion": 1}


def await_that(what: str, look: Callable[[], T | None], within_s: float = WITHIN_S) -> T:
    """The first answer that is true; looks often, and gives up when the tests are over."""
    until_s = time.monotonic() + within_s
    while not (seen := look()):
        if OVER.wait(0.1) or time.monotonic() > until_s:
            raise AssertionError(f"not within {within_s:g} s: {what}")
    return seen


@dataclass
class Release:
    """One release of one service at one site."""

    site: Site
    service: str
    run_id: str
    store: Store

    @classmethod
    def launch(
        cls,
        site: Site,
        service: str,
        strategy: Mapping[str, Any],
        metrics: Sequence[Mapping[str, Any]] = (ERRORS,),
        target: Mapping[str, Any] | None = None,
        **more: object,
    ) -> Self:
        """Launch it in this process, with an open flag at the site; whoever calls starts engines."""
        store = site.opened
        write_flag(service, is_open=True, path=site.home / "flags.json")
        prepared = prepare(spec.read(write(site, service, strategy, metrics, target, **more)))
        return cls(site, service, launch(prepared, store, SystemClock(), person(), "test"), store)

    @property
    def run(self) -> Run:
        return self.store.load(self.run_id).snapshot.run

    @property
    def events(self) -> list[Event]:
        return list(self.store.events(self.run_id))

    @property
    def routes(self) -> Mapping[str, int]:
        return self.site.platform.status().routes[self.service]

    def served(self, version: str) -> int:
        """Answers that visitors had from this version."""
        return sum(self.site.platform.stats(self.service).get(version, {}).values())

    def wait(self, what: str, is_so: Callable[[Run], bool], within_s: float = WITHIN_S) -> Run:
        """The run as soon as it is as described."""

        def look() -> Run | None:
            run = self.run
            return run if is_so(run) else None

        try:
            return await_that(what, look, within_s)
        except AssertionError as error:
            raise AssertionError(f"{self.service}: {error}\n{self.site.told(self.run)}") from None

    def end(self, within_s: float = WITHIN_S) -> Run:
        """The run when it has ended, which its log must tell in full."""
        run = self.wait("an end", lambda run: run.phase.ended, within_s)
        assert replay(self.events) == run
        return run

    def assert_each_act_once(self) -> None:
        """Nothing was meant twice, and all of it was done."""
        payloads = [event.payload for event in self.events]
        meant = [payload.act.number for payload in payloads if isinstance(payload, Intended)]
        done = [payload.act_number for payload in payloads if isinstance(payload, Applied) and payload.ok]
        assert meant == done == list(range(1, len(meant) + 1)), self.site.told(self.run)

    def assert_each_window_once(self) -> None:
        """No window is missing, and none counted twice."""
        windows = [
            observation.window.index
            for event in self.events
            if isinstance(event.payload, Observed)
            for observation in event.payload.observations
        ]
        assert windows == list(range(len(windows)))

    def trials(self, metric: str, arm: Arm = Arm.TREATMENT) -> int:
        """All trials of a metric in the log."""
        readings = [
            observation.readings.get(metric)
            for event in self.events
            if isinstance(event.payload, Observed)
            for observation in event.payload.observations
        ]
        measured = [reading for reading in readings if isinstance(reading, TrialsReading)]
        return sum((each.control if arm is Arm.CONTROL else each.treatment).total for each in measured)

    def splits(self) -> str:
        """What the split check says, for a failure's message."""
        _, verdict = open_evidence(self.store.load(self.run_id))
        return str(verdict.splits)

    def blocked_by(self, kind: BlockerKind) -> bool:
        """Whether this was ever in the way of a decision."""
        return any(
            blocker.kind is kind
            for event in self.events
            if isinstance(event.payload, Decided)
            for blocker in event.payload.decision.blockers
        )


def write(
    site: Site,
    service: str,
    strategy: Mapping[str, Any],
    metrics: Sequence[Mapping[str, Any]] = (ERRORS,),
    target: Mapping[str, Any] | None = None,
    **more: object,
) -> Path:
    """The experiment document of a release, as a file."""
    place = {"service": service, "control": "v1", "platform": str(site.platform.directory)}
    document = {
        "apiVersion": "rampwise.dev/v1alpha1",
        "kind": "ReleaseExperiment",
        "metadata": {"name": service},
        "spec": {
            "target": {"local": place | dict(target or {"treatment": "v2"})},
            "strategy": dict(strategy),
            "interval": "1s",
            "warm_up": "1s",
            "alpha_rollback": ALPHA,
            "alpha_promote": ALPHA,
            "metrics": [dict(metric) for metric in metrics],
            **more,
        },
    }
    file = site.home / f"{service}.yaml"
    file.write_text(yaml.safe_dump(document, sort_keys=False))
    return file


def kill(site: Site) -> None:
    """SIGKILL the engine that was started last."""
    engine = site.engines[-1]
    engine.send_signal(signal.SIGKILL)
    assert engine.wait(10) == -signal.SIGKILL
