"""How one service's traffic is split, as Traefik's file provider and its API say it. Asks nothing itself."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from engine.adapters.traefik.platform_record import replace_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One service behind the proxy.

    Attributes:
        backends: base URL per version; every version stays defined, or its series would vanish at weight 0.
        weights: share per version in whole percent. sticky: a session stays on its version by cookie.
    """

    service: str
    backends: Mapping[str, str]
    weights: Mapping[str, int]
    sticky: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Routed:
    """What the proxy says it routes: weights per version as configured, stickiness, and a hash of it all."""

    weights: Mapping[str, int]
    sticky: bool
    version: str


def backend_name(service: str, version: str) -> str:
    """The proxy's name for one version."""
    return f"{service}-{version}"


def render(route: Route) -> str:
    """The routes file: one router, one weighted service, one service per version."""
    name = route.service
    weighted: dict[str, Any] = {
        "services": [
            {"name": backend_name(name, version), "weight": route.weights.get(version, 0)}
            for version in route.backends
        ]
    }
    if route.sticky:
        weighted["sticky"] = {"cookie": {"name": f"rampwise_{name}", "path": f"/{name}", "httpOnly": True}}
    router = {
        "rule": f"Path(`/{name}`) || PathPrefix(`/{name}/`)",
        "service": name,
        "middlewares": [name],
        "entryPoints": ["web"],
    }
    services: dict[str, Any] = {
        backend_name(name, version): {"loadBalancer": {"servers": [{"url": url}]}}
        for version, url in route.backends.items()
    }
    http = {
        "routers": {name: router},
        "middlewares": {name: {"stripPrefix": {"prefixes": [f"/{name}"]}}},
        "services": {**services, name: {"weighted": weighted}},
    }
    return yaml.safe_dump({"http": http}, sort_keys=False)


def publish(route: Route, path: Path) -> bool:
    """Make the routes file say this; returns whether it had to be written. OSError when it cannot be."""
    text = render(route)
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return False
    replace_text(path, text, scratch=path.parent.parent)
    return True


def parse_routed(service: str, answer: Mapping[str, Any]) -> Routed:
    """Read the API's description of the weighted service. ValueError when it is not one."""
    try:
        weighted = answer["weighted"]
        entries = [(str(entry["name"]), int(entry.get("weight", 1))) for entry in weighted["services"]]
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise ValueError(f"the proxy does not describe {service} as a weighted service") from error
    prefix = f"{service}-"
    return Routed(
        weights={name.removesuffix("@file").removeprefix(prefix): weight for name, weight in entries},
        sticky="sticky" in weighted,
        version=hashlib.sha256(json.dumps(weighted, sort_keys=True).encode()).hexdigest()[:16],
    )
