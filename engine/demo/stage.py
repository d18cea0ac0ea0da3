"""The demonstration's world: platforms with real traffic, a database, and engines that can be killed."""

import os
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import yaml

from engine import spec
from engine.adapters.clock import SystemClock
from engine.adapters.identity import person
from engine.core.target import ALL_TO_CONTROL, TargetState, Weights
from engine.demo.processes import Process, Processes
from engine.demo.receiver import Receiver
from engine.demo.scenarios import (
    BASE_ERROR_RATE,
    LEFTOVER_SPLIT,
    REQUESTS_PER_S,
    SECRET_VARIABLE,
    SOMEBODY_ELSES_SPLIT,
    VISITORS_PER_S,
    Scenario,
    Twist,
    document,
    flag_target,
    local_target,
)
from engine.demo.shopping import open_shop, visitors_of
from engine.errors import Unreachable
from engine.launching import launch
from engine.local.platform import LocalPlatform
from engine.local.processes import MARK, port_of
from engine.local.shape import Shape
from engine.ports import Snapshot, Store, Target
from engine.wiring import load_experiment, make_target, open_store, prepare

_MAIN = "main"
_READY_WITHIN_S = 90.0


class Stage:
    """Everything that runs during the demonstration; nothing of it is left when the block ends."""

    def __init__(self, directory: Path, scenarios: Sequence[Scenario]) -> None:
        self._directory = directory
        self._scenarios = scenarios
        self._open = ExitStack()
        self._platforms: dict[str, LocalPlatform] = {}
        self._stores: dict[str, Store] = {}
        self._shops: dict[str, str] = {}
        self.runs: dict[str, str] = {}
        self.receiver: Receiver
        self.processes: Processes

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
            self._platforms[name] = self._open.enter_context(self._new_platform(name))
        for scenario in self._scenarios:
            if scenario.product is None:
                platform = self.platform(scenario)
                platform.set(scenario.name, "v1", error_rate=BASE_ERROR_RATE)
                platform.set(scenario.name, "v2", **{"error_rate": BASE_ERROR_RATE, **scenario.treatment})
        self.processes = Processes(self._directory, self._environment())
        self._open.callback(self.processes.end)
        for scenario in {_engine_of(each): each for each in self._scenarios}.values():
            self._stores[_engine_of(scenario)] = open_store(self._database(_engine_of(scenario)))
            self.start_engine(scenario)

    def _new_platform(self, name: str) -> LocalPlatform:
        services = {
            s.name: ("v1", "v2") for s in self._scenarios if _platform_of(s) == name and not s.product
        }
        shape = Shape(services=services, rate_per_s=REQUESTS_PER_S, sessions=40, duration_s=900.0)
        return LocalPlatform(self._directory / "platforms" / name, shape)

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

    def shop(self, scenario: Scenario) -> str:
        """Base URL of the shop whose users decide a scenario."""
        return self._shops[scenario.name]

    def send_visitors_home(self, scenario: Scenario) -> None:
        """No more visitors come to a scenario's shop, which stays open."""
        self.processes.kill(visitors_of(scenario.name))

    def launch(self, scenario: Scenario, spec_file: Path) -> None:
        """Write a scenario's experiment to a file and launch it, as a release manager would."""
        if scenario.twist is Twist.COLD_START:
            self.platform(scenario).restart_version(scenario.name, "v2")
        content = document(scenario, self._target(scenario), self.receiver.url)
        spec_file.write_text(yaml.safe_dump(content, sort_keys=False))
        prepared = prepare(spec.read(spec_file))
        self._prepare(scenario, prepared.target)
        self.runs[scenario.name] = launch(prepared, self.store(scenario), SystemClock(), person(), "demo")

    def _target(self, scenario: Scenario) -> dict[str, Any]:
        platform = self.platform(scenario)
        if scenario.product is None:
            return local_target(scenario, str(platform.directory))
        return flag_target(scenario, str(self._flags(scenario)), platform.prometheus_url)

    def _prepare(self, scenario: Scenario, target: Target) -> None:
        """What is there before a launch."""
        if scenario.twist is Twist.NOT_OURS:
            target.apply(SOMEBODY_ELSES_SPLIT)
        if scenario.twist is Twist.ROUTE_LEFT_BEHIND:
            # Sticky from now on, so that the route catches new visitors.
            target.apply(ALL_TO_CONTROL)
            self.platform(scenario).leave_route_behind(scenario.name, LEFTOVER_SPLIT)
        if scenario.product is not None:
            # Writes the flags, so that there is something to ask for.
            target.apply(ALL_TO_CONTROL)
            self._shops[scenario.name] = open_shop(
                scenario.name,
                self._engine_url(scenario),
                self.platform(scenario),
                VISITORS_PER_S,
                self.processes.serve,
            )

    def start_engine(self, scenario: Scenario) -> None:
        """Start the engine of a scenario's database, for the first time or where another was killed."""
        serving = ["--listen", "off"]
        if scenario.product is not None:
            serving = ["--listen", "127.0.0.1:0", "--flags", str(self._flags(scenario))]
        self.processes.serve(_log_of(scenario), [*self._command(scenario), "serve", *serving])

    def kill_engine(self, scenario: Scenario) -> None:
        """SIGKILL a scenario's engine."""
        self.processes.kill(_log_of(scenario))

    def rampwise(self, scenario: Scenario, *words: str) -> Process:
        """Begin a command of Rampwise about a scenario's database."""
        return self.processes.run("rampwise", [*self._command(scenario), *words])

    def _command(self, scenario: Scenario) -> list[str]:
        return ["-m", "engine.cli.main", "--db", self._database(_engine_of(scenario))]

    def _engine_url(self, scenario: Scenario) -> str:
        name = _log_of(scenario)
        port = port_of(self.processes.pid(name), _READY_WITHIN_S)
        if port is None:
            msg = f"{name} does not serve flags; its log is {self.processes.log(name)}"
            raise Unreachable(msg)
        return f"http://127.0.0.1:{port}"

    def _flags(self, scenario: Scenario) -> Path:
        return self._directory / f"flags-{scenario.name}.json"

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
    """Nor must killing the engine; and one that serves flags serves those of one file."""
    own = scenario.twist is Twist.ENGINE_KILLED or scenario.product is not None
    return scenario.name if own else _MAIN


def _log_of(scenario: Scenario) -> str:
    """What the engine of a scenario is called among the processes."""
    return f"engine-{_engine_of(scenario)}"
