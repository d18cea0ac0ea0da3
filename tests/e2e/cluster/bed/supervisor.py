"""Keeps the cluster's programs running, as their kubelet would. Knows nothing of what they are for.

A program that ends is started again, unless a file by its name in `layout.halted` says that a test wants it
stopped. All are children of this process, which is the first of a process namespace: nothing outlives it.
"""

import os
import subprocess
import threading
import time
from collections.abc import Iterable
from pathlib import Path

import requests

from tests.e2e.cluster.bed.components import Component
from tests.e2e.cluster.bed.layout import ADMIN_TOKEN, READY_URLS, Layout

POLL_S = 0.05
RESTART_AFTER_S = 1.0
START_WITHIN_S = 120.0
END_PATIENCE_S = 5.0
LOG_TAIL_LINES = 30
ROOT = Path(__file__).parents[4]


class NotStartedError(Exception):
    """A component did not start; the message has the end of its log."""


class Supervisor:
    """The running programs."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._components: dict[str, Component] = {}
        self._ended_at_s: dict[str, float] = {}

    def start(self, components: Iterable[Component]) -> None:
        """Start these together and return when all serve. NotStartedError when one does not."""
        wanted = list(components)
        for component in wanted:
            self._launch(component)
        for component in wanted:
            self._await(component)
            self._components[component.name] = component

    def look(self) -> None:
        """Stop what a test wants stopped, and start what should run."""
        for name, component in self._components.items():
            halted = (self._layout.halted / name).exists()
            process = self._running.get(name)
            if process is not None and process.poll() is not None:
                self._forget(name)
            elif process is not None and halted:
                _end(process)
                self._forget(name)
            elif process is None and not halted and self._may_restart(name):
                self._launch(component)

    def end(self) -> None:
        """End everything at once: nothing that they hold is to last."""
        for process in self._running.values():
            process.kill()
        for process in self._running.values():
            process.wait()

    def _launch(self, component: Component) -> None:
        env = {**os.environ, **component.env, "PYTHONPATH": str(ROOT)}
        with self._log(component.name).open("ab") as log:
            process = subprocess.Popen(
                component.argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=env,
                cwd=self._layout.directory,
                process_group=0,
            )
        self._running[component.name] = process
        (self._layout.pids / component.name).write_text(str(process.pid), encoding="utf-8")

    def _await(self, component: Component) -> None:
        process, pause = self._running[component.name], threading.Event()
        until_s = time.monotonic() + START_WITHIN_S
        while not is_serving(self._layout, component.name):
            if process.poll() is not None or time.monotonic() > until_s:
                raise NotStartedError(self._told(component.name, process.poll()))
            pause.wait(POLL_S)

    def _told(self, name: str, code: int | None) -> str:
        ended = f"does not serve after {START_WITHIN_S:g} s" if code is None else f"ended with {code}"
        tail = self._log(name).read_text(encoding="utf-8", errors="replace").splitlines()[-LOG_TAIL_LINES:]
        return f"{name} {ended}. The end of its log:\n" + "\n".join(tail)

    def _log(self, name: str) -> Path:
        return self._layout.logs / f"{name}.log"

    def _forget(self, name: str) -> None:
        del self._running[name]
        self._ended_at_s[name] = time.monotonic()
        (self._layout.pids / name).unlink()

    def _may_restart(self, name: str) -> bool:
        # What was halted starts at once when it may; what crashed waits a little.
        return time.monotonic() - self._ended_at_s[name] >= RESTART_AFTER_S


def is_serving(layout: Layout, name: str) -> bool:
    """Whether a component serves, as far as it can be asked."""
    return name not in READY_URLS or serves(READY_URLS[name], str(layout.api_certificate))


def serves(url: str, certificate: str | None = None) -> bool:
    """Whether something answers well; `certificate` is what an https server is known by."""
    headers = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
    try:
        return requests.get(url, headers=headers, timeout=2.0, verify=certificate or True).ok
    except OSError:  # the certificate may not have been made yet; requests' own errors are of this kind, too
        return False


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(END_PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
