"""What `manifests/` says fits together, and the examples are experiments as the controller reads them."""

import ipaddress
from pathlib import Path
from typing import Any

import pytest
import yaml

from engine import spec
from engine.cli.main import app
from engine.controller.resource import wanted
from engine.web.guard import Guard
from tests.cli.reference import commands

MANIFESTS = Path(__file__).parents[2] / "manifests"
EXAMPLES = sorted((MANIFESTS / "examples/cluster").glob("*.yaml"))


def documents(path: Path) -> list[dict[str, Any]]:
    return [each for each in yaml.safe_load_all(path.read_text(encoding="utf-8")) if each]


def the(kind: str, folder: str = "base") -> dict[str, Any]:
    [found] = [
        each
        for path in sorted((MANIFESTS / folder).glob("*.yaml"))
        for each in documents(path)
        if each.get("kind") == kind
    ]
    return found


def container() -> dict[str, Any]:
    [only] = the("Deployment")["spec"]["template"]["spec"]["containers"]
    return dict(only)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_examples_are_experiments(example: Path) -> None:
    [manifest] = documents(example)
    manifest["metadata"]["uid"] = "u-1"
    found = wanted(manifest)
    assert found.problem == ""
    assert spec.from_plain(found.document).name == f"shop--{manifest['metadata']['name']}"


@pytest.mark.parametrize("folder", ["base", "overlays/postgresql", "overlays/monitoring"])
def test_all_files_of_a_folder_are_applied(folder: str) -> None:
    [about] = documents(MANIFESTS / folder / "kustomization.yaml")
    named = {*about["resources"], *(each["path"] for each in about.get("patches", ()) if "path" in each)}
    files = {path.name for path in (MANIFESTS / folder).glob("*.yaml")} - {"kustomization.yaml"}
    assert files <= named
    for name in named:
        assert (MANIFESTS / folder / name).exists(), name


def test_the_container_runs_a_command_that_there_is() -> None:
    assert container()["args"][0] in commands()
    assert app.info.name == "rampwise"


def test_the_container_writes_to_its_volumes_only_and_is_nobody_special() -> None:
    security = container()["securityContext"]
    assert (security["readOnlyRootFilesystem"], security["allowPrivilegeEscalation"]) == (True, False)
    assert security["capabilities"] == {"drop": ["ALL"]}
    assert the("Deployment")["spec"]["template"]["spec"]["securityContext"]["runAsNonRoot"]
    home = next(each["value"] for each in container()["env"] if each["name"] == "RAMPWISE_HOME")
    assert home in {each["mountPath"] for each in container()["volumeMounts"]}


def test_probes_ask_by_address_which_the_pages_answer() -> None:
    guard = Guard(app=lambda *_: None, hosts=set())  # type: ignore[arg-type,return-value]
    for probe in ("livenessProbe", "readinessProbe"):
        assert "host" not in container()[probe]["httpGet"]
        assert "httpHeaders" not in container()[probe]["httpGet"]
    assert guard._is_own(str(ipaddress.ip_address("10.1.2.3")))


def test_one_volume_has_one_writer() -> None:
    deployment = the("Deployment")["spec"]
    assert (deployment["replicas"], deployment["strategy"]) == (1, {"type": "Recreate"})
    assert the("Deployment", "overlays/postgresql")["spec"]["replicas"] == 2


def test_ports_and_names_meet() -> None:
    [port] = container()["ports"]
    [served] = the("Service")["spec"]["ports"]
    [allowed] = the("NetworkPolicy")["spec"]["ingress"][0]["ports"]
    [scraped] = the("ServiceMonitor", "overlays/monitoring")["spec"]["endpoints"]
    assert port["containerPort"] == served["port"] == allowed["port"]
    assert served["targetPort"] == port["name"]
    assert (scraped["port"], scraped["path"]) == (served["name"], "/metrics")


@pytest.mark.parametrize("path", sorted((MANIFESTS / "rbac").glob("*.yaml")), ids=lambda path: path.stem)
def test_roles_of_targets_are_of_one_namespace_and_name_every_verb(path: Path) -> None:
    role, binding = documents(path)
    assert (role["kind"], binding["kind"]) == ("Role", "RoleBinding")
    assert binding["roleRef"]["name"] == role["metadata"]["name"]
    assert binding["subjects"] == [
        {"kind": "ServiceAccount", "name": "rampwise-controller", "namespace": "rampwise"}
    ]
    for rule in role["rules"]:
        assert "*" not in {*rule["verbs"], *rule["resources"], *rule["apiGroups"]}


def test_scraped_pods_have_the_labels_by_which_versions_are_told_apart() -> None:
    [found] = documents(MANIFESTS / "prometheus/scrape-pods.yaml")
    [job] = found["scrape_configs"]
    made = {each.get("target_label"): each["source_labels"] for each in job["relabel_configs"]}
    prefix = "__meta_kubernetes_pod_label_"
    assert made["rollouts_pod_template_hash"] == [f"{prefix}rollouts_pod_template_hash"]
    assert made["rampwise_dev_arm"] == [f"{prefix}rampwise_dev_arm"]
    assert made["revision"] == [f"{prefix}serving_knative_dev_revision"]
    assert {"namespace", "pod"} <= made.keys()
