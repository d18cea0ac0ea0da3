"""The commands of the how-tos about clusters, typed in order in a real one.

A page says `shop`, `http://prometheus.monitoring:9090` and so on: `INSTEAD` has what is typed for it here.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.e2e.cluster.bed import layout as at
from tests.e2e.cluster.bed import samples
from tests.e2e.cluster.bed.client import Load, Object
from tests.e2e.cluster.bed.namespace import Namespace
from tests.e2e.cluster.bed.waiting import eventually
from tests.e2e.cluster.bed.workload import is_ready
from tests.e2e.cluster.controllers import MANIFESTS, await_status, controllers, grant

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

HOW_TO = MANIFESTS.parent / "docs" / "how-to"
APP = "checkout"
INSTEAD = {
    "-n shop": "-n {namespace}",
    "namespace: shop": "namespace: {namespace}",
    'namespace="shop"': 'namespace="{namespace}"',
    "http://prometheus.monitoring:9090": at.PROMETHEUS_URL,
    # Other tests have applied the same in another name.
    "kubectl apply --server-side": "kubectl apply --server-side --force-conflicts",
    # Nothing is built or pulled in the tests' cluster.
    "podman build -t registry.example.com/rampwise:0.1.0 .": "true",
    # Watching has no end.
    "kubectl get rx -n {namespace} -w": "kubectl get rx -n {namespace}",
}


@dataclass(frozen=True)
class Reader:
    """Somebody with an empty home and the manifests, who stops at the first failure."""

    home: Path
    namespace: Namespace

    def to_type(self, page: str) -> list[str]:
        """The blocks of a page that need a cluster, in order; its first experiment is `checkout.yaml`."""
        text = (HOW_TO / f"{page}.md").read_text(encoding="utf-8")
        saved = re.findall(r"```yaml\n(apiVersion: rampwise\.dev.*?)```", text, re.DOTALL)
        if saved:
            (self.home / "checkout.yaml").write_text(self.here(saved[0]), encoding="utf-8")
        blocks = re.findall(r"<!-- not run: needs a cluster -->\n```sh\n(.*?)```", text, re.DOTALL)
        return [self.here(block) for block in blocks]

    def here(self, text: str) -> str:
        for written, typed in INSTEAD.items():
            text = text.replace(
                written.replace("{namespace}", self.namespace.name),
                typed.replace("{namespace}", self.namespace.name),
            )
        return text

    def type(self, commands: str) -> str:
        own = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "RAMPWISE_HOME": str(self.home / "rampwise"),
            "RAMPWISE_DATABASE": f"sqlite:///{self.home}/rampwise.sqlite3",
            "TOKEN": "only-for-tests",
        }
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", commands],
            cwd=self.home,
            capture_output=True,
            text=True,
            env={**os.environ, **own},
            check=False,
            timeout=200,
        )
        assert done.returncode == 0, f"{commands}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        return done.stdout + done.stderr


@pytest.fixture
def reader(namespace: Namespace, tmp_path: Path) -> Reader:
    made = Reader(tmp_path, namespace)
    shutil.copytree(MANIFESTS, tmp_path / "manifests")
    for example in (tmp_path / "manifests/examples/cluster").glob("*.yaml"):
        example.write_text(made.here(example.read_text(encoding="utf-8")), encoding="utf-8")
    return made


def template(version: str, app: str = APP) -> Object:
    return samples.pod_template(app, version, error_rate=0.0)


def visitors(namespace: Namespace, host: str) -> AbstractContextManager[Load]:
    """The counters of a router are there once it has had visitors."""
    return namespace.cluster.load(APP, host, rate_per_s=50.0)


def some_answers(load: Load) -> None:
    eventually(lambda: sum(load.counts().values()) > 100, what="some answers")


def test_release_on_argo_rollouts(reader: Reader, namespace: Namespace) -> None:
    launch, permissions = reader.to_type("release-on-argo-rollouts")
    text = (HOW_TO / "release-on-argo-rollouts.md").read_text(encoding="utf-8")
    [prepare] = re.findall(
        r"^\$ (rampwise prepare rollout/checkout .* --steps [0-9,]*,[0-9,]*)$", text, re.MULTILINE
    )
    by_itself = samples.canary(APP, template("v1"), [{"setWeight": 20}, {"pause": {"duration": "1h"}}])
    namespace.apply(samples.canary_routes(APP, namespace.name), by_itself)
    namespace.await_rollout(APP, "Healthy")
    reader.type(f"{reader.here(prepare)} | kubectl apply -f -")
    namespace.await_rollout(APP, "Healthy")
    namespace.patch_rollout(APP, {"spec": {"template": template("v2")}}, subresource="")
    namespace.await_rollout(APP, "Paused")
    with visitors(namespace, samples.host(APP, namespace.name)) as load:
        some_answers(load)
        assert_it_would_launch(reader, launch)
    reader.type(permissions)
    assert namespace.get("rbac.authorization.k8s.io/v1", "Role", "rampwise-argo-rollouts")


def assert_it_would_launch(reader: Reader, launch: str) -> None:
    said = reader.type(launch)
    assert "nothing is in the way; nothing was changed" in said, said


def test_compare_equal_arms(reader: Reader, namespace: Namespace) -> None:
    prepare, launch = reader.to_type("compare-equal-arms")
    mesh = {"istio": {"virtualService": {"name": APP, "routes": ["primary"]}}}
    namespace.apply(
        [samples.service(f"{APP}-{role}", APP) for role in ("stable", "canary")],
        samples.virtual_service(APP, namespace.name),
        samples.canary(APP, template("v1"), [], 2, trafficRouting=mesh),
    )
    namespace.await_rollout(APP, "Healthy")
    reader.type(f"{prepare.strip()} | kubectl apply -f -")
    namespace.await_rollout(APP, "Healthy")
    namespace.patch_rollout(APP, {"spec": {"template": template("v2")}}, subresource="")
    namespace.await_rollout(APP, "Paused")
    with visitors(namespace, samples.host(APP, namespace.name)) as load:
        some_answers(load)
        said = reader.type(launch)
    assert "target: 100/0 (control/treatment), v1 ready, v2 ready" in said
    assert "no samples of errors yet" in said


def start_knative(reader: Reader, prepare: str) -> None:
    """A Service that is prepared as the page says, and then gets another template."""
    namespace = reader.namespace
    namespace.apply(samples.knative(APP, template("v1")))
    namespace.await_knative(APP)
    reader.type(prepare)
    namespace.await_knative(APP)
    change = samples.knative(APP, template("v2"))["spec"]["template"]
    namespace.patch_knative(APP, {"spec": {"template": change}})

    def is_ready() -> bool:
        seen = namespace.knative(APP)["status"]
        return bool(seen.get("latestReadyRevisionName") == f"{APP}-00002")

    eventually(is_ready, what="the second revision")
    namespace.await_knative(APP)


def test_release_on_knative(reader: Reader, namespace: Namespace) -> None:
    prepare, launch, permissions = reader.to_type("release-on-knative")
    start_knative(reader, prepare)
    with visitors(namespace, f"{APP}.{namespace.name}.{at.KNATIVE_DOMAIN}") as load:
        some_answers(load)
        assert set(load.counts()) <= {"v1"}
        assert_it_would_launch(reader, launch)
    reader.type(permissions)
    assert namespace.get("rbac.authorization.k8s.io/v1", "Role", "rampwise-knative")


def test_release_by_an_http_route(reader: Reader, namespace: Namespace) -> None:
    launch, permissions = reader.to_type("release-by-an-http-route")
    backends = []
    for version, weight in (("v1", 100), ("v2", 0)):
        named = f"{APP}-{version}"
        pod = template(version)
        pod["metadata"]["labels"] = {"app": named}
        namespace.apply(samples.deployment(named, pod), samples.service(named, named))
        backends.append({"name": named, "port": 80, "weight": weight})
    rules = [{"name": "pages", "backendRefs": backends}]
    namespace.apply(samples.gateway_routes(APP, namespace.name, rules))
    eventually(lambda: sum(map(is_ready, namespace.pods())) == 2, what="two pods are ready")
    with visitors(namespace, samples.host(APP, namespace.name)) as load:
        some_answers(load)
        assert_it_would_launch(reader, launch)
    reader.type(permissions)
    assert namespace.get("rbac.authorization.k8s.io/v1", "Role", "rampwise-http-route")


@pytest.fixture
def installed(reader: Reader) -> Iterator[None]:
    """Takes away again what the page installs for a whole cluster, but for the definition and the account."""
    yield
    kinds = "deployment,service,networkpolicy,poddisruptionbudget,persistentvolumeclaim,secret"
    reader.type(f"kubectl -n rampwise delete {kinds} --all --wait=false")


@pytest.mark.usefixtures("installed")
def test_run_in_a_cluster(reader: Reader, namespace: Namespace, tmp_path: Path) -> None:
    install, permissions, release, by_hand, annotate, several = reader.to_type("run-in-a-cluster")
    reader.type(install)
    reader.type(permissions)
    prepare, *_ = reader.to_type("release-on-knative")
    start_knative(reader, prepare)
    grant(namespace, [])
    folder = tmp_path / "controllers"
    folder.mkdir()
    with (
        visitors(namespace, f"{APP}.{namespace.name}.{at.KNATIVE_DOMAIN}") as load,
        controllers(namespace, folder, f"sqlite:///{folder}/rampwise.sqlite3", "only"),
    ):
        some_answers(load)
        assert f"{APP}-v2" in reader.type(release)
        await_status(namespace, f"{APP}-v2", phase="running")
        reader.type(by_hand)
        await_status(namespace, f"{APP}-v2", phase="promoted", weights="0/100")
        load.await_all("v2")
        reader.type(annotate)
        eventually(lambda: "NothingToDo" in events(namespace), what="an answer")
    reader.type(several)
    replicas = reader.type("kubectl -n rampwise get deployment -o jsonpath='{.items[*].spec.replicas}'")
    assert int(replicas) >= 2


@pytest.mark.usefixtures("installed")
def test_plug_into_argo_analysis(reader: Reader, namespace: Namespace) -> None:
    page = "plug-into-argo-analysis"
    [set_up] = reader.to_type(page)
    namespace.cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "rampwise"}})
    reader.type(set_up)
    for kind in ("step", "background"):
        assert namespace.get("argoproj.io/v1alpha1", "AnalysisTemplate", f"rampwise-{kind}")
    [steps] = re.findall(r"```yaml\n(steps:.*?)```", (HOW_TO / f"{page}.md").read_text("utf-8"), re.DOTALL)
    namespace.apply(
        samples.canary_routes(APP, namespace.name),
        samples.canary(APP, template("v1"), yaml.safe_load(steps)["steps"]),
    )
    namespace.await_rollout(APP, "Healthy")
    namespace.patch_rollout(APP, {"spec": {"template": template("v2")}}, subresource="")
    eventually(lambda: asked(namespace), what="the step's analysis")


def asked(namespace: Namespace) -> list[Object]:
    """Analyses that name the step as the page's template has it."""
    runs = namespace.cluster.all("argoproj.io/v1alpha1", "AnalysisRun", namespace.name)
    return [run for run in runs if {"name": "step", "value": "1"} in run["spec"]["args"]]


def events(namespace: Namespace) -> str:
    return namespace.cluster.kubectl("get", "events", "-n", namespace.name)
