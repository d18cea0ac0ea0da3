"""Where everything of one cluster is: addresses inside its network namespace, files in its directory.

The namespace belongs to the cluster alone, so ports are fixed. Nothing here starts or asks anything.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

NODE = "node-1"
NODE_IP = "10.64.0.1"
"""The machine as the cluster sees it: an address of the loopback device that is not a loopback address."""
ETCD_URL = "http://127.0.0.1:2379"
API_URL = f"https://{NODE_IP}:6443"
WEB_PORT = 8000
"""Where visitors come in: Traefik, on 127.0.0.1."""
TRAEFIK_API_URL = "http://127.0.0.1:8001"
PROMETHEUS_URL = "http://127.0.0.1:9090"
WEBHOOK_PORT = 8443
ROLLOUTS_HEALTH_PORT = 8101
ROLLOUTS_METRICS_PORT = 8102
ADMIN_TOKEN = "admin-of-a-cluster-nobody-else-can-reach"
KNATIVE_DOMAIN = "knative.test"
INGRESS_CLASS = "stand-in.ingress.networking.knative.dev"
SCRAPE_EVERY_S = 1

READY_URLS = {
    "etcd": f"{ETCD_URL}/health",
    "kube-apiserver": f"{API_URL}/readyz",
    "argo-rollouts": f"http://127.0.0.1:{ROLLOUTS_HEALTH_PORT}/healthz",
    "traefik": f"{TRAEFIK_API_URL}/ping",
    "prometheus": f"{PROMETHEUS_URL}/-/ready",
}
"""Components that answer 200 when they serve; of the others, running is all there is to know."""

CLUSTER_VARIABLE = "RAMPWISE_CLUSTER"
"""Environment variable with the directory of the cluster in whose namespace a process runs."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The files of a cluster."""

    directory: Path
    tools: Path

    @classmethod
    def of(cls, directory: Path) -> Self:
        """The layout of a cluster that was started in this directory. FileNotFoundError without one."""
        return cls(directory, (directory / "tools").readlink())

    def program(self, name: str) -> str:
        """A program that was built for the cluster."""
        return str(self.tools / "bin" / name)

    @property
    def manifests(self) -> Path:
        """What the programs' authors ship for a cluster to apply."""
        return self.tools / "manifests"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's."""
        return self.directory / "kubeconfig"

    @property
    def api_certificate(self) -> Path:
        """What proves that the API server is ours."""
        return self.directory / "certificates" / "apiserver.crt"

    @property
    def service_account_key(self) -> Path:
        """Signs the tokens of service accounts."""
        return self.directory / "service-account.key"

    @property
    def logs(self) -> Path:
        """One file a component."""
        return self.directory / "logs"

    @property
    def routes(self) -> Path:
        """Traefik's file provider."""
        return self.directory / "routes"

    @property
    def targets(self) -> Path:
        """What Prometheus scrapes, as `bed.discovery` finds it."""
        return self.directory / "targets.json"

    @property
    def settings(self) -> Path:
        """How versions of the sample service behave, one file per namespace, service and version."""
        return self.directory / "settings"

    @property
    def halted(self) -> Path:
        """A file here by a component's name keeps that component stopped."""
        return self.directory / "halted"

    @property
    def pids(self) -> Path:
        """One file a running component, with its process id inside the cluster's process namespace."""
        return self.directory / "pids"

    @property
    def up(self) -> Path:
        """Exists when the cluster has started."""
        return self.directory / "up"

    def settings_file(self, namespace: str, service: str, version: str) -> Path:
        """Behaviour of all present and future pods of a version."""
        return self.settings / f"{namespace}--{service}--{version}.json"
