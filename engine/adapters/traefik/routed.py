"""What the proxy says it routes, from one answer of its API, so that all is of one moment. Asks nothing."""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from engine.adapters.buckets import BUCKETS
from engine.adapters.traefik.routes import ByCookie, ByHeader, Sticky, backend_name, leftover_name

API_PATH = "/api/rawdata"
"""Where the proxy describes everything that it routes."""

_BUCKET_RULE = re.compile(r"&& HeaderRegexp\(`([^`]+)`, `([^`]+)`\)$")
_TELLING = ("rule", "service", "middlewares", "priority", "weighted")
_Plain = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Routed:
    """What the proxy says it routes of one service.

    Attributes:
        weights: share per version as configured. version: a hash of the split, without what others added.
        leftover: whether there is a route in front of the split.
    """

    weights: Mapping[str, int]
    sticky: Sticky
    version: str
    leftover: bool


def parse_routed(service: str, versions: Iterable[str], answer: object) -> Routed:
    """Read the API's description of everything. ValueError when this service is not split as we do it."""
    try:
        return _parse(service, tuple(versions), answer)
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError, re.error) as error:
        raise ValueError(f"the proxy does not describe {service} as a split service") from error


def _parse(service: str, versions: tuple[str, ...], answer: Any) -> Routed:
    routers: _Plain = _enabled(answer["routers"])
    services: _Plain = _enabled(answer["services"])
    main = routers[f"{service}@file"]
    if main["service"] == service:
        weighted = services[f"{service}@file"]["weighted"]
        weights = _weights(service, weighted)
        sticky: Sticky = ByCookie() if "sticky" in weighted else None
    else:
        weights, sticky = _buckets(service, versions, routers)
    ours = (service, f"{service}_known", *(backend_name(service, version) for version in versions))
    telling = {
        f"{kind} {name}": {key: entry[key] for key in _TELLING if key in entry}
        for kind, found in (("router", routers), ("service", services))
        for name in ours
        if (entry := found.get(f"{name}@file")) is not None
    }
    return Routed(
        weights=weights,
        sticky=sticky,
        version=hashlib.sha256(json.dumps(telling, sort_keys=True).encode()).hexdigest()[:16],
        leftover=f"{leftover_name(service)}@file" in routers,
    )


def _enabled(described: _Plain) -> _Plain:
    """Without what the proxy could not make sense of and does not route."""
    return {name: entry for name, entry in described.items() if entry.get("status") != "disabled"}


def _weights(service: str, weighted: _Plain) -> Mapping[str, int]:
    prefix = f"{service}-"
    return {
        str(entry["name"]).removesuffix("@file").removeprefix(prefix): int(entry.get("weight", 1))
        for entry in weighted["services"]
    }


def _buckets(service: str, versions: tuple[str, ...], routers: _Plain) -> tuple[Mapping[str, int], ByHeader]:
    weights = dict.fromkeys(versions, 0)
    headers = set()
    for version in versions:
        router = routers.get(f"{backend_name(service, version)}@file")
        if router is None:
            continue
        found = _BUCKET_RULE.search(router["rule"])
        if found is None or router["service"] != backend_name(service, version):
            raise ValueError(f"{version} is not routed by bucket")
        header, expression = found.groups()
        headers.add(header)
        weights[version] = sum(re.search(expression, f"{b:02d}") is not None for b in range(BUCKETS))
    (header,) = headers
    return weights, ByHeader(header)
