"""From Istio's VirtualServices to routes for Traefik's file provider. Pure.

Only what a release uses: hosts, HTTP routes in their order, matches by header, weighted destinations that
are Services of the same namespace. A Service is `NAMESPACE-SERVICE_mesh@file` in the proxy's counters.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Object = dict[str, Any]
Backends = Mapping[tuple[str, str], Sequence[str]]
"""Base URLs of the ready pods behind (namespace, Service)."""

FIRST_PRIORITY = 1000


def render(virtual_services: Iterable[Object], backends: Backends) -> Object:
    """The whole file: a router for each match of each route, earlier routes first."""
    routers: Object = {}
    services: Object = {}
    for virtual in virtual_services:
        namespace, name = virtual["metadata"]["namespace"], virtual["metadata"]["name"]
        for number, route in enumerate(virtual["spec"].get("http", ())):
            key = f"{namespace}-{name}-{number}_mesh_route"
            routers[key] = {
                "rule": _rule(virtual["spec"]["hosts"], route),
                "service": key,
                "entryPoints": ["web"],
                "priority": FIRST_PRIORITY - number,
            }
            services[key] = _weighted(namespace, route["route"])
            for part in route["route"]:
                service = namespace, part["destination"]["host"]
                services[mesh_service(*service)] = _pods(backends.get(service, ()))
    return {"routers": routers, "services": services}


def mesh_service(namespace: str, service: str) -> str:
    """The proxy's name for a Service."""
    return f"{namespace}-{service}_mesh"


def _rule(hosts: Sequence[str], route: Object) -> str:
    rule = "(" + " || ".join(f"Host(`{host}`)" for host in hosts) + ")"
    matches = [" && ".join(_headers(match)) for match in route.get("match", ()) if "headers" in match]
    return f"{rule} && (" + " || ".join(f"({match})" for match in matches) + ")" if matches else rule


def _headers(match: Object) -> list[str]:
    wanted = []
    for header, how in sorted(match["headers"].items()):
        (kind, value) = next(iter(how.items()))
        patterns = {"exact": re.escape(value), "prefix": re.escape(value) + ".*", "regex": value}
        wanted.append(f"HeaderRegexp(`{header}`, `^(?:{patterns[kind]})$`)")
    return wanted


def _weighted(namespace: str, parts: Sequence[Object]) -> Object:
    services = [
        {"name": mesh_service(namespace, part["destination"]["host"]), "weight": part.get("weight", 100)}
        for part in parts
    ]
    return {"weighted": {"services": services}}


def _pods(urls: Sequence[str]) -> Object:
    return {"loadBalancer": {"servers": [{"url": url} for url in urls]}}
