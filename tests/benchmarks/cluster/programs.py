"""The programs that are measured, as processes of this one's: started, known by name, ended by pid."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from engine.local.processes import free_ports
from engine.local.programs import prometheus_binary
from tests.e2e.cluster.bed import components
from tests.e2e.cluster.bed import layout as at
from tests.e2e.cluster.bed.client import Cluster
from tests.e2e.cluster.bed.supervisor import serves
from tests.e2e.cluster.bed.waiting import eventually
from tests.e2e.cluster.controllers import account_token, kubeconfig

WORLD, PROMETHEUS, ARGO, OURS = "stand-ins", "Prometheus", "Rollouts controller", "Rampwise"
NOT_MEASURED = (
    *("prometheus", "argo-rollouts", "traefik", "kubelet", "stand_ins"),
    *("knative-controller", "knative-webhook"),
)
"""Parts of the bed that the benchmark starts itself, or that only cost time here."""
CONTROLLER = (sys.executable, "-P", "-m", "engine.cli.main", "controller")
SCRAPE_S = 5
START_WITHIN_S = 120.0
_END_WITHIN_S = 60.0
_BACKEND: Mapping[str, Any] = {
    "source_labels": ["service"],
    "regex": "httproute-.+-svc-(.+)-[0-9]+@kubernetesgateway",
    "target_label": "gateway_backend",
}


@dataclass
class Programs:
    """What runs now. `folder` is for their files."""

    cluster: Cluster
    folder: Path
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    ports: dict[str, int] = field(default_factory=dict)

    def pid(self, name: str) -> int:
        """Of a program that runs, ours or the bed's."""
        if name in self.running:
            return self.running[name].pid
        return int((self.cluster.layout.pids / name).read_text(encoding="utf-8"))

    def log(self, name: str) -> str:
        """What a program has said."""
        return (self.folder / f"{name}.log").read_text(encoding="utf-8", errors="replace")

    def url(self, name: str) -> str:
        """Where a program answers."""
        return f"http://127.0.0.1:{self.ports[name]}"

    @contextmanager
    def runs(self, name: str, argv: Sequence[str], env: Mapping[str, str], ready: str) -> Iterator[None]:
        """A program for the length of a block; `ready` is what it answers well when it serves."""
        self.start(name, argv, env, ready)
        try:
            yield
        finally:
            self.end(name)

    def start(self, name: str, argv: Sequence[str], env: Mapping[str, str], ready: str) -> None:
        """Start it, and return when it serves."""
        with (self.folder / f"{name}.log").open("ab") as log:
            self.running[name] = subprocess.Popen(argv, env={**os.environ, **env}, stdout=log, stderr=log)
        eventually(lambda: self._serves(name, ready), START_WITHIN_S, f"{name} serves")

    def end(self, name: str, how: signal.Signals = signal.SIGTERM) -> None:
        """End it, and return when it has."""
        process = self.running.pop(name)
        process.send_signal(how)
        try:
            process.wait(_END_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _serves(self, name: str, ready: str) -> bool:
        if self.running[name].poll() is not None:
            raise RuntimeError(f"{name} ended:\n{self.log(name)[-3000:]}")
        return serves(ready)

    def world(self) -> AbstractContextManager[None]:
        """The stand-ins, see `world`."""
        port = self._port(WORLD)
        module = (sys.executable, "-P", "-m", "tests.benchmarks.cluster.world")
        argv = (*module, str(self.cluster.layout.directory), str(port))
        return self.runs(WORLD, argv, {}, f"{self.url(WORLD)}/healthz")

    def start_prometheus(self) -> None:
        """On the bed's port, with data that outlast a kill."""
        config = self.folder / "prometheus.yaml"
        proxy = {
            "job_name": "proxy",
            "metric_relabel_configs": [dict(_BACKEND)],
            "static_configs": [{"targets": [f"127.0.0.1:{self.ports[WORLD]}"]}],
        }
        settings = {"global": {"scrape_interval": f"{SCRAPE_S}s"}, "scrape_configs": [proxy]}
        config.write_text(yaml.safe_dump(settings), encoding="utf-8")
        argv = (
            prometheus_binary(),
            f"--config.file={config}",
            f"--storage.tsdb.path={self.folder / 'tsdb'}",
            f"--web.listen-address={at.PROMETHEUS_URL.removeprefix('http://')}",
            "--log.level=warn",
        )
        self.start(PROMETHEUS, argv, {}, at.READY_URLS["prometheus"])

    def argo(self, *flags: str) -> AbstractContextManager[None]:
        """The Rollouts controller as the bed has it, with further flags."""
        part = components.rollouts(self.cluster.layout)
        return self.runs(ARGO, (*part.argv, *flags), part.env, at.READY_URLS["argo-rollouts"])

    def ours(self, database: str, home: Path) -> AbstractContextManager[None]:
        """The controller with the rights of `manifests/` and nothing wider."""
        home.mkdir(parents=True, exist_ok=True)
        argv = (
            *CONTROLLER,
            *("--listen", f"127.0.0.1:{self._port(OURS)}"),
        )
        env = {
            "KUBECONFIG": str(kubeconfig(self.cluster, self.folder, account_token(self.cluster))),
            "RAMPWISE_DATABASE": database,
            "RAMPWISE_HOME": str(home),
            "RAMPWISE_DISABLED_PLUGINS": "targets/local",
        }
        return self.runs(OURS, argv, env, f"{self.url(OURS)}/healthz")

    def _port(self, name: str) -> int:
        self.ports[name] = free_ports([name])[name]
        return self.ports[name]


@contextmanager
def without_the_rest(cluster: Cluster) -> Iterator[None]:
    """The bed with etcd, the API server and the controller manager only, for the length of a block."""
    with ExitStack() as stack:
        for name in NOT_MEASURED:
            halted = cluster.layout.halted / name
            halted.touch()
            stack.callback(halted.unlink)
        pids = [cluster.layout.pids / name for name in NOT_MEASURED]
        eventually(lambda: not any(pid.exists() for pid in pids), what="the rest of the bed stops")
        yield


PAUSE = threading.Event()
"""Never set: `PAUSE.wait(s)` is how the benchmark lets time pass."""
