"""Rollouts that ask Rampwise by the AnalysisTemplates of `manifests/examples/analysis`, and a real engine."""

import copy
import http.server
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import requests
import yaml

from engine.adapters.store import SqlStore, open_store
from engine.local.processes import free_ports
from tests.e2e.cluster.bed import layout as at
from tests.e2e.cluster.bed.client import Object
from tests.e2e.cluster.bed.namespace import Namespace
from tests.e2e.cluster.bed.waiting import eventually
from tests.e2e.cluster.controllers import MANIFESTS

EXAMPLES = MANIFESTS / "examples/analysis"
TOKEN = "only-for-tests"
START_WITHIN_S = 120.0
QUICK: Mapping[str, Mapping[str, Any]] = {
    "canary": {"hold": "4s", "floor": 100},
    "blue_green": {
        "preview": {"path": "/", "rate": 50, "count": 300, "time_limit": "120s", "errors": "5%"},
        "settle": {"hold": "6s", "floor": 100},
    },
}


@dataclass
class Engine:
    """`rampwise serve` with its own database, at an address that stays over restarts."""

    home: Path
    port: int = field(default_factory=lambda: free_ports(["http"])["http"])
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Return when it is ready."""
        command = [
            *(sys.executable, "-P", "-m", "engine.cli.main", "serve"),
            "--listen",
            f"127.0.0.1:{self.port}",
        ]
        env = {**os.environ, "RAMPWISE_HOME": str(self.home), "RAMPWISE_ANALYSIS_TOKEN": TOKEN}
        with (self.home / "log").open("ab") as log:
            self.process = subprocess.Popen(command, env=env, stdout=log, stderr=log)
        eventually(self._is_ready, START_WITHIN_S, f"the engine is ready: {self.home / 'log'}")

    def _is_ready(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, (self.home / "log").read_text(encoding="utf-8")
        try:
            return requests.get(f"{self.url}/readyz", timeout=5).ok
        except requests.RequestException:
            return False

    def kill(self) -> None:
        """As a machine that loses its power."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    @cached_property
    def store(self) -> SqlStore:
        """Its database."""
        return open_store(f"sqlite:///{self.home / 'rampwise.sqlite3'}")


@contextmanager
def engine_in(home: Path) -> Iterator[Engine]:
    """An engine for the length of a block."""
    engine = Engine(home)
    engine.start()
    try:
        yield engine
    finally:
        engine.kill()
        engine.store.close()


def analysis_template(kind: str, url: str, *, spec: Mapping[str, Any] | None = None, **metric: Any) -> Object:
    """The example, asking at this address and in a hurry; `metric` and `spec` change more of it."""
    document = dict(yaml.safe_load((EXAMPLES / f"{kind}.yaml").read_text(encoding="utf-8")))
    for arg in document["spec"]["args"]:
        if arg["name"] == "prometheus":
            arg["value"] = at.PROMETHEUS_URL
    [asked] = document["spec"]["metrics"]
    asked |= {"interval": "1s", **metric}
    asked["provider"]["web"]["url"] = f"{url}/verdict"
    measured = asked["provider"]["web"]["jsonBody"]["spec"]
    [(strategy, _)] = measured["strategy"].items()
    measured |= {"interval": "1s", "strategy": {strategy: QUICK[strategy]}, **(spec or {})}
    measured["metrics"][0] |= {"margin": {"absolute": "20pp"}, "dispersion": 1}
    return document


def secret() -> Object:
    """What the templates send."""
    meta = {"name": "rampwise-analysis"}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "stringData": {"token": TOKEN}}


def example_strategy(kind: str) -> Object:
    """The strategy of an example Rollout."""
    document = yaml.safe_load((EXAMPLES / f"rollout-{kind}.yaml").read_text(encoding="utf-8"))
    [(_, rules)] = document["spec"]["strategy"].items()
    return dict(copy.deepcopy(rules))


def analysis_runs(namespace: Namespace) -> dict[str, Object]:
    """The AnalysisRuns here, the newest of each type."""
    found = namespace.cluster.all("argoproj.io/v1alpha1", "AnalysisRun", namespace.name)
    found.sort(key=lambda run: str(run["metadata"]["creationTimestamp"]))
    return {run["metadata"]["labels"]["rollout-type"]: run for run in found}


def phase(run: Object | None) -> str:
    return str((run or {}).get("status", {}).get("phase", ""))


def values(run: Object) -> list[str]:
    """What the engine said, in order."""
    [result] = run["status"]["metricResults"]
    return [json.loads(each["value"]) for each in result.get("measurements", ()) if each.get("value")]


def await_analysis(namespace: Namespace, rollout_type: str, *phases: str, timeout_s: float = 120.0) -> Object:
    """The AnalysisRun of this type once it is in one of these phases."""

    def look() -> Object | None:
        run = analysis_runs(namespace).get(rollout_type)
        assert phase(run) in phases, f"{phase(run)}: {(run or {}).get('status')}"
        return run

    return eventually(look, timeout_s, f"{rollout_type} is {' or '.join(phases)}")


@contextmanager
def forwarding(host: str) -> Iterator[str]:
    """An address that leads to this host of the proxy, as a Service's does where there is a kube-proxy."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            url = f"http://127.0.0.1:{at.WEB_PORT}{self.path}"
            answer = requests.get(url, headers={"Host": host}, timeout=10)
            self.send_response(answer.status_code)
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
