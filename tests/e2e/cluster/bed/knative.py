"""What Knative needs beside its own controllers: an autoscaler and an ingress.

The autoscaler's stand-in says that a revision is active as soon as one of its pods is ready; replicas stay as
they are set on its Deployment. The ingress's stand-in programs Traefik with each Ingress's splits, and calls
the Ingress ready when Traefik says that it has them.
"""

import threading
from collections.abc import Sequence
from datetime import UTC, datetime

import requests

from tests.e2e.cluster.bed.api import Api, Object, Seen
from tests.e2e.cluster.bed.ingress_routes import render
from tests.e2e.cluster.bed.layout import Layout
from tests.e2e.cluster.bed.proxy_file import ProxyFile
from tests.e2e.cluster.bed.workload import is_ready, workload

AUTOSCALERS = "/apis/autoscaling.internal.knative.dev/v1alpha1"
INGRESSES = "/apis/networking.internal.knative.dev/v1alpha1"
REVISION_LABEL = "serving.knative.dev/revision"


class Autoscaler:
    """Sets the status of PodAutoscalers from their Deployments."""

    def __init__(self, api: Api, changed: threading.Event) -> None:
        self._api = api
        self._wanted = Seen(api, f"{AUTOSCALERS}/podautoscalers", changed)
        self._deployments = Seen(api, "/apis/apps/v1/deployments?labelSelector=" + REVISION_LABEL, changed)

    def settle(self) -> None:
        """Make every status true."""
        ready = {
            (d["metadata"]["namespace"], d["metadata"]["name"]): d.get("status", {}).get("readyReplicas", 0)
            for d in self._deployments.all()
        }
        for wanted in self._wanted.all():
            meta = wanted["metadata"]
            pods = ready.get((meta["namespace"], wanted["spec"]["scaleTargetRef"]["name"]), 0)
            status = _autoscaler_status(wanted, pods)
            path = f"{AUTOSCALERS}/namespaces/{meta['namespace']}/podautoscalers/{meta['name']}/status"
            _put(self._api, path, wanted, status)


class Ingress:
    """Programs Traefik, and sets the status of Ingresses."""

    def __init__(self, api: Api, layout: Layout, changed: threading.Event) -> None:
        self._api = api
        self._ingresses = Seen(api, f"{INGRESSES}/ingresses", changed)
        self._pods = Seen(api, "/api/v1/pods?labelSelector=" + REVISION_LABEL, changed)
        self._file = ProxyFile(layout, "knative")

    def settle(self) -> None:
        """Make the proxy and then every status true."""
        ingresses = [i for i in self._ingresses.all() if "deletionTimestamp" not in i["metadata"]]
        self._file.publish(render(ingresses, self._backends()))
        for ingress in ingresses:
            meta = ingress["metadata"]
            path = f"{INGRESSES}/namespaces/{meta['namespace']}/ingresses/{meta['name']}/status"
            _put(self._api, path, ingress, _ingress_status(ingress))

    def _backends(self) -> dict[tuple[str, str], list[str]]:
        urls: dict[tuple[str, str], list[str]] = {}
        for pod in self._pods.all():
            if is_ready(pod):
                meta = pod["metadata"]
                url = f"http://{pod['status']['podIP']}:{workload(pod).port}"
                urls.setdefault((meta["namespace"], meta["labels"][REVISION_LABEL]), []).append(url)
        return urls


def _autoscaler_status(wanted: Object, pods: int) -> Object:
    old = wanted.get("status", {}).get("conditions", ())
    was_active = any(c["type"] == "ScaleTargetInitialized" and c["status"] == "True" for c in old)
    kinds = ("Active", "Ready", "SKSReady", "ScaleTargetInitialized")
    return {
        "observedGeneration": wanted["metadata"]["generation"],
        "conditions": _conditions(wanted, kinds, "True" if pods or was_active else "Unknown"),
        "serviceName": wanted["metadata"]["name"],
        "desiredScale": pods,
        "actualScale": pods,
    }


def _ingress_status(ingress: Object) -> Object:
    proxy = {"ingress": [{"domainInternal": "traefik.proxy.svc.cluster.local"}]}
    kinds = ("LoadBalancerReady", "NetworkConfigured", "Ready")
    return {
        "observedGeneration": ingress["metadata"]["generation"],
        "conditions": _conditions(ingress, kinds, "True"),
        "publicLoadBalancer": proxy,
        "privateLoadBalancer": proxy,
    }


def _conditions(thing: Object, kinds: Sequence[str], holds: str) -> list[Object]:
    """All of these, with the time since which they have held."""
    old = {c["type"]: c for c in thing.get("status", {}).get("conditions", ())}
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    same = {kind for kind in kinds if old.get(kind, {}).get("status") == holds}
    times = {kind: old[kind].get("lastTransitionTime", now) if kind in same else now for kind in kinds}
    return [{"type": kind, "status": holds, "lastTransitionTime": times[kind]} for kind in kinds]


def _put(api: Api, path: str, thing: Object, status: Object) -> None:
    """Write a status that differs; an object that is gone needs none."""
    if thing.get("status", {}) == status:
        return
    try:
        api.merge(path, {"status": status})
    except requests.HTTPError as error:
        if error.response is None or error.response.status_code != requests.codes.not_found:
            raise
