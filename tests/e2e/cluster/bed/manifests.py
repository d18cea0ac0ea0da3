"""What the cluster must know before its controllers start: kinds, namespaces, settings, webhooks.

Reads files and talks to nobody.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from tests.e2e.cluster.bed import layout as at

Object = dict[str, Any]

TRAEFIK_KINDS = {
    "IngressRoute": "ingressroutes",
    "IngressRouteTCP": "ingressroutetcps",
    "IngressRouteUDP": "ingressrouteudps",
    "Middleware": "middlewares",
    "MiddlewareTCP": "middlewaretcps",
    "ServersTransport": "serverstransports",
    "ServersTransportTCP": "serverstransporttcps",
    "TLSOption": "tlsoptions",
    "TLSStore": "tlsstores",
    "TraefikService": "traefikservices",
}
"""Traefik waits until it can list every one of them."""

OTHER_ROUTERS = ("istio.io", "apisix.apache.org", "smi-spec.io")
ISTIO_KINDS = ("DestinationRule", "VirtualService")

KNATIVE_SETTINGS: dict[str, dict[str, str]] = {
    "config-deployment": {
        "queue-sidecar-image": "queue:1",
        "registries-skipping-tag-resolving": "index.docker.io",
    },
    "config-domain": {at.KNATIVE_DOMAIN: ""},
    "config-features": {"tag-header-based-routing": "Enabled"},
    # The controller cannot do without: after an end without farewell the next one waits for so long.
    "config-leader-election": {"lease-duration": "20s", "renew-deadline": "15s", "retry-period": "5s"},
    "config-network": {"ingress-class": at.INGRESS_CLASS},
    # Revisions that nothing refers to go at once, so that a rollback target which is not kept is missed.
    "config-gc": {
        "min-non-active-revisions": "0",
        "max-non-active-revisions": "0",
        "retain-since-create-time": "disabled",
        "retain-since-last-active-time": "disabled",
    },
}


def basics(manifests: Path) -> Iterator[Object]:
    """Kinds, namespaces, the node, and settings; in the order in which they can be applied."""
    for folder in ("rollouts-crds", "knative-crds", "networking", "caching", "gateway", "istio"):
        yield from (d for d in _documents(manifests / folder) if _is_wanted(d))
    yield from (_traefik_kind(kind, plural) for kind, plural in TRAEFIK_KINDS.items())
    yield {"apiVersion": "v1", "kind": "Node", "metadata": {"name": at.NODE}}
    for name in ("argo-rollouts", "knative-serving"):
        yield {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    for name in ("argo-rollouts-config", "argo-rollouts-notification-configmap"):
        yield _named("ConfigMap", "argo-rollouts", name)
    yield _named("Secret", "argo-rollouts", "argo-rollouts-notification-secret")
    for folder in ("knative-configmaps", "networking"):
        yield from (_settled(d) for d in _documents(manifests / folder) if d["kind"] == "ConfigMap")
    yield _gateway_class()
    yield _webhook_service()
    yield from (d for d in _documents(manifests / "knative-webhooks") if d["kind"] == "Secret")


def webhooks(manifests: Path) -> Iterator[Object]:
    """Knative's webhooks, to be applied when their server runs; the API server finds it on this machine."""
    for document in _documents(manifests / "knative-webhooks"):
        for webhook in document.get("webhooks", ()):
            webhook["clientConfig"]["service"]["port"] = at.WEBHOOK_PORT
        if "webhooks" in document:
            yield document


def path(document: Object) -> str:
    """Where a document of a kind used here is created."""
    version, meta = document["apiVersion"], document["metadata"]
    root = f"/apis/{version}" if "/" in version else f"/api/{version}"
    place = f"/namespaces/{meta['namespace']}" if "namespace" in meta else ""
    kind = document["kind"].lower()
    return f"{root}{place}/{kind}{'es' if kind.endswith('s') else 's'}"


def _is_wanted(document: Object) -> bool:
    """A kind that something here knows; of other routers' many, the two of Istio that Argo Rollouts uses."""
    if document["kind"] != "CustomResourceDefinition":
        return False
    group, kind = document["spec"]["group"], document["spec"]["names"]["kind"]
    return not group.endswith(OTHER_ROUTERS) or kind in ISTIO_KINDS


def _documents(folder: Path) -> Iterator[Object]:
    for file in sorted(folder.glob("*.yaml")):
        if file.name != "kustomization.yaml":
            yield from (d for d in yaml.load_all(file.read_text(encoding="utf-8"), yaml.CSafeLoader) if d)


def _settled(document: Object) -> Object:
    """A ConfigMap as shipped, with our settings; its example is a comment."""
    shipped = {key: value for key, value in (document.get("data") or {}).items() if key != "_example"}
    own = KNATIVE_SETTINGS.get(document["metadata"]["name"], {})
    document["metadata"].pop("annotations", None)
    return document | {"data": shipped | own}


def _webhook_service() -> Object:
    service = _named("Service", "knative-serving", "webhook")
    # The only kind of service that leads anywhere without a network of pods.
    return service | {"spec": {"type": "ExternalName", "externalName": "localhost"}}


def _gateway_class() -> Object:
    controller = {"controllerName": "traefik.io/gateway-controller"}
    kind = {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "GatewayClass"}
    return kind | {"metadata": {"name": "traefik"}, "spec": controller}


def _named(kind: str, namespace: str, name: str) -> Object:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"namespace": namespace, "name": name}}


def _traefik_kind(kind: str, plural: str) -> Object:
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {
        "name": "v1alpha1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema},
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.traefik.io"},
        "spec": {
            "group": "traefik.io",
            "scope": "Namespaced",
            "names": {"kind": kind, "plural": plural, "singular": kind.lower()},
            "versions": [version],
        },
    }
