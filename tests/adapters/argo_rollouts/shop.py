"""A Rollout in a stand-in cluster, and what the Rollouts controller makes of it: at once, with ready pods."""

import copy
from typing import Any

from engine.adapters.argo_rollouts.kinds import BLUE_GREEN_PAUSE, CANARY_PAUSE, HASH_LABEL, ROLLOUTS
from engine.adapters.argo_rollouts.visitors import VIRTUAL_SERVICES, route_name
from engine.adapters.kubernetes.cluster import PODS, REPLICA_SETS, SERVICES, Manifest
from engine.adapters.kubernetes.fake import FakeCluster

NAMESPACE = "store"
SINCE = "2026-01-01T00:00:00Z"
SINCE_S = 1767225600.0
V1, V2, V3 = "hash-v1", "hash-v2", "hash-v3"
LADDER: list[Manifest] = [
    {"setCanaryScale": {"replicas": 1}},
    {"setWeight": 0},
    {"pause": {}},
    {"setCanaryScale": {"matchTrafficWeight": True}},
    {"setWeight": 5},
    {"pause": {}},
    {"setWeight": 20},
    {"pause": {}},
    {"setWeight": 50},
    {"pause": {}},
]
ROUTED: Manifest = {
    "stableService": "shop-stable",
    "canaryService": "shop-canary",
    "trafficRouting": {"traefik": {"weightedTraefikServiceName": "shop"}},
}
COLOURS: Manifest = {
    "blueGreen": {
        "activeService": "shop-active",
        "previewService": "shop-preview",
        "autoPromotionEnabled": False,
    }
}


def canary(steps: list[Manifest] | None = None, **rules: Any) -> Manifest:
    """A strategy with Traefik's weights."""
    return {"canary": {**ROUTED, "steps": LADDER if steps is None else steps, **rules}}


def template(version: str) -> Manifest:
    return {
        "metadata": {"labels": {"app": "shop"}},
        "spec": {"containers": [{"name": "app", "image": f"registry:5000/shop:{version}"}]},
    }


def rollout(strategy: Manifest, version: str = "v1", **spec: Any) -> Manifest:
    return {
        "metadata": {"name": "shop", "namespace": NAMESPACE, "uid": "u-1", "generation": 1},
        "spec": {
            "replicas": 4,
            "selector": {"matchLabels": {"app": "shop"}},
            "template": template(version),
            "strategy": strategy,
            **spec,
        },
        "status": {},
    }


def idle(strategy: Manifest) -> FakeCluster:
    """All at v1, with nothing to release."""
    cluster = FakeCluster()
    for name in ("shop-stable", "shop-canary", "shop-active", "shop-preview"):
        ports = {"ports": [{"name": "http", "port": 80}]}
        cluster.put(SERVICES, {"metadata": {"name": name, "namespace": NAMESPACE}, "spec": ports})
    to_stable = [{"name": "primary", "route": [{"destination": {"host": "shop-stable"}}]}]
    named = {"name": "shop", "namespace": NAMESPACE}
    cluster.put(VIRTUAL_SERVICES, {"metadata": named, "spec": {"http": to_stable}})
    cluster.put(ROLLOUTS, rollout(strategy))
    cluster.after_write = reconcile
    reconcile(cluster)
    return cluster


def shop(strategy: Manifest | None = None) -> FakeCluster:
    """v2 waits before its first rung, or before its switch."""
    cluster = idle(canary() if strategy is None else strategy)
    deploy(cluster, "v2")
    return cluster


def read(cluster: FakeCluster) -> Manifest:
    return cluster.get(ROLLOUTS, NAMESPACE, "shop")


def deploy(cluster: FakeCluster, version: str) -> None:
    cluster.patch(ROLLOUTS, NAMESPACE, "shop", {"spec": {"template": template(version)}})


def order(cluster: FakeCluster, **status: Any) -> None:
    """What the kubectl plugin sends."""
    cluster.patch(ROLLOUTS, NAMESPACE, "shop", {"status": status}, subresource="status")


def write(cluster: FakeCluster, **status: Any) -> None:
    """The status as a controller that is doing something else leaves it."""
    seen = read(cluster)
    cluster.put(ROLLOUTS, {**seen, "status": {**seen["status"], **status}})


def reconcile(cluster: FakeCluster) -> None:
    """Everything that the controller does, until nothing is left to do."""
    seen = read(cluster)
    image = seen["spec"]["template"]["spec"]["containers"][0]["image"]
    current = f"hash-{image.rpartition(':')[2]}"
    status = copy.deepcopy(seen["status"])
    status["observedGeneration"] = str(seen["metadata"]["generation"])
    status.setdefault("stableRS", current)
    if status.get("currentPodHash") != current:
        is_back = status["stableRS"] == current
        status |= {"currentPodHash": current, "controllerPause": False, "pauseConditions": []}
        status |= {"abort": False, "promoteFull": False, "currentStepIndex": 99 if is_back else 0}
    if "blueGreen" in seen["spec"]["strategy"]:
        _switch(status)
    else:
        _climb(status, seen["spec"]["strategy"]["canary"])
        _set_header_route(cluster, seen, before=seen["status"], after=status)
    pods = _pods(status, seen)
    known = {each["metadata"]["labels"][HASH_LABEL] for each in cluster.find(REPLICA_SETS, NAMESPACE, {})}
    for pod_hash in known | {current}:
        put_version(cluster, seen, pod_hash, pods.get(pod_hash, 0))
    cluster.put(ROLLOUTS, {**seen, "status": status})


def _promote(status: Manifest) -> None:
    status |= {"stableRS": status["currentPodHash"], "promoteFull": False, "abort": False}
    status |= {"pauseConditions": [], "controllerPause": False, "currentStepIndex": 99}


