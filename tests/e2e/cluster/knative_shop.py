"""A shop on Knative: its Service at two revisions, its visitors, and the target of a release."""

from typing import Any

from engine.adapters.knative import KnativeOptions, KnativeTarget
from engine.adapters.knative.pinning import pin
from engine.adapters.kubernetes.client import KubernetesCluster
from tests.e2e.cluster.bed import layout as at
from tests.e2e.cluster.bed import samples
from tests.e2e.cluster.bed.client import Load, Object
from tests.e2e.cluster.bed.namespace import Namespace
from tests.e2e.cluster.bed.waiting import eventually

ONE, TWO, THREE = "shop-one", "shop-two", "shop-three"
NEVER_READY = {"ready_after_s": 3600.0}


def template(version: str, env: dict[str, str] | None = None, **settings: float) -> Object:
    return samples.pod_template("shop", version, env, **{"error_rate": 0.0, **settings})


def change_template(namespace: Namespace, pod: Object, revision: str) -> None:
    """What a deployment by Git does, where Git leaves the traffic alone."""
    spec = samples.knative("shop", pod, revision=revision)["spec"]
    namespace.patch_knative("shop", {"spec": {"template": spec["template"]}})


def pinned(namespace: Namespace) -> None:
    """A Service at its first revision, prepared for releases."""
    namespace.apply(samples.knative("shop", template("v1"), revision="one"))
    namespace.await_knative("shop")
    patch = pin(namespace.knative("shop")).patch
    assert patch is not None
    namespace.patch_knative("shop", {"spec": patch["spec"]})
    namespace.await_knative("shop")


def ready_to_release(namespace: Namespace, env: dict[str, str] | None = None, **settings: float) -> None:
    """Its second revision is ready, and has no traffic."""
    pinned(namespace)
    change_template(namespace, template("v2", env, **settings), "two")
    await_latest(namespace, TWO)
    namespace.await_knative("shop")


def await_latest(namespace: Namespace, revision: str) -> None:
    eventually(
        lambda: namespace.knative("shop")["status"].get("latestReadyRevisionName") == revision,
        what=f"{revision} is ready",
    )


def options(namespace: Namespace, **more: Any) -> dict[str, Any]:
    return {"service": "shop", "namespace": namespace.name, **more}


def target_in(namespace: Namespace, cluster: KubernetesCluster | None = None, **more: Any) -> KnativeTarget:
    """The target of a run: the revisions are those of its launch."""
    chosen = options(namespace, **more)
    facts = KnativeTarget(KnativeOptions(**chosen), cluster).facts()
    return KnativeTarget(KnativeOptions(**{**chosen, **facts.pinned}), cluster)


def revision_of(namespace: Namespace, name: str) -> Object | None:
    return namespace.get("serving.knative.dev/v1", "Revision", name)


def load(namespace: Namespace) -> Any:
    return namespace.cluster.load("shop", f"shop.{namespace.name}.{at.KNATIVE_DOMAIN}", rate_per_s=150.0)


def assert_all_on(visitors: Load, version: str) -> None:
    assert visitors.share_pct(version, 100) == 100.0
