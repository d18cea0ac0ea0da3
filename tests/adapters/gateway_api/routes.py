"""An HTTPRoute in a stand-in cluster, and what a gateway's controller makes of it."""

from typing import Any

from engine.adapters.gateway_api.target import HTTP_ROUTES
from engine.adapters.kubernetes.cluster import PODS, SERVICES, Manifest
from engine.adapters.kubernetes.fake import FakeCluster

NAMESPACE = "store"
SINCE = "2026-01-01T00:00:00Z"
SINCE_S = 1767225600.0


def ref(name: str, weight: int | None = None, **more: Any) -> Manifest:
    return {"name": name, "port": 80, **({} if weight is None else {"weight": weight}), **more}


def rule(*backends: Manifest, name: str | None = None) -> Manifest:
    named = {} if name is None else {"name": name}
    return {**named, "backendRefs": list(backends or (ref("v1", 1), ref("v2", 0)))}


def route(*rules: Manifest) -> Manifest:
    return {
        "metadata": {"name": "shop", "namespace": NAMESPACE, "uid": "u-1", "generation": 1},
        "spec": {"parentRefs": [{"name": "web"}], "rules": list(rules or (rule(),))},
    }


def service(name: str) -> Manifest:
    return {
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {"selector": {"version": name}, "ports": [{"port": 80}]},
    }


def pod(name: str, version: str, *, ready: bool = True) -> Manifest:
    condition = {"type": "Ready", "status": str(ready), "lastTransitionTime": SINCE}
    return {
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": {"version": version}},
        "status": {"phase": "Running", "conditions": [condition]},
    }


def shop(*rules: Manifest) -> FakeCluster:
    """Two Services with a ready pod each behind a route; by default all traffic on v1."""
    cluster = FakeCluster()
    for version in ("v1", "v2"):
        cluster.put(SERVICES, service(version))
        cluster.put(PODS, pod(f"{version}-pod", version))
    cluster.put(HTTP_ROUTES, route(*rules))
    cluster.after_write = reconcile
    reconcile(cluster)
    return cluster


def reconcile(cluster: FakeCluster) -> None:
    """What a controller does: take the route."""
    seen = cluster.get(HTTP_ROUTES, NAMESPACE, "shop")
    write_status(cluster, condition(seen, "Accepted"), condition(seen, "ResolvedRefs"))


def condition(
    seen: Manifest, kind: str, status: str = "True", reason: str = "", message: str = ""
) -> Manifest:
    generation = seen["metadata"]["generation"]
    said = {"type": kind, "status": status, "observedGeneration": generation}
    return {**said, "reason": reason, "message": message} if reason else said


def write_status(cluster: FakeCluster, *conditions: Manifest) -> None:
    seen = cluster.get(HTTP_ROUTES, NAMESPACE, "shop")
    status = {"parents": [{"parentRef": {"name": "web"}, "conditions": list(conditions)}]}
    if seen.get("status") != status:
        cluster.put(HTTP_ROUTES, {**seen, "status": status})


def write(cluster: FakeCluster, *rules: Manifest) -> None:
    """What a person, or Git, writes into the route."""
    cluster.patch(HTTP_ROUTES, NAMESPACE, "shop", {"spec": {"rules": list(rules)}})


def split(cluster: FakeCluster, place: int = 0) -> list[tuple[str, int | None]]:
    """Backends of a rule with their weights as written."""
    rules = cluster.get(HTTP_ROUTES, NAMESPACE, "shop")["spec"]["rules"]
    return [(each["name"], each.get("weight")) for each in rules[place]["backendRefs"]]