def _is_released(status: Manifest) -> bool:
    return bool(status.get("controllerPause")) and not status.get("pauseConditions")


def _wait(status: Manifest, reason: str) -> None:
    status |= {"pauseConditions": [{"reason": reason, "startTime": SINCE}], "controllerPause": True}


def _switch(status: Manifest) -> None:
    if status.get("promoteFull") or _is_released(status):
        _promote(status)
    elif status.get("abort"):
        status |= {"pauseConditions": [], "controllerPause": False}
    elif status["stableRS"] != status["currentPodHash"]:
        _wait(status, BLUE_GREEN_PAUSE)
    status["blueGreen"] = {"activeSelector": status["stableRS"], "previewSelector": status["currentPodHash"]}


def _climb(status: Manifest, rules: Manifest) -> None:
    steps = rules["steps"]
    if status.get("promoteFull"):
        _promote(status)
    elif status.get("abort"):
        status |= {"pauseConditions": [], "controllerPause": False, "currentStepIndex": 0}
    while not status.get("abort") and status["currentStepIndex"] < len(steps):
        if "experiment" in steps[status["currentStepIndex"]]:
            break
        if "pause" in steps[status["currentStepIndex"]]:
            if not _is_released(status):
                _wait(status, CANARY_PAUSE)
                break
            status |= {"controllerPause": False}
        status["currentStepIndex"] += 1
    share = _share(status, steps)
    if "trafficRouting" in rules:
        status["canary"] = {
            "weights": {
                "canary": {"weight": share, "podTemplateHash": status["currentPodHash"]},
                "stable": {"weight": 100 - share, "podTemplateHash": status["stableRS"]},
            }
        }


def _set_header_route(cluster: FakeCluster, seen: Manifest, *, before: Manifest, after: Manifest) -> None:
    """The controller writes a route at its step, and takes it away when the release has ended."""
    steps = seen["spec"]["strategy"]["canary"]["steps"]
    name = route_name(steps)
    if name is None:
        return
    virtual = cluster.get(VIRTUAL_SERVICES, NAMESPACE, "shop")
    others = [route for route in virtual["spec"]["http"] if route.get("name") != name]
    start, end = before.get("currentStepIndex", 0), after["currentStepIndex"]
    wanted = [step["setHeaderRoute"] for step in steps[start:end] if "setHeaderRoute" in step]
    ended = after.get("abort") or after["stableRS"] == after["currentPodHash"]
    if not ended and not wanted:
        return
    matches = [] if ended else wanted[-1].get("match", [])
    routed = [{"headers": {each["headerName"]: each["headerValue"]}} for each in matches]
    to = {"destination": {"host": "shop-canary"}, "weight": 100}
    route = [{"name": name, "match": routed, "route": [to]}] if routed else []
    cluster.put(VIRTUAL_SERVICES, {**virtual, "spec": {"http": [*route, *others]}})


def _share(status: Manifest, steps: list[Manifest]) -> int:
    if status.get("abort") or status["stableRS"] == status["currentPodHash"]:
        return 0
    passed = steps[: status["currentStepIndex"] + 1]
    return next((step["setWeight"] for step in reversed(passed) if "setWeight" in step), 0)


def _pods(status: Manifest, seen: Manifest) -> dict[str, int]:
    """Pods per version: by share without a router; else control keeps all of its own."""
    all_of_them, rules = seen["spec"]["replicas"], seen["spec"]["strategy"].get("canary")
    if rules is None:
        return {status["stableRS"]: all_of_them, status["currentPodHash"]: all_of_them}
    share = _share(status, rules["steps"])
    moved = -(-all_of_them * share // 100)
    kept = all_of_them if "trafficRouting" in rules else all_of_them - moved
    if "trafficRouting" in rules and not status.get("abort"):
        moved = max(1, moved)
    return {status["currentPodHash"]: moved, status["stableRS"]: kept}


def put_version(
    cluster: FakeCluster, seen: Manifest, pod_hash: str, pods: int, *, ready: bool = True
) -> None:
    """A version's ReplicaSet and so many pods of it."""
    name, version = f"shop-{pod_hash}", pod_hash.removeprefix("hash-")
    labels = {"app": "shop", HASH_LABEL: pod_hash}
    pod = template(version)
    pod["metadata"] = {"labels": labels, "creationTimestamp": None}
    meta: Manifest = {"name": name, "namespace": NAMESPACE, "labels": labels, "creationTimestamp": SINCE}
    meta["ownerReferences"] = [{"uid": seen["metadata"]["uid"]}]
    spec = {"replicas": pods, "selector": {"matchLabels": labels}, "template": pod}
    cluster.put(REPLICA_SETS, {"metadata": meta, "spec": spec})
    for number in range(seen["spec"]["replicas"]):
        where = {"name": f"{name}-{number}", "namespace": NAMESPACE, "labels": labels}
        if number < pods:
            cluster.put(PODS, {"metadata": where, "status": _pod_status(ready)})
        else:
            after, cluster.after_write = cluster.after_write, lambda _: None
            cluster.delete(PODS, NAMESPACE, where["name"])
            cluster.after_write = after


def _pod_status(ready: bool) -> Manifest:
    condition = {"type": "Ready", "status": str(ready), "lastTransitionTime": SINCE}
    waiting = {"state": {"waiting": {"reason": "CrashLoopBackOff"}}}
    crashed = {**waiting, "lastState": {"terminated": {"exitCode": 1}}}
    return {
        "phase": "Running",
        "conditions": [condition],
        "containerStatuses": [] if ready else [crashed],
    }
