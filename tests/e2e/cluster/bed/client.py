"""The cluster as tests see it, through the official client. Starts nothing but load."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Self

import requests
import yaml
from kubernetes import config
from kubernetes.dynamic import DynamicClient
from kubernetes.dynamic.exceptions import NotFoundError

from engine.adapters.traefik.platform_record import replace_text
from engine.local.processes import free_ports
from engine.local.settings import Settings
from tests.e2e.cluster.bed import layout as at
from tests.e2e.cluster.bed.layout import CLUSTER_VARIABLE, Layout
from tests.e2e.cluster.bed.supervisor import is_serving, serves
from tests.e2e.cluster.bed.waiting import eventually
from tests.e2e.cluster.bed.workload import is_ready, workload

Object = dict[str, Any]
FIELD_MANAGER = "a-person"
START_WITHIN_S = 60.0
REQUESTS_ON_THEIR_WAY = 100
"""Begun before, or before the proxy had taken over what a controller calls done: some tenths of a second."""


class NoClusterError(Exception):
    """This process does not run inside a cluster that is up."""


class Load:
    """A running load generator."""

    def __init__(self, service: str, process: subprocess.Popen[bytes], port: int) -> None:
        self._service, self._process, self._port = service, process, port

    def stats(self) -> Object:
        """All that the generator has seen, see `engine.local.load`."""
        answer = requests.get(f"http://127.0.0.1:{self._port}/stats", timeout=10)
        return dict(answer.json()["services"][self._service])

    def counts(self) -> dict[str, int]:
        """Answers by version; `none` is the proxy's own answer."""
        return {version: sum(by.values()) for version, by in self.stats()["counts"].items()}

    def is_over(self) -> bool:
        """Whether its time is up and every request has been answered."""
        answer = requests.get(f"http://127.0.0.1:{self._port}/stats", timeout=10).json()
        return not answer["running"] and answer["services"][self._service]["in_flight"] == 0

    def share_pct(self, version: str, requests_at_least: int = 500) -> float:
        """A version's share of the next so many requests; those on their way already do not count."""
        start = self.counts()
        eventually(lambda: self._since(start, REQUESTS_ON_THEIR_WAY), what="some more requests")
        before = self.counts()
        now = eventually(
            lambda: self._since(before, requests_at_least), what=f"{requests_at_least} more requests"
        )
        return 100.0 * now.get(version, 0) / sum(now.values())

    def await_all(self, version: str, requests_in_a_row: int = 100) -> None:
        """Return when so many requests in a row went to one version.

        What controllers call done takes the proxy some tenths of a second more.
        """
        eventually(
            lambda: self.share_pct(version, requests_in_a_row) == 100.0, what=f"everything goes to {version}"
        )

    def _since(self, before: Mapping[str, int], at_least: int) -> dict[str, int] | None:
        more = {version: count - before.get(version, 0) for version, count in self.counts().items()}
        return more if sum(more.values()) >= at_least else None


