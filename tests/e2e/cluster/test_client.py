"""The client against a real API server: the contract, what is refused, and what Roles allow."""

import re
import threading
from pathlib import Path

import pytest
from kubernetes import config

from engine.adapters.kubernetes.client import KubernetesCluster, connect, namespace_of
from engine.adapters.kubernetes.cluster import (
    EVENTS,
    LEASES,
    SERVICES,
    Deposed,
    Invalid,
    NotAllowed,
    NotThere,
    PatchKind,
    Resource,
)
from engine.adapters.kubernetes.guard import WriteGuard
from engine.adapters.kubernetes.reflector import Reflector
from engine.controller.resource import EXPERIMENTS
from tests.contracts.cluster_contract import ABOUT, CONFIG_MAPS, ClusterContract, a_map
from tests.e2e.cluster.bed.client import Cluster
from tests.e2e.cluster.bed.namespace import Namespace
from tests.e2e.cluster.bed.waiting import eventually
from tests.e2e.cluster.controllers import (
    API,
    KIND,
    LEASE,
    account_token,
    experiment,
    grant,
    kubeconfig,
    on_knative,
)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


class TestKubernetesCluster(ClusterContract):
    @pytest.fixture
    def api(self) -> KubernetesCluster:
        return connect()

    @pytest.fixture
    def place(self, namespace: Namespace) -> str:
        return namespace.name

    def test_what_has_more_than_a_page_is_found_whole(
        self, api: KubernetesCluster, place: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("engine.adapters.kubernetes.client.PAGE", 2)
        for number in range(5):
            api.create(CONFIG_MAPS, place, a_map(f"page-{number}", {"app": "paged"}))
        assert len(api.find(CONFIG_MAPS, place, {"app": "paged"})) == 5

    def test_applying_makes_what_is_not_there(self, api: KubernetesCluster, place: str) -> None:
        wanted = {**ABOUT, "metadata": {"name": "fresh"}, "data": {"one": "1"}}
        made = api.patch(CONFIG_MAPS, place, "fresh", wanted, kind=PatchKind.APPLY)
        assert made["data"] == {"one": "1"}

    def test_an_unknown_field_is_refused(self, api: KubernetesCluster, place: str) -> None:
        api.create(CONFIG_MAPS, place, a_map("strict"))
        with pytest.raises(Invalid, match="unknown field"):
            api.patch(CONFIG_MAPS, place, "strict", {"datta": {}})
        with pytest.raises(Invalid, match="unknown field"):
            api.create(CONFIG_MAPS, place, {**a_map("other"), "datta": {}})

    def test_a_kind_that_the_cluster_does_not_know_is_not_there(
        self, api: KubernetesCluster, place: str
    ) -> None:
        with pytest.raises(NotThere):
            api.get(Resource(group="acme.example", version="v1", plural="things"), place, "one")

    def test_who_does_not_lead_writes_nothing(self, api: KubernetesCluster, place: str) -> None:
        guard = WriteGuard()
        guarded = KubernetesCluster(api.client, guard)
        guarded.create(CONFIG_MAPS, place, a_map("guarded", one="1"))
        guard.only_while(lambda: False)
        for write in (
            lambda: guarded.create(CONFIG_MAPS, place, a_map("more")),
            lambda: guarded.patch(CONFIG_MAPS, place, "guarded", {"data": {"one": "2"}}),
            lambda: guarded.delete(CONFIG_MAPS, place, "guarded"),
        ):
            with pytest.raises(Deposed, match="not the leader any more"):
                write()
        assert guarded.get(CONFIG_MAPS, place, "guarded")["data"] == {"one": "1"}


def test_the_namespace_of_a_context_is_the_default(cluster: Cluster) -> None:
    assert (namespace_of(), namespace_of("bed")) == ("default", "default")


@pytest.fixture
def controller(namespace: Namespace, tmp_path: Path) -> KubernetesCluster:
    """The cluster as the controller sees it with the Roles of `manifests/base`, and nothing wider."""
    grant(namespace, [])
    return as_user(namespace, tmp_path, account_token(namespace.cluster))


def as_user(namespace: Namespace, folder: Path, token: str) -> KubernetesCluster:
    path = kubeconfig(namespace.cluster, folder, token)
    return KubernetesCluster(config.new_client_from_config(config_file=str(path)))


def test_the_controllers_role_is_enough_and_nothing_wider(
    controller: KubernetesCluster, namespace: Namespace
) -> None:
    namespace.apply(experiment("shop", on_knative()))
    assert len(controller.find(EXPERIMENTS, "", {})) >= 1
    body = {"metadata": {"finalizers": ["rampwise.dev/traffic"]}}
    controller.patch(EXPERIMENTS, namespace.name, "shop", body)
    controller.patch(EXPERIMENTS, namespace.name, "shop", {"metadata": {"finalizers": []}})
    status = {"apiVersion": API, "kind": KIND, "metadata": {"name": "shop"}, "status": {"phase": "pending"}}
    controller.patch(EXPERIMENTS, namespace.name, "shop", status, subresource="status", kind=PatchKind.APPLY)
    with lacking("get", "services"):
        controller.get(SERVICES, namespace.name, "shop")
    with lacking("list", "events"):
        controller.find(EVENTS, namespace.name, {})
    with lacking("delete", "releaseexperiments.rampwise.dev"):
        controller.delete(EXPERIMENTS, namespace.name, "shop")
    with lacking("get", "leases.coordination.k8s.io"):
        controller.get(LEASES, namespace.name, "somebody-elses")
    with pytest.raises(NotThere):
        controller.get(LEASES, namespace.name, LEASE)


def lacking(verb: str, resource: str):
    return pytest.raises(NotAllowed, match=re.escape(f"a Role must grant verb `{verb}` on `{resource}`"))


def test_a_wrong_token_is_told_as_such(namespace: Namespace, tmp_path: Path) -> None:
    nobody = as_user(namespace, tmp_path, "wrong")
    with pytest.raises(NotAllowed, match="not logged in"):
        nobody.get(EXPERIMENTS, namespace.name, "shop")


@pytest.mark.parametrize("everywhere", [False, True])
def test_the_reflector_sees_what_comes_changes_and_goes(
    controller: KubernetesCluster, namespace: Namespace, everywhere: bool
) -> None:
    heard: list[tuple[str, str]] = []
    scope = "" if everywhere else namespace.name
    reflector = Reflector(
        feed=controller, resource=EXPERIMENTS, namespace=scope, on_change=heard.append, watch_s=2
    )
    stop = threading.Event()
    thread = threading.Thread(target=reflector.run, args=(stop,))
    thread.start()
    try:
        eventually(reflector.synced.is_set, what="listed")
        key = (namespace.name, "shop")
        namespace.apply(experiment("shop", on_knative()))
        eventually(lambda: reflector.get(key), what="seen")
        assert "managedFields" not in (reflector.get(key) or {})["metadata"]
        for number in range(3):  # over several watches, each going on where the last one ended
            notes = {"metadata": {"annotations": {"n": str(number)}}}
            namespace.cluster.patch(API, KIND, "shop", notes, namespace=namespace.name)
            wanted = str(number)
            eventually(
                lambda wanted=wanted: annotations(reflector, key).get("n") == wanted,
                what="the change is seen",
            )
            threading.Event().wait(1.0)  # lets a watch run out: nothing else tells that it did
        namespace.cluster.delete(API, KIND, "shop", namespace.name)
        eventually(lambda: reflector.get(key) is None, what="gone")
        assert key in heard
    finally:
        stop.set()
        thread.join(20)
    assert not thread.is_alive()


def annotations(reflector: Reflector, key: tuple[str, str]) -> dict[str, str]:
    return (reflector.get(key) or {"metadata": {}})["metadata"].get("annotations") or {}
