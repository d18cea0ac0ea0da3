"""The demonstration's world: platforms with real traffic, a database, and engines that can be killed."""

import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

import yaml

from engine import spec
from engine.adapters.clock import SystemClock
from engine.adapters.identity import person
from engine.core.target import ALL_TO_CONTROL, TargetState, Weights
from engine.demo.receiver import Receiver
from engine.demo.scenarios import (
    BASE_ERROR_RATE,
    LEFTOVER_SPLIT,
    REQUESTS_PER_S,
    SECRET_VARIABLE,
    SOMEBODY_ELSES_SPLIT,
    Scenario,
    Twist,
    document,
)
from engine.launching import launch
from engine.local.platform import LocalPlatform
from engine.local.processes import MARK
from engine.local.shape import Shape
from engine.ports import Snapshot, Store
from engine.wiring import load_experiment, make_target, open_store, prepare

_MAIN = "main"
_SHUTDOWN_S = 10.0


class Stage:
    """Everything that runs during the demonstration; nothing of it is left when the block ends."""

    def __init__(self, directory: Path, scenarios: Sequence[Scenario]) -> None:
        self._directory = directory
        self._scenarios = scenarios
        self._open = ExitStack()
        self._platforms: dict[str, LocalPlatform] = {}
        self._engines: dict[str, subprocess.Popen[bytes]] = {}
        self._stores: dict[str, Store] = {}
        self.runs: dict[str, str] = {}
        self.receiver: Receiver

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._open.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def _start(self) -> None:
        self.receiver = self._open.enter_context(Receiver())
        for name in sorted({_platform_of(scenario) for scenario in self._scenarios}):
            services = {s.name: ("v1", "v2") for s in self._scenarios if _platform_of(s) == name}
            shape = Shape(services=services, rate_per_s=REQUESTS_PER_S, sessions=40, duration_s=900.0)
            platform = LocalPlatform(self._directory / "platforms" / name, shape)
            self._platforms[name] = self._open.enter_context(platform)
        for scenario in self._scenarios:
            platform = self.platform(scenario)
            platform.set(scenario.name, "v1", error_rate=BASE_ERROR_RATE)
            platform.set(scenario.name, "v2", **{"error_rate": BASE_ERROR_RATE, **scenario.treatment})
        for name in sorted({_engine_of(scenario) for scenario in self._scenarios}):
            self._stores[name] = open_store(self._database(name))
            self.start_engine(name)
        self._open.callback(self._stop_engines)

    def platform(self, scenario: Scenario) -> LocalPlatform:
        """The platform that carries a scenario's traffic."""
        return self._platforms[_platform_of(scenario)]

    def store(self, scenario: Scenario) -> Store:
        """The database that holds a scenario's run."""
        return self._stores[_engine_of(scenario)]

    def snapshot(self, scenario: Scenario) -> Snapshot:
        """A scenario's run as it stands."""
        return self.store(scenario).load(self.runs[scenario.name]).snapshot

    def split(self, scenario: Scenario) -> Weights | None:
        """What the proxy really routes now; None when it does not answer."""
        target = make_target(load_experiment(self.store(scenario).load(self.runs[scenario.name])).target)
        state = target.observe()
        return state.weights if isinstance(state, TargetState) else None

    def launch(self, scenario: Scenario, spec_file: Path) -> None:
        """Write a scenario's experiment to a file and launch it, as a release manager would."""
        platform = self.platform(scenario)
        if scenario.twist is Twist.COLD_START:
            platform.restart_version(scenario.name, "v2")
        content = document(scenario, str(platform.directory), self.receiver.url)
        spec_file.write_text(yaml.safe_dump(content, sort_keys=False))
        prepared = prepare(spec.read(spec_file))
        if scenario.twist is Twist.NOT_OURS:
            prepared.target.apply(SOMEBODY_ELSES_SPLIT)
        if scenario.twist is Twist.ROUTE_LEFT_BEHIND:
            prepared.target.apply(
                ALL_TO_CONTROL
            )  # sticky from now on, so that the route catches new visitors
            platform.leave_route_behind(scenario.name, LEFTOVER_SPLIT)
        self.runs[scenario.name] = launch(prepared, self.store(scenario), SystemClock(), person(), "demo")

    def start_engine(self, name: str) -> None:
        """Start an engine that serves one of the databases."""
        command = [sys.executable, "-m", "engine.cli.main", "--db", self._database(name), "serve"]
        command += ["--listen", "off"]
        log = self._open.enter_context((self._directory / f"engine-{name}.log").open("ab"))
        self._engines[name] = subprocess.Popen(command, stdout=log, stderr=log, env=self._environment())  # noqa: S603

    def kill_engine(self, scenario: Scenario) -> None:
        """SIGKILL a scenario's engine."""
        engine = self._engines[_engine_of(scenario)]
        engine.kill()
        engine.wait(_SHUTDOWN_S)

    def restart_engine(self, scenario: Scenario) -> None:
        """Start a new engine where the old one was killed."""
        self.start_engine(_engine_of(scenario))

    def dead_engines(self) -> dict[str, Path]:
        """Engines that ended by themselves, with their logs."""
        return {
            name: self._directory / f"engine-{name}.log"
            for name, engine in self._engines.items()
            if engine.poll() not in {None, -9}
        }

    def _stop_engines(self) -> None:
        for engine in self._engines.values():
            engine.terminate()
        for engine in self._engines.values():
            try:
                engine.wait(_SHUTDOWN_S)
            except subprocess.TimeoutExpired:
                engine.kill()
                engine.wait(_SHUTDOWN_S)

    def _database(self, name: str) -> str:
        return f"sqlite:///{self._directory / f'{name}.sqlite3'}"

    def _environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
            SECRET_VARIABLE: self.receiver.secret,
            # The platform's keeper ends it too, should this process be killed.
            MARK: str(self._platforms[_MAIN].directory),
            # A proxy for the outside world must not see loopback traffic.
            "NO_PROXY": "127.0.0.1",
            "no_proxy": "127.0.0.1",
        }


def _platform_of(scenario: Scenario) -> str:
    """Stopping Prometheus must not touch the others."""
    return scenario.name if scenario.twist is Twist.SOURCE_STOPPED else _MAIN


def _engine_of(scenario: Scenario) -> str:
    """Nor must killing the engine."""
    return scenario.name if scenario.twist is Twist.ENGINE_KILLED else _MAIN