class Cluster:
    """The one cluster that all tests share."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.api = config.new_client_from_config(config_file=str(layout.kubeconfig))
        self.dynamic = DynamicClient(self.api, cache_file=str(layout.directory / f"kinds-{os.getpid()}.json"))

    @classmethod
    def here(cls) -> Self:
        """The cluster in whose namespace this process runs. NoClusterError outside."""
        named = os.environ.get(CLUSTER_VARIABLE)
        if named is None or not Layout(Path(named), Path(named)).up.exists():
            raise NoClusterError("these tests run inside a cluster; type: tools/rampwise-cluster run pytest")
        return cls(Layout.of(Path(named)))

    def apply(self, manifest: Object | str, namespace: str | None = None) -> list[Object]:
        """Apply one document, or YAML with several, strictly: an unknown field is an error."""
        documents = list(yaml.safe_load_all(manifest)) if isinstance(manifest, str) else [manifest]
        return [self._apply(document, namespace) for document in documents if document]

    def _apply(self, document: Object, namespace: str | None) -> Object:
        kind = self.dynamic.resources.get(api_version=document["apiVersion"], kind=document["kind"])
        applied = kind.server_side_apply(
            body=document,
            namespace=namespace if kind.namespaced else None,
            field_manager=FIELD_MANAGER,
            force_conflicts=True,
            query_params=[("fieldValidation", "Strict")],
        )
        return dict(applied.to_dict())

    def get(self, api_version: str, kind: str, name: str, namespace: str | None = None) -> Object | None:
        """One object, None when there is none."""
        found = self.dynamic.resources.get(api_version=api_version, kind=kind)
        try:
            return dict(found.get(name=name, namespace=namespace).to_dict())
        except NotFoundError:
            return None

    def all(
        self, api_version: str, kind: str, namespace: str | None = None, selector: str = ""
    ) -> list[Object]:
        """All objects of a kind."""
        found = self.dynamic.resources.get(api_version=api_version, kind=kind)
        page = found.get(namespace=namespace, label_selector=selector)
        return [dict(item) for item in page.to_dict()["items"]]

    def delete(self, api_version: str, kind: str, name: str, namespace: str | None = None) -> None:
        """Ask for an object to be deleted."""
        self.dynamic.resources.get(api_version=api_version, kind=kind).delete(name=name, namespace=namespace)

    def patch(
        self,
        api_version: str,
        kind: str,
        name: str,
        body: Object,
        *,
        namespace: str | None = None,
        subresource: str = "",
    ) -> Object:
        """Merge patch, as kubectl and its plugins send it. ApiException when the server refuses."""
        found = self.dynamic.resources.get(api_version=api_version, kind=kind)
        place = found.subresources[subresource] if subresource else found
        patched = place.patch(
            body=body, name=name, namespace=namespace, content_type="application/merge-patch+json"
        )
        return dict(patched.to_dict())

    def kubectl(self, *arguments: str) -> str:
        """What kubectl says. CalledProcessError when it fails."""
        command = [self.layout.program("kubectl"), f"--kubeconfig={self.layout.kubeconfig}", *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout

    def prometheus(self, query: str) -> list[Object]:
        """The result of an instant query."""
        answer = requests.get(f"{at.PROMETHEUS_URL}/api/v1/query", params={"query": query}, timeout=10)
        answer.raise_for_status()
        return list(answer.json()["data"]["result"])

    def proxy_weights(self, service: str) -> dict[str, int]:
        """Weights of a weighted service as Traefik has them, such as `NAMESPACE-NAME@kubernetescrd`."""
        answer = requests.get(f"{at.TRAEFIK_API_URL}/api/http/services/{service}", timeout=10)
        parts = answer.json()["weighted"]["services"] if answer.ok else []
        return {part["name"]: part.get("weight", 0) for part in parts}

    def set_behaviour(self, namespace: str, service: str, version: str, **settings: float) -> None:
        """Change how a version behaves: its pods now, and those that come."""
        file = self.layout.settings_file(namespace, service, version)
        old = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
        Settings().changed(settings)
        replace_text(file, json.dumps(old | settings), scratch=self.layout.directory)
        for pod in self.all("v1", "Pod", namespace):
            if workload(pod).version == version and is_ready(pod):
                eventually(partial(_behaves, pod, settings), what=f"{pod['metadata']['name']} behaves so")

    @contextmanager
    def load(
        self,
        service: str,
        host: str,
        headers: Mapping[str, str] | None = None,
        *,
        cookie: str = "",
        rate_per_s: float = 200.0,
        sessions: int = 50,
        duration_s: float = 600.0,
    ) -> Iterator[Load]:
        """Visitors of a host for the length of a block; `service` is what its pods call themselves.

        Each is in a bucket, which their requests name in a header (`X-Bucket`), or in this cookie.
        """
        port = free_ports(["load"])["load"]
        command = [
            *(sys.executable, "-P", "-m", "tests.e2e.cluster.bed.load"),
            *(f"--service={service}", f"--host={host}", f"--port={port}"),
            *(f"--header={name}: {value}" for name, value in (headers or {}).items()),
            f"--cookie={cookie}",
            *(f"--rate-per-s={rate_per_s}", f"--sessions={sessions}", f"--duration-s={duration_s}"),
        ]
        process = subprocess.Popen(command, stdin=subprocess.PIPE)
        try:
            eventually(lambda: serves(f"http://127.0.0.1:{port}/stats"), START_WITHIN_S, "load")
            yield Load(service, process, port)
        finally:
            process.kill()
            process.wait()
            if process.stdin is not None:
                process.stdin.close()

    @contextmanager
    def outage(self, component: str) -> Iterator[None]:
        """Keep a component stopped for the length of a block; it serves again at its end."""
        halted, pid = self.layout.halted / component, self.layout.pids / component
        halted.touch()
        try:
            eventually(lambda: not pid.exists(), what=f"{component} stops")
            yield
        finally:
            halted.unlink()
            eventually(pid.exists, what=f"{component} starts")
            eventually(lambda: is_serving(self.layout, component), what=f"{component} serves")


def _behaves(pod: Object, settings: Mapping[str, float]) -> bool:
    """Whether a pod's process has these settings; one that has gone since need not."""
    url = f"http://{pod['status']['podIP']}:{workload(pod).port}/settings"
    try:
        shown = requests.get(url, timeout=10).json()
    except requests.ConnectionError:
        return True
    return all(shown[name] == value for name, value in settings.items())
