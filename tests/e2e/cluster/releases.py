"""Releases of the sample service that tests begin with."""

from tests.e2e.cluster.bed import samples
from tests.e2e.cluster.bed.namespace import Namespace


def start_canary(namespace: Namespace) -> None:
    """A healthy Rollout at v1, and v2 waiting for its first step."""
    steps = [{"setCanaryScale": {"replicas": 1}}, {"pause": {}}, *samples.ladder(20)]
    first = samples.pod_template("shop", "v1", error_rate=0.0)
    second = samples.pod_template("shop", "v2", error_rate=0.0)
    namespace.apply(samples.canary_routes("shop", namespace.name), samples.canary("shop", first, steps))
    namespace.await_rollout("shop", "Healthy")
    namespace.apply(samples.canary("shop", second, steps))
    namespace.await_rollout("shop", "Paused")


def start_knative(namespace: Namespace) -> None:
    """Two ready revisions; everybody sees the first, and who asks for the tag sees the second."""
    first, second = (samples.pod_template("shop", v, error_rate=0.0) for v in ("v1", "v2"))
    namespace.apply(samples.knative("shop", first, revision="one"))
    namespace.await_knative("shop")
    pinned = [
        {"revisionName": "shop-one", "percent": 100},
        {"revisionName": "shop-two", "percent": 0, "tag": "candidate"},
    ]
    namespace.apply(samples.knative("shop", second, pinned, revision="two"))
    namespace.await_knative("shop")
