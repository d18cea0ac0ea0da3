"""How one service's traffic is split, as files for Traefik's file provider. Asks nothing itself.

Names with an underscore are the split's own: neither a service nor a version has one in its name.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from engine.adapters.buckets import allot, pattern
from engine.adapters.traefik.platform_record import replace_text

ASSIGNMENT_HEADER = "X-Rampwise-Assignment"
"""Set by the proxy on every request, so that its counters can tell new visitors; clients cannot forge it."""
NEW = "new"
"""The header's value for a visitor who had no cookie yet; everybody else's request has no such header."""
LEFTOVER_BUCKETS = range(30)
BUCKET_HEADER = "X-Bucket"
"""Where the load generator says which bucket (00 to 99) a visitor is in."""

_PLAIN, _SPLIT, _LEFTOVER = 100, 200, 1000
_Plain = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ByCookie:
    """A visitor stays on a version by a cookie that the proxy sets."""


@dataclass(frozen=True, slots=True)
class ByHeader:
    """The edge says in this header which bucket (0 to 99) a user is in; buckets belong to versions."""

    header: str


Sticky = ByCookie | ByHeader | None
"""What keeps a visitor on a version; None where nothing does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One service behind the proxy.

    Attributes:
        backends: base URL per version; every version stays defined, or its series would vanish at weight 0.
        weights: share per version in whole percent, control first; other versions get nothing.
    """

    service: str
    backends: Mapping[str, str]
    weights: Mapping[str, int]
    sticky: Sticky = None


def backend_name(service: str, version: str) -> str:
    """The proxy's name for one version, where its traffic counts."""
    return f"{service}-{version}"


def leftover_name(service: str) -> str:
    """The proxy's name for the route that an earlier release left behind."""
    return f"{service}_leftover"


def cookie_name(service: str) -> str:
    """The cookie that keeps a visitor on a version."""
    return f"rampwise_{service}"


def header_rule(header: str, expression: str) -> str:
    """A condition on a request's header."""
    return f"HeaderRegexp(`{header}`, `{expression}`)"


def render(route: Route) -> str:
    """The routes file of a service: routers by stickiness, and one proxy service per version.

    By cookie, requests with the cookie and without it have routers of their own, so that new visitors can be
    counted. By header, each version has a router for its buckets. Requests without a bucket go where control
    is, past the counted services, because nobody assigned them.
    """
    name = route.service
    plain = {
        name: {"stripPrefix": {"prefixes": [f"/{name}"]}},
        f"{name}_new": _assignment(NEW),
        f"{name}_other": _assignment(""),
    }
    services = {backend_name(name, version): _backend(url) for version, url in route.backends.items()}
    match route.sticky:
        case ByHeader(header=header):
            routers = _bucket_routers(route, header)
            services |= {_rest(name, version): _backend(url) for version, url in route.backends.items()}
        case ByCookie():
            known = f"({_path(name)}) && {_has_cookie(name)}"
            routers = {
                name: _router(name, _path(name), name, new=True),
                f"{name}_known": _router(name, known, name, priority=_SPLIT),
            }
            services[name] = _weighted(name, route.backends, route.weights, cookie=True)
        case None:
            routers = {name: _router(name, _path(name), name)}
            services[name] = _weighted(name, route.backends, route.weights, cookie=False)
    return _text({"routers": routers, "middlewares": plain, "services": services})


def render_leftover(service: str, weights: Mapping[str, int], *, cookie: bool) -> str:
    """A router in front of the split: visitors in `LEFTOVER_BUCKETS` are split by these weights instead.

    Args:
        service: the service whose routes file is there.
        weights: share per version, in any unit.
        cookie: visitors stay by cookie; then only those who have none yet are taken.
    """
    name = leftover_name(service)
    rule = f"({_path(service)}) && {header_rule(BUCKET_HEADER, pattern(LEFTOVER_BUCKETS))}"
    rule += f" && !{_has_cookie(service)}" if cookie else ""
    router = _router(service, rule, name, priority=_LEFTOVER, new=cookie)
    split = _weighted(service, weights, weights, cookie=cookie)
    return _text({"routers": {name: router}, "services": {name: split}})


def publish(route: Route, path: Path) -> bool:
    """Make the routes file say this; returns whether it had to be written. OSError when it cannot be."""
    text = render(route)
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return False
    replace_text(path, text, scratch=path.parent.parent)
    return True


def _bucket_routers(route: Route, header: str) -> _Plain:
    name = route.service
    control, *treatments = route.weights
    buckets = allot([route.weights[version] for version in treatments])
    routers = {
        backend_name(name, version): _router(
            name,
            f"({_path(name)}) && {header_rule(header, pattern(own))}",
            backend_name(name, version),
            priority=_SPLIT,
        )
        for version, own in zip((control, *treatments), buckets, strict=True)
        if own
    }
    home = control if route.weights[control] else max(treatments, key=lambda version: route.weights[version])
    return {name: _router(name, _path(name), _rest(name, home)), **routers}


def _router(service: str, rule: str, to: str, *, priority: int = _PLAIN, new: bool = False) -> _Plain:
    return {
        "rule": rule,
        "service": to,
        "middlewares": [service, f"{service}_new" if new else f"{service}_other"],
        "entryPoints": ["web"],
        "priority": priority,
    }


def _weighted(
    service: str, versions: Mapping[str, Any], weights: Mapping[str, int], *, cookie: bool
) -> _Plain:
    weighted: _Plain = {
        "services": [
            {"name": backend_name(service, version), "weight": weights.get(version, 0)}
            for version in versions
        ]
    }
    if cookie:
        weighted["sticky"] = {
            "cookie": {"name": cookie_name(service), "path": f"/{service}", "httpOnly": True}
        }
    return {"weighted": weighted}


def _backend(url: str) -> _Plain:
    return {"loadBalancer": {"servers": [{"url": url}]}}


def _rest(service: str, version: str) -> str:
    """A version's name for requests that nobody assigned; not among the experiment's series."""
    return f"{backend_name(service, version)}_rest"


def _assignment(value: str) -> _Plain:
    """Sets the header; an empty value removes it."""
    return {"headers": {"customRequestHeaders": {ASSIGNMENT_HEADER: value}}}


def _path(service: str) -> str:
    return f"Path(`/{service}`) || PathPrefix(`/{service}/`)"


def _has_cookie(service: str) -> str:
    # A dot in a service's name is the only sign that means something else in an expression.
    return header_rule("Cookie", rf"(^|; ?){cookie_name(service).replace('.', '[.]')}=")


def _text(http: _Plain) -> str:
    return yaml.safe_dump({"http": http}, sort_keys=False, width=1000)
