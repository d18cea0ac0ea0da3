"""The Rollout in the stand-in cluster with equal arms: at `experiment` steps it has a baseline."""

from engine.adapters.argo_rollouts import equal_arms
from engine.adapters.argo_rollouts.equal_arms import ARM_LABEL
from engine.adapters.argo_rollouts.kinds import ROLLOUTS
from engine.adapters.kubernetes.cluster import PODS, Manifest
from engine.adapters.kubernetes.fake import FakeCluster
from tests.adapters.argo_rollouts import shop as plain
from tests.adapters.argo_rollouts.shop import NAMESPACE, SINCE, canary, read

PODS_EACH = 3
STEPS = equal_arms.steps("shop", [5, 20, 50], PODS_EACH)


def strategy(steps: list[Manifest] = STEPS) -> Manifest:
    return canary(
        steps,
        canaryMetadata={"labels": {ARM_LABEL: "shop-treatment"}},
        trafficRouting={"istio": {"virtualService": {"name": "shop"}}},
    )


def shop(rules: Manifest | None = None) -> FakeCluster:
    """v2 waits before its first rung."""
    cluster = plain.idle(strategy() if rules is None else rules)
    cluster.after_write = reconcile
    plain.deploy(cluster, "v2")
    return cluster


def reconcile(cluster: FakeCluster) -> None:
    """Everything that the controller does; a baseline is ready at once, and stays from step to step."""
    plain.reconcile(cluster)
    seen = read(cluster)
    status, index = seen["status"], seen["status"]["currentStepIndex"]
    steps = seen["spec"]["strategy"]["canary"]["steps"]
    if index < len(steps) and "experiment" in steps[index] and not status.get("abort"):
        [template] = steps[index]["experiment"]["templates"]
        name = "shop-x-2"
        weights = status["canary"]["weights"]
        weights["additional"] = [{"serviceName": f"{name}-{template['name']}", "weight": template["weight"]}]
        weights["stable"]["weight"] -= template["weight"]
        status["canary"]["currentExperiment"] = name
        put_baseline(cluster, f"{name}-{template['name']}", template["replicas"])
    cluster.put(ROLLOUTS, seen)


def put_baseline(cluster: FakeCluster, owner: str, count: int) -> None:
    """So many ready pods of a baseline."""
    condition = {"type": "Ready", "status": "True", "lastTransitionTime": SINCE}
    for number in range(count):
        meta = {"name": f"{owner}-{number}", "namespace": NAMESPACE, "labels": {ARM_LABEL: "shop-baseline"}}
        meta["ownerReferences"] = [{"name": owner, "uid": "u-2"}]
        cluster.put(PODS, {"metadata": meta, "status": {"phase": "Running", "conditions": [condition]}})
