"""Real `rampwise controller` processes with the rights of `manifests/` and nothing wider."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from engine.adapters.store import SqlStore, open_store
from engine.local.processes import free_ports
from tests.e2e.cluster.bed import layout as at
from tests.e2e.cluster.bed.client import Cluster, Object
from tests.e2e.cluster.bed.namespace import Namespace
from tests.e2e.cluster.bed.waiting import eventually

MANIFESTS = Path(__file__).parents[3] / "manifests"
HOME, ACCOUNT, LEASE = "rampwise", "rampwise-controller", "rampwise-controller"
API = "rampwise.dev/v1alpha1"
KIND = "ReleaseExperiment"
METRIC: Mapping[str, Any] = {"preset": "http_errors", "margin": {"absolute": "20pp"}, "dispersion": 1}
STEPS: Mapping[str, Any] = {"canary": {"steps": [{"weight": 20}, {"weight": 50}], "hold": "3s", "floor": 50}}
_IN_HOME = {"Role", "RoleBinding"}
_APPLIED = {"CustomResourceDefinition", "ClusterRole", "ClusterRoleBinding", "Namespace", "ServiceAccount"}


def rendered(cluster: Cluster, folder: str) -> list[Object]:
    """What `kubectl apply -k` would send."""
    return [
        each for each in yaml.safe_load_all(cluster.kubectl("kustomize", str(MANIFESTS / folder))) if each
    ]


def grant(namespace: Namespace, targets: Sequence[str]) -> None:
    """Definition, account and Roles, as they are shipped; the Lease is kept in the test's own namespace."""
    for document in rendered(namespace.cluster, "base"):
        if document["kind"] in _APPLIED:
            namespace.cluster.apply(document, document["metadata"].get("namespace"))
        elif document["kind"] in _IN_HOME:
            document["metadata"]["namespace"] = namespace.name
            namespace.apply(document)
    eventually(lambda: namespace.cluster.kubectl("get", "rx", "-A") is not None, what="the kind is served")
    for file in targets:
        namespace.apply((MANIFESTS / "rbac" / file).read_text(encoding="utf-8"))


def experiment(name: str, target: Mapping[str, Any], **more: Any) -> Object:
    """A quick one on this target."""
    spec = {
        "target": dict(target),
        "strategy": STEPS,
        "metrics": [METRIC],
        "interval": "1s",
        "warm_up": "1s",
        "progress_deadline": "3s",
        **more,
    }
    return {"apiVersion": API, "kind": KIND, "metadata": {"name": name}, "spec": spec}


def on_knative(**more: Any) -> dict[str, Any]:
    """The Service `shop` as a target."""
    router = {"traefik": "{namespace}-{revision}@file"}
    return {"knative": {"service": "shop", "prometheus": at.PROMETHEUS_URL, "router": router, **more}}


@dataclass
class Controllers:
    """Processes that share a database and one Lease, in a test's namespace; `program` is what Python runs."""

    namespace: Namespace
    folder: Path
    database: str
    program: Sequence[str] = ("-m", "engine.cli.main")
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str) -> None:
        """One more candidate, with a home and a log of its own."""
        home = self.folder / name
        home.mkdir()
        command = [
            *(sys.executable, "-P", *self.program, "controller"),
            *("--namespace", self.namespace.name, "--lease-namespace", self.namespace.name),
            *("--listen", f"127.0.0.1:{free_ports(['http'])['http']}"),
        ]
        env = {
            **os.environ,
            "KUBECONFIG": str(
                kubeconfig(self.namespace.cluster, self.folder, account_token(self.namespace.cluster))
            ),
            "RAMPWISE_DATABASE": self.database,
            "RAMPWISE_HOME": str(home),
            "RAMPWISE_DISABLED_PLUGINS": "targets/local",
        }
        with (home / "log").open("wb") as log:
            self.processes[name] = subprocess.Popen(command, env=env, stdout=log, stderr=log)
        eventually(lambda: "standing by" in self.log(name), what=f"{name} stands by")

    def kill(self, name: str) -> None:
        """As a machine that loses its power."""
        self.processes[name].send_signal(signal.SIGKILL)
        self.processes[name].wait()

    def log(self, name: str) -> str:
        """What it has logged."""
        process = self.processes[name]
        text = (self.folder / name / "log").read_text(encoding="utf-8")
        assert process.poll() in {None, -signal.SIGKILL}, f"{name} ended with {process.returncode}:\n{text}"
        return text

    def leader(self) -> str:
        """The name of the process that holds the Lease, empty while nobody does."""
        lease = self.namespace.get("coordination.k8s.io/v1", "Lease", LEASE)
        holder = str((lease or {}).get("spec", {}).get("holderIdentity", ""))
        pids = {str(process.pid): name for name, process in self.processes.items()}
        return pids.get(holder.split("/")[1], "") if holder else ""

    @cached_property
    def store(self) -> SqlStore:
        """Their database."""
        return open_store(self.database)


def account_token(cluster: Cluster) -> str:
    """What the controller's pod would find in its file system."""
    return cluster.kubectl("create", "token", ACCOUNT, "-n", HOME).strip()


def kubeconfig(cluster: Cluster, folder: Path, token: str) -> Path:
    """The bed's, with this token."""
    config = yaml.safe_load(cluster.layout.kubeconfig.read_text(encoding="utf-8"))
    config["users"][0]["user"] = {"token": token}
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    return path


@contextmanager
def controllers(
    namespace: Namespace, folder: Path, database: str, *names: str, **more: Any
) -> Iterator[Controllers]:
    """These processes for the length of a block; at its end each must end by itself."""
    crew = Controllers(namespace, folder, database, **more)
    try:
        for name in names:
            crew.start(name)
        yield crew
        for process in crew.processes.values():
            process.terminate()
        for name, process in crew.processes.items():
            assert process.wait(20) in {0, 128 + signal.SIGTERM, -signal.SIGKILL}, f"{name} does not end"
    finally:
        for process in crew.processes.values():
            process.kill()
            process.wait()
        crew.store.close()


def status_of(namespace: Namespace, name: str) -> Object:
    """The experiment's status, empty before there is one."""
    found = namespace.get(API, KIND, name)
    return dict((found or {}).get("status") or {})


def await_status(namespace: Namespace, name: str, timeout_s: float = 90.0, **fields: str) -> Object:
    """The status once its fields are as given."""

    def look() -> Object | None:
        status = status_of(namespace, name)
        shown = {key: status.get(key) for key in fields}
        assert shown == fields, f"{shown}: {status.get('reason')} {status.get('conditions')}"
        return status

    return eventually(look, timeout_s, f"{name} is {fields}")
