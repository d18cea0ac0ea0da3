"""What Rampwise may do with a Role of `manifests/rbac` and nothing wider, and with less."""

from collections.abc import Callable
from pathlib import Path

import yaml
from kubernetes.client import ApiClient, Configuration

from engine.adapters.kubernetes.client import KubernetesCluster
from tests.e2e.cluster.bed import layout as at
from tests.e2e.cluster.bed.client import Object
from tests.e2e.cluster.bed.namespace import Namespace

RBAC = Path(__file__).parents[3] / "manifests" / "rbac"
HOME, ACCOUNT = "rampwise", "rampwise-controller"


def as_controller(
    namespace: Namespace, role: str, change: Callable[[Object], None] = lambda _: None
) -> KubernetesCluster:
    """The cluster as the controller's service account sees it, with this file's Role as changed."""
    cluster = namespace.cluster
    cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": HOME}})
    cluster.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": ACCOUNT}}, HOME)
    for document in yaml.safe_load_all((RBAC / role).read_text(encoding="utf-8")):
        if document["kind"] == "Role":
            change(document)
        namespace.apply(document)
    token = cluster.kubectl("create", "token", ACCOUNT, "-n", HOME).strip()
    settings = Configuration(host=at.API_URL)
    settings.ssl_ca_cert = str(cluster.layout.api_certificate)
    settings.api_key = {"authorization": f"Bearer {token}"}
    settings.retries = False
    return KubernetesCluster(ApiClient(settings))


def without(verb: str, resource: str) -> Callable[[Object], None]:
    """The Role without one verb."""

    def take_away(role: Object) -> None:
        for rule in role["rules"]:
            if resource in rule["resources"]:
                rule["verbs"] = [each for each in rule["verbs"] if each != verb]
        role["rules"] = [rule for rule in role["rules"] if rule["verbs"]]

    return take_away
