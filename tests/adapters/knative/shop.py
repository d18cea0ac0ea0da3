"""A Knative Service in a stand-in cluster, and what Knative's controllers make of it."""

from typing import Any

from engine.adapters.knative.kinds import KNATIVE_SERVICES, REVISION_LABEL, REVISIONS, SERVICE_LABEL
from engine.adapters.kubernetes.cluster import PODS, Manifest
from engine.adapters.kubernetes.fake import FakeCluster

NAMESPACE = "store"
SINCE = "2026-01-01T00:00:00Z"
SINCE_S = 1767225600.0


def condition(kind: str, status: str = "True", reason: str = "", message: str = "") -> Manifest:
    said = {"reason": reason, "message": message} if reason else {}
    return {"type": kind, "status": status, "lastTransitionTime": SINCE, **said}


def revision(name: str, ready: Manifest | None = None) -> Manifest:
    return {
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": {SERVICE_LABEL: "shop"}},
        "spec": {},
        "status": {"conditions": [ready or condition("Ready")]},
    }


def pod(name: str, of: str, *, ready: bool = True, waits: Manifest | None = None, **meta: Any) -> Manifest:
    containers = [{"state": {"waiting": waits} if waits else {"running": {}}}]
    return {
        "metadata": {
            "name": name,
            "namespace": NAMESPACE,
            "labels": {SERVICE_LABEL: "shop", REVISION_LABEL: of},
            **meta,
        },
        "status": {
            "phase": "Running",
            "conditions": [condition("Ready", str(ready))],
            "containerStatuses": containers,
        },
    }


def service(*traffic: Manifest, latest: str = "shop-two") -> Manifest:
    """A Service whose controllers have not looked at it yet."""
    return {
        "metadata": {"name": "shop", "namespace": NAMESPACE, "uid": "u-1", "generation": 1},
        "spec": {"template": {}, "traffic": list(traffic)},
        "status": {
            "latestCreatedRevisionName": latest,
            "latestReadyRevisionName": latest,
            "conditions": [],
        },
    }


PINNED = ({"revisionName": "shop-one", "percent": 100}, {"latestRevision": True, "tag": "candidate"})


def shop(*traffic: Manifest, latest: str = "shop-two") -> FakeCluster:
    """Two ready revisions with a ready pod each; by default as `rampwise prepare` leaves a Service."""
    cluster = FakeCluster()
    for name in ("shop-one", "shop-two"):
        cluster.put(REVISIONS, revision(name))
        cluster.put(PODS, pod(f"{name}-pod", name))
    cluster.put(KNATIVE_SERVICES, service(*(traffic or PINNED), latest=latest))
    cluster.after_write = reconcile
    reconcile(cluster)
    return cluster


def reconcile(cluster: FakeCluster) -> None:
    """What the controllers do: resolve the split, or say why they cannot and leave the routes as they are."""
    seen = cluster.get(KNATIVE_SERVICES, NAMESPACE, "shop")
    status = dict(seen["status"], observedGeneration=seen["metadata"]["generation"])
    ready = {
        each["metadata"]["name"]: each["status"]["conditions"][0]["status"]
        for each in cluster.find(REVISIONS, NAMESPACE, {SERVICE_LABEL: "shop"})
    }
    routed, routes = [], condition("RoutesReady")
    for entry in seen["spec"]["traffic"]:
        name = entry.get("revisionName") or status["latestReadyRevisionName"]
        if ready.get(name) != "True":
            routes = _bad(name, ready.get(name))
        target = {**entry, "revisionName": name, "latestRevision": bool(entry.get("latestRevision"))}
        if "tag" in entry:
            target["url"] = f"http://{entry['tag']}-shop.store.example.com"
        routed.append(target)
    status["conditions"] = [routes]
    if routes["status"] == "True":
        status["traffic"] = routed
    if status != seen["status"]:
        cluster.put(KNATIVE_SERVICES, {**seen, "status": status})


def _bad(name: str, ready: str | None) -> Manifest:
    if ready is None:
        message = f'Revision "{name}" referenced in traffic not found.'
        return condition("RoutesReady", "False", "RevisionMissing", message)
    message = f'Revision "{name}" failed to become ready.'
    return condition("RoutesReady", "False", "RevisionMissing", message)


def write(cluster: FakeCluster, *traffic: Manifest, **status: Any) -> None:
    """What a person, or Git, writes into the Service."""
    if status:
        seen = cluster.get(KNATIVE_SERVICES, NAMESPACE, "shop")
        cluster.put(KNATIVE_SERVICES, {**seen, "status": {**seen["status"], **status}})
    if traffic:
        cluster.patch(KNATIVE_SERVICES, NAMESPACE, "shop", {"spec": {"traffic": list(traffic)}})


def fail(cluster: FakeCluster, name: str, reason: str = "ExitCode1", message: str = "boom") -> None:
    """A revision that cannot serve any more; its pods crash."""
    cluster.put(REVISIONS, revision(name, condition("Ready", "False", reason, message)))
    waits = {"reason": "CrashLoopBackOff"}
    cluster.put(PODS, pod(f"{name}-pod", name, ready=False, waits=waits))
    reconcile(cluster)


def traffic(cluster: FakeCluster) -> list[Manifest]:
    """What is wished for now."""
    return list(cluster.get(KNATIVE_SERVICES, NAMESPACE, "shop")["spec"]["traffic"])
