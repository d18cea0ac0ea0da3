"""From Knative's Ingresses to routes for Traefik's file provider. Pure.

A revision is one proxy service, `NAMESPACE-REVISION@file` in the proxy's counters, however many lead to it.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Object = dict[str, Any]
Backends = Mapping[tuple[str, str], Sequence[str]]
"""Base URLs of the ready pods of (namespace, revision)."""

_PLAIN, _BY_HEADER = 100, 200


def render(ingresses: Iterable[Object], backends: Backends) -> Object:
    """The whole file: routers by host and header, a weighted service for each, a service per revision."""
    routers: Object = {}
    services: Object = {}
    for ingress in ingresses:
        meta = ingress["metadata"]
        for rule_number, rule in enumerate(ingress["spec"].get("rules", ())):
            for path_number, path in enumerate(rule["http"]["paths"]):
                name = f"{meta['namespace']}-{meta['name']}-{rule_number}-{path_number}_route"
                routers[name] = _router(name, rule["hosts"], path)
                services[name] = _weighted(path["splits"])
                for split in path["splits"]:
                    revision = split["serviceNamespace"], split["serviceName"]
                    services[revision_service(*revision)] = _pods(backends.get(revision, ()))
    return {"routers": routers, "services": services}


def revision_service(namespace: str, revision: str) -> str:
    """The proxy's name for a revision."""
    return f"{namespace}-{revision}"


def _router(name: str, hosts: Sequence[str], path: Object) -> Object:
    wanted = {header: match["exact"] for header, match in path.get("headers", {}).items()}
    rule = "(" + " || ".join(f"Host(`{host}`)" for host in hosts) + ")"
    rule += "".join(f" && Header(`{header}`, `{value}`)" for header, value in sorted(wanted.items()))
    if "path" in path:
        rule += f" && PathPrefix(`{path['path']}`)"
    return {
        "rule": rule,
        "service": name,
        "entryPoints": ["web"],
        "priority": _BY_HEADER if wanted else _PLAIN,
    }


def _weighted(splits: Sequence[Object]) -> Object:
    services = [
        {
            "name": revision_service(split["serviceNamespace"], split["serviceName"]),
            "weight": split.get("percent", 0),
        }
        for split in splits
    ]
    return {"weighted": {"services": services}}


def _pods(urls: Sequence[str]) -> Object:
    return {"loadBalancer": {"servers": [{"url": url} for url in urls]}}
