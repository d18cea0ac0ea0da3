"""One real platform and one database per test, and engines as real processes."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import pytest

from engine.core.run import Run
from engine.local.platform import LocalPlatform
from engine.local.shape import Shape
from engine.ports import Store
from engine.wiring import open_store


@dataclass
class Site:
    """A platform, a home, and `rampwise` as a person would call it."""

    home: Path
    platform: LocalPlatform
    engines: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def env(self) -> dict[str, str]:
        return {**os.environ, "RAMPWISE_HOME": str(self.home), "NO_COLOR": "1"}

    @cached_property
    def opened(self) -> Store:
        """One store for all threads of a test; open it before they begin, which migrates the database."""
        return self.store

    @property
    def store(self) -> Store:
        return open_store(f"sqlite:///{self.home / 'rampwise.sqlite3'}")

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "engine.cli.main", *arguments]
        log = (self.home / "engine.log").open("ab")
        engine = subprocess.Popen(command, env=self.env, stdout=log, stderr=log)
        log.close()
        self.engines.append(engine)
        return engine

    def call(self, *arguments: str, timeout_s: float = 120.0) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "engine.cli.main", *arguments]
        return subprocess.run(
            command, env=self.env, capture_output=True, text=True, timeout=timeout_s, check=False
        )

    def close(self) -> None:
        """End every engine that was started here."""
        for engine in self.engines:
            if engine.poll() is None:
                engine.kill()
            engine.wait(10)

    def told(self, run: Run) -> str:
        """What there is to know about a run that did not do as expected."""
        ended = [engine.poll() for engine in self.engines]
        log = (self.home / "engine.log").read_text()[-3000:]
        return f"{run}\nengines ended with {ended}, dead parts {self.platform.dead_parts()}\n{log}"

    def experiment(self, **changes: object) -> Path:
        """A quick canary of `checkout`; `changes` are further lines of its spec."""
        place = f"service: checkout, control: v1, treatment: v2, platform: {self.platform.directory}"
        lines = [
            "apiVersion: rampwise.dev/v1alpha1",
            "kind: ReleaseExperiment",
            "metadata: {name: checkout-v2}",
            "spec:",
            f"  target: {{local: {{{place}}}}}",
            "  strategy: {canary: {steps: [10, 30, 50], hold: 5s, floor: 50}}",
            "  interval: 1s",
            "  warm_up: 1s",
            "  metrics:",
            "    - {preset: http_errors, margin: {absolute: 5pp}, dispersion: 1}",
            "    - {preset: http_latency, slo: 500ms, margin: {absolute: 5pp}, dispersion: 1}",
            *(f"  {name}: {value}" for name, value in changes.items()),
        ]
        file = self.home / "experiment.yaml"
        file.write_text("\n".join(lines) + "\n")
        return file


@pytest.fixture(scope="module")
def launching_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The home of this very process, for tests that launch in it."""
    home = tmp_path_factory.mktemp("launching")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAMPWISE_HOME", str(home))
        yield home


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("RAMPWISE_HOME", str(home))
    with LocalPlatform(
        tmp_path / "platform", Shape(rate_per_s=150.0, sessions=40, duration_s=600.0)
    ) as platform:
        made = Site(home, platform)
        try:
            yield made
        finally:
            made.close()
