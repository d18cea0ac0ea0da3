"""Rollouts of the sample service as tests of the target `argo_rollout` have them."""

from contextlib import AbstractContextManager
from typing import Any

from engine.adapters.argo_rollouts import RolloutOptions, RolloutTarget
from engine.adapters.kubernetes.client import KubernetesCluster
from engine.core.target import TargetGone
from tests.e2e.cluster.bed import layout as at
from tests.e2e.cluster.bed import samples
from tests.e2e.cluster.bed.client import Load, Object
from tests.e2e.cluster.bed.namespace import Namespace
from tests.e2e.cluster.bed.waiting import eventually
from tests.e2e.cluster.driving import document

LADDER: list[Object] = [
    {"setCanaryScale": {"replicas": 1}},
    {"setWeight": 0},
    {"pause": {}},
    {"setCanaryScale": {"matchTrafficWeight": True}},
    *samples.ladder(20, 50),
]
"""As `rampwise prepare` writes it."""
OBSERVED_PCT = 1.5
"""The proxy splits by turns, so that shares are exact but for the requests at both ends."""


def template(version: str, env: dict[str, str] | None = None, **settings: float) -> Object:
    """A version that answers without errors, unless told otherwise."""
    return samples.pod_template("shop", version, env, **{"error_rate": 0.0, **settings})


def start_canary(namespace: Namespace, **rules: Any) -> None:
    """A healthy Rollout of v1, with Traefik in front and its ladder."""
    namespace.apply(
        samples.canary_routes("shop", namespace.name), samples.canary("shop", template("v1"), LADDER, **rules)
    )
    namespace.await_rollout("shop", "Healthy")


def start_blue_green(namespace: Namespace, **rules: Any) -> None:
    """A healthy Rollout of v1, active, with hosts for both colours."""
    namespace.apply(
        samples.blue_green_routes("shop", namespace.name), samples.blue_green("shop", template("v1"), **rules)
    )
    namespace.await_rollout("shop", "Healthy")


def deploy(namespace: Namespace, pod: Object, *, at_rest: bool = True) -> None:
    """What a deployment by Git does; then the Rollout waits before its first rung, or before its switch."""
    before = namespace.rollout("shop")["status"]["currentPodHash"]
    namespace.patch_rollout("shop", {"spec": {"template": pod}}, subresource="")
    if at_rest:
        eventually(
            lambda: namespace.rollout("shop")["status"]["currentPodHash"] != before, what="another template"
        )
        namespace.await_rollout("shop", "Paused")


def await_new_version(namespace: Namespace) -> None:
    """Return when the controller knows that there is something to release."""

    def is_known() -> bool:
        rollout = namespace.rollout("shop")
        seen = rollout["status"]
        is_current = seen.get("observedGeneration") == str(rollout["metadata"]["generation"])
        return is_current and seen["currentPodHash"] != seen["stableRS"]

    eventually(is_known, what="a new version")


def gone(answer: object) -> str:
    """What a target says that did not act."""
    assert isinstance(answer, TargetGone), answer
    return answer.detail


def load(namespace: Namespace) -> AbstractContextManager[Load]:
    """Visitors of the shop."""
    return namespace.cluster.load("shop", samples.host("shop", namespace.name), rate_per_s=150.0)


def options(namespace: Namespace, **more: Any) -> dict[str, Any]:
    """Options of the target, as in a document."""
    return {"rollout": "shop", "namespace": namespace.name, **more}


def target_in(namespace: Namespace, cluster: KubernetesCluster | None = None) -> RolloutTarget:
    """The target of a run: the versions are those of its launch."""
    facts = RolloutTarget(RolloutOptions(**options(namespace)), cluster).facts()
    return RolloutTarget(RolloutOptions.model_validate({**options(namespace), **facts.pinned}), cluster)


def experiment(namespace: Namespace, *, router: bool = True, **more: Any) -> Object:
    """A quick release of it."""
    place = options(namespace, prometheus=at.PROMETHEUS_URL, **({"router": "traefik"} if router else {}))
    return document(f"shop-{namespace.name}", {"argo_rollout": place}, **more)
