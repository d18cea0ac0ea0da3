"""The demonstration's own processes: engines, a shop, its visitors. Each has a log, and none is left."""

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

_SHUTDOWN_S = 10.0

Process = subprocess.Popen[bytes]


class Processes:
    """Starts Python programs in one environment, and ends them."""

    def __init__(self, directory: Path, environment: Mapping[str, str]) -> None:
        self._directory = directory
        self._environment = dict(environment)
        self._serving: dict[str, Process] = {}
        self._passing: list[Process] = []

    def log(self, name: str) -> Path:
        """Where the output of the processes of this name goes."""
        return self._directory / f"{name}.log"

    def serve(self, name: str, words: Sequence[str]) -> Process:
        """Start one that goes on until the end; one of the same name must have been killed before."""
        self._serving[name] = self._start(name, words)
        return self._serving[name]

    def run(self, name: str, words: Sequence[str]) -> Process:
        """Start one that ends by itself."""
        self._passing.append(self._start(name, words))
        return self._passing[-1]

    def pid(self, name: str) -> int:
        """Of one that serves."""
        return self._serving[name].pid

    def kill(self, name: str) -> None:
        """SIGKILL one that serves."""
        process = self._serving[name]
        process.kill()
        process.wait(_SHUTDOWN_S)

    def dead(self) -> dict[str, Path]:
        """Those that should serve and ended by themselves, with their logs."""
        return {
            name: self.log(name)
            for name, process in self._serving.items()
            if process.poll() not in {None, -9}
        }

    def end(self) -> None:
        """End all, and wait until they are gone."""
        everybody = [*self._serving.values(), *self._passing]
        for process in everybody:
            process.terminate()
        for process in everybody:
            try:
                process.wait(_SHUTDOWN_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(_SHUTDOWN_S)

    def _start(self, name: str, words: Sequence[str]) -> Process:
        with self.log(name).open("ab") as log:
            command = [sys.executable, *words]
            return subprocess.Popen(command, stdout=log, stderr=log, env=self._environment)  # noqa: S603
