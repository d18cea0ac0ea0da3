"""Which visitors a header route gives to the treatment: in the steps, and in Istio's VirtualServices. Pure.

The controller sets a route only while it is at that step, and takes it away whenever no pod of the treatment
is available; nothing in the Rollout's status shows either. So the VirtualServices say what holds.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from engine.adapters.buckets import allot, pattern
from engine.adapters.kubernetes.cluster import Manifest, Resource
from engine.errors import Unreachable, UsageError

VIRTUAL_SERVICES = Resource(group="networking.istio.io", version="v1alpha3", plural="virtualservices")

_STEP = "setHeaderRoute"


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitors:
    """Shares of visitors, in percent.

    Attributes:
        declared_pct: of those behind a match that does not tell it, None where nobody says so.
        given_pct: of those whose requests a header route leads to the treatment now.
        are_moving: whether the controller is on its way to giving everybody to the treatment; `given_pct` is
            then what control may lack.
    """

    declared_pct: int | None = None
    given_pct: int = 0
    are_moving: bool = False


NOBODY = Visitors()
"""Where no header routes."""


def bucket_match(*, header: str = "", cookie: str = "", share_pct: int) -> Manifest:
    """A match of `setHeaderRoute` for so many of the buckets 0 to 99, in a header or in a cookie.

    >>> bucket_match(header="X-Bucket", share_pct=2)
    {'headerName': 'x-bucket', 'headerValue': {'regex': '^(9[89])$'}}
    """
    own = pattern(allot((share_pct,))[1])
    if cookie:
        return {"headerName": "cookie", "headerValue": {"regex": _in_cookie(cookie, own)}}
    # Istio compares names in small letters.
    return {"headerName": header.lower(), "headerValue": {"regex": own}}


def shares_pct(steps: Sequence[Manifest], pauses: Sequence[int], declared_pct: int | None) -> list[int]:
    """The share of visitors at every pause.

    Every part of the steps up to a pause is complete, so that the controller can be sent to its beginning.

    Raises:
        UsageError: the steps leave open who gets the treatment, or give it to pods that are not there.
    """
    names = {step[_STEP]["name"] for step in steps if _STEP in step}
    if len(names) > 1:
        raise UsageError(f"the steps set {len(names)} header routes ({', '.join(sorted(names))}), not one")
    starts = [0, *(pause + 1 for pause in pauses[:-1])]
    found = [
        _share_at(steps, start, pause, declared_pct) for start, pause in zip(starts, pauses, strict=True)
    ]
    if declared_pct is not None and declared_pct not in found:
        said = ", ".join(f"{share_pct} %" for share_pct in found)
        raise UsageError(f"the audience is declared as {declared_pct} %, but the steps' buckets say {said}")
    return found


def _share_at(steps: Sequence[Manifest], start: int, pause: int, declared_pct: int | None) -> int:
    routes = [step[_STEP] for step in steps[start:pause] if _STEP in step]
    if len(routes) != 1:
        raise UsageError(
            f"{len(routes)} header routes are set before the pause at step {pause + 1}; each pause needs one "
            "of its own, without a match where nobody is to get the treatment"
        )
    share_pct = _share_of(_matches(routes[0]), declared_pct)
    scale: Manifest = next(
        (step["setCanaryScale"] for step in steps[pause::-1] if "setCanaryScale" in step), {}
    )
    if share_pct and not (scale.get("replicas") or scale.get("weight")):
        raise UsageError(
            f"the treatment has no pods at step {pause + 1}, because weight 0 needs none; "
            "set setCanaryScale (replicas or weight) before the header route"
        )
    return share_pct


def route_name(steps: Sequence[Manifest]) -> str | None:
    """The header route that the steps set, None where they set none."""
    return next((str(step[_STEP]["name"]) for step in steps if _STEP in step), None)


def virtual_services(canary: Manifest) -> list[tuple[str | None, str]]:
    """Namespace (None: the Rollout's own) and name of every VirtualService that the controller writes."""
    istio = canary["trafficRouting"].get("istio") or {}
    named = istio.get("virtualServices") or [istio["virtualService"]]
    return [_place(str(each["name"])) for each in named]


def _place(name: str) -> tuple[str | None, str]:
    """As the controller understands `NAME` and `NAME.NAMESPACE`."""
    first, dot, namespace = name.removesuffix(".cluster.local").rpartition(".")
    return (namespace, first) if dot else (None, namespace)


def given_pct(canary: Manifest, virtual: Sequence[Manifest], declared_pct: int | None) -> int:
    """The share of visitors whose requests the VirtualServices lead to the treatment.

    Raises:
        Unreachable: that cannot be told, because somebody changed the route or they do not agree.
    """
    found = {each["metadata"]["name"]: _given(canary, each, declared_pct) for each in virtual}
    if len(set(found.values())) > 1:
        said = ", ".join(f"{share_pct} % by {name}" for name, share_pct in found.items())
        raise Unreachable(f"the VirtualServices do not agree on the treatment's visitors: {said}")
    return next(iter(found.values()))


def _given(canary: Manifest, virtual: Manifest, declared_pct: int | None) -> int:
    name, http = route_name(canary["steps"]), virtual["spec"].get("http") or []
    place = next((index for index, route in enumerate(http) if route.get("name") == name), None)
    # The first route that matches wins.
    if place is None or not all(route.get("match") for route in http[:place]):
        return 0
    try:
        return _taken(canary, http[place], declared_pct)
    except UsageError as error:
        raise Unreachable(
            f"somebody changed the route {name} of the VirtualService {virtual['metadata']['name']}: {error}"
        ) from error


def _taken(canary: Manifest, route: Manifest, declared_pct: int | None) -> int:
    """The share of visitors that a route takes; what is declared is about the steps' matches alone."""
    seen = route.get("match")
    if not seen or not _leads_to_treatment(canary, route):
        raise UsageError("it does not lead some visitors to the treatment alone")
    if seen in [_matches(step[_STEP]) for step in canary["steps"] if _STEP in step]:
        return _share_of(seen, declared_pct)
    share_pct = _bucket_share(seen)
    if share_pct is None:
        raise UsageError("its match is none of the steps', so nobody knows which share of visitors it takes")
    return share_pct


def _leads_to_treatment(canary: Manifest, route: Manifest) -> bool:
    subset = canary["trafficRouting"]["istio"].get("destinationRule", {}).get("canarySubsetName")
    to = [each["destination"] for each in route.get("route") or ()]
    if len(to) != 1:
        return False
    return bool(to[0].get("subset") == subset if subset else to[0]["host"] == canary.get("canaryService"))


def _matches(route: Manifest) -> list[Manifest]:
    """The matches of a step as the controller writes them into a VirtualService."""
    return [{"headers": {each["headerName"]: each["headerValue"]}} for each in route.get("match") or ()]


def _share_of(matches: Sequence[Manifest], declared_pct: int | None) -> int:
    """The share behind matches as they stand in a VirtualService; no match in a step is nobody."""
    if not matches:
        return 0
    share_pct = _bucket_share(matches)
    if share_pct is not None:
        return share_pct
    if declared_pct is None:
        raise UsageError(
            "its match does not tell which share of visitors it takes; say so in the target's options, "
            "audience: {share_pct: 50}"
        )
    return declared_pct


def _bucket_share(matches: Sequence[Manifest]) -> int | None:
    headers = matches[0].get("headers") or {}
    if len(matches) > 1 or set(matches[0]) != {"headers"} or len(headers) != 1:
        return None
    [(name, value)] = headers.items()
    regex = str(value.get("regex"))
    return _SHARES.get(_of_cookie(regex) if name.lower() == "cookie" else regex)


_BEFORE, _AFTER = r"^(.*;\s*)?", r"(;.*)?$"
"""What may stand around a cookie in its header."""


def _in_cookie(name: str, own: str) -> str:
    return f"{_BEFORE}{name}={own.removeprefix('^').removesuffix('$')}{_AFTER}"


def _of_cookie(regex: str) -> str:
    value = regex.removeprefix(_BEFORE).removesuffix(_AFTER).partition("=")[2]
    return f"^{value}$"


_SHARES = {pattern(allot((share_pct,))[1]): share_pct for share_pct in range(1, 100)}
"""Percent of visitors by the pattern of their buckets."""
