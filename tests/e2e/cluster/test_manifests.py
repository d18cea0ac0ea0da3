"""What a cluster applies of `manifests/` is taken by a real API server; unknown fields are refused."""

import subprocess
from pathlib import Path

import pytest
import yaml

from tests.e2e.cluster.bed.client import Object
from tests.e2e.cluster.bed.namespace import Namespace
from tests.e2e.cluster.controllers import HOME, MANIFESTS, grant, rendered

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

EXAMPLES = sorted((MANIFESTS / "examples/cluster").glob("*.yaml"))
NOT_SERVED = {"ServiceMonitor"}
"""Kinds of operators that are not in the cluster."""


@pytest.mark.parametrize("folder", ["base", "overlays/postgresql", "overlays/monitoring"])
def test_what_is_to_be_installed_is_taken(namespace: Namespace, folder: str) -> None:
    grant(namespace, [])
    documents = [each for each in rendered(namespace.cluster, folder) if each["kind"] not in NOT_SERVED]
    accepted = would_apply(namespace, documents)
    assert len(accepted) == len(documents)
    assert {each["metadata"].get("namespace", HOME) for each in documents} == {HOME}


def test_several_replicas_have_no_volume_of_their_own_and_a_database(namespace: Namespace) -> None:
    made = {each["kind"]: each for each in rendered(namespace.cluster, "overlays/postgresql")}
    assert "PersistentVolumeClaim" not in made
    pod = made["Deployment"]["spec"]["template"]["spec"]
    assert {"name": "state", "emptyDir": {"sizeLimit": "64Mi"}} in pod["volumes"]
    [container] = pod["containers"]
    [url] = [each for each in container["env"] if each["name"] == "RAMPWISE_DATABASE"]
    assert url["valueFrom"] == {"secretKeyRef": {"name": "rampwise-database", "key": "url"}}
    assert made["Deployment"]["spec"]["strategy"]["type"] == "RollingUpdate"
    assert "rollingUpdate" not in rendered_base_strategy(namespace)


def rendered_base_strategy(namespace: Namespace) -> Object:
    made = {each["kind"]: each for each in rendered(namespace.cluster, "base")}
    return dict(made["Deployment"]["spec"]["strategy"])


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_examples_are_taken(namespace: Namespace, example: Path) -> None:
    grant(namespace, [])
    [document] = yaml.safe_load_all(example.read_text(encoding="utf-8"))
    document["metadata"]["namespace"] = namespace.name
    assert would_apply(namespace, [document]) == [
        f"releaseexperiment.rampwise.dev/{document['metadata']['name']}"
    ]


@pytest.mark.parametrize("path", sorted((MANIFESTS / "rbac").glob("*.yaml")), ids=lambda path: path.stem)
def test_roles_of_targets_are_taken(namespace: Namespace, path: Path) -> None:
    assert len(namespace.apply(path.read_text(encoding="utf-8"))) == 2


def would_apply(namespace: Namespace, documents: list[Object]) -> list[str]:
    """What `kubectl apply` would do, without doing it; AssertionError with what it says."""
    layout = namespace.cluster.layout
    command = [layout.program("kubectl"), f"--kubeconfig={layout.kubeconfig}", "apply", "--server-side"]
    command += ["--force-conflicts", "--dry-run=server", "--validate=strict", "-o", "name", "-f", "-"]
    text = yaml.safe_dump_all(documents)
    done = subprocess.run(command, check=False, input=text, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()
