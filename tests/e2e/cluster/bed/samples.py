"""Manifests of the sample service, as people write them: Rollouts, Knative Services, routes. Pure."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from tests.e2e.cluster.bed.layout import WEB_PORT

Object = dict[str, Any]
HASH_LABEL = "rollouts-pod-template-hash"


def host(service: str, namespace: str) -> str:
    """Where visitors find a service behind a Traefik route."""
    return f"{service}.{namespace}.test"


def pod_template(
    service: str, version: str, env: Mapping[str, str] | None = None, **settings: float
) -> Object:
    """A pod of the sample service; `settings` as in `engine.local.settings`, `env` as in `bed.workload`."""
    variables = {"SERVICE": service, "VERSION": version, "SETTINGS": json.dumps(settings), **(env or {})}
    container = {
        "name": "app",
        "image": f"sample:{version}",
        "ports": [{"name": "http", "containerPort": 8080}],
        "env": [{"name": name, "value": value} for name, value in variables.items()],
    }
    return {"metadata": {"labels": {"app": service}}, "spec": {"containers": [container]}}


def service(name: str, app: str) -> Object:
    """A Service on port 80 in front of an app's pods."""
    spec = {"selector": {"app": app}, "ports": [{"name": "http", "port": 80, "targetPort": "http"}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


def weighted(name: str, weights: Mapping[str, int]) -> Object:
    """A TraefikService that splits between Services."""
    parts = [
        {"name": part, "port": 80, "weight": weight, "kind": "Service"} for part, weight in weights.items()
    ]
    return {
        "apiVersion": "traefik.io/v1alpha1",
        "kind": "TraefikService",
        "metadata": {"name": name},
        "spec": {"weighted": {"services": parts}},
    }


def route(name: str, to_host: str, to: str, kind: str = "TraefikService") -> Object:
    """A host's way to a TraefikService or a Service."""
    backend: Object = {"name": to, "kind": kind} | ({"port": 80} if kind == "Service" else {})
    rule = {"match": f"Host(`{to_host}`)", "kind": "Rule", "services": [backend]}
    return {
        "apiVersion": "traefik.io/v1alpha1",
        "kind": "IngressRoute",
        "metadata": {"name": name},
        "spec": {"entryPoints": ["web"], "routes": [rule]},
    }


def gateway_routes(app: str, namespace: str, rules: Sequence[Object]) -> list[Object]:
    """A Gateway of the namespace's own, and an HTTPRoute with these rules behind the app's host."""
    listener = {"name": "web", "port": WEB_PORT, "protocol": "HTTP"}
    gateway = {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "Gateway",
        "metadata": {"name": app},
        "spec": {"gatewayClassName": "traefik", "listeners": [listener]},
    }
    http_route = {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": app},
        "spec": {
            "parentRefs": [{"name": app}],
            "hostnames": [host(app, namespace)],
            "rules": list(rules),
        },
    }
    return [gateway, http_route]


def deployment(name: str, template: Object, replicas: int = 1) -> Object:
    """A plain Deployment; its pods have the labels of the template."""
    labels = template["metadata"]["labels"]
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template},
    }


def virtual_service(app: str, namespace: str, *, route: str = "primary") -> Object:
    """An Istio VirtualService with everything on `APP-stable`, as a Rollout takes it over."""
    parts = [
        {"destination": {"host": f"{app}-stable"}, "weight": 100},
        {"destination": {"host": f"{app}-canary"}, "weight": 0},
    ]
    return {
        "apiVersion": "networking.istio.io/v1alpha3",
        "kind": "VirtualService",
        "metadata": {"name": app},
        "spec": {"hosts": [host(app, namespace)], "http": [{"name": route, "route": parts}]},
    }


def ladder(*weights_pct: int) -> list[Object]:
    """The steps of a canary: each weight, and a pause that has no end."""
    steps: list[Object] = []
    for weight in weights_pct:
        steps += [{"setWeight": weight}, {"pause": {}}]
    return steps


def canary(app: str, template: Object, steps: Sequence[Object], replicas: int = 2, **strategy: Any) -> Object:
    """A Rollout with Traefik weights between `APP-stable` and `APP-canary`."""
    by_traefik = {"traefik": {"weightedTraefikServiceName": app}}
    rules = {
        "stableService": f"{app}-stable",
        "canaryService": f"{app}-canary",
        "trafficRouting": by_traefik,
        "steps": list(steps),
        **strategy,
    }
    return rollout(app, template, {"canary": rules}, replicas)


def blue_green(app: str, template: Object, replicas: int = 2, **strategy: Any) -> Object:
    """A Rollout that switches `APP-active`, with `APP-preview` beside it."""
    rules = {
        "activeService": f"{app}-active",
        "previewService": f"{app}-preview",
        "autoPromotionEnabled": False,
        **strategy,
    }
    return rollout(app, template, {"blueGreen": rules}, replicas)


def rollout(app: str, template: Object, strategy: Object, replicas: int = 2) -> Object:
    """An Argo Rollout."""
    spec = {
        "replicas": replicas,
        "selector": {"matchLabels": {"app": app}},
        "template": template,
        "strategy": strategy,
    }
    meta = {"name": app}
    return {"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "metadata": meta, "spec": spec}


def canary_routes(app: str, namespace: str) -> list[Object]:
    """Everything that a `canary` needs beside the Rollout, and the host in front of it."""
    stable, trial = f"{app}-stable", f"{app}-canary"
    return [
        service(stable, app),
        service(trial, app),
        weighted(app, {stable: 100, trial: 0}),
        route(app, host(app, namespace), app),
    ]


def blue_green_routes(app: str, namespace: str) -> list[Object]:
    """Everything that a `blue_green` needs beside the Rollout, and the hosts in front of both colours."""
    active, preview = f"{app}-active", f"{app}-preview"
    return [
        service(active, app),
        service(preview, app),
        route(app, host(app, namespace), active, "Service"),
        route(preview, host(preview, namespace), preview, "Service"),
    ]


def knative(
    name: str, template: Object, traffic: Sequence[Object] = (), revision: str | None = None
) -> Object:
    """A Knative Service of a `pod_template`; `revision` is the suffix of the revision's name."""
    container = dict(template["spec"]["containers"][0], ports=[{"containerPort": 8080}])
    meta = {"name": f"{name}-{revision}"} if revision is not None else {}
    spec: Object = {"template": {"metadata": meta, "spec": {"containers": [container]}}}
    if traffic:
        spec["traffic"] = list(traffic)
    return {
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": spec,
    }
