"""What an HTTPRoute's manifest says about a rule's split, and how gateways have taken it. Pure; asks nothing.

A weight is a part of the sum of a rule's weights, and one that is not given is 1.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence

from engine.adapters.gateway_api.options import HttpRouteOptions
from engine.adapters.kubernetes import pods as of
from engine.adapters.kubernetes.cluster import Manifest
from engine.core.target import Health, Weights
from engine.errors import Unreachable, UsageError

_WHOLE = 100


def rules(route: Manifest) -> list[Manifest]:
    """The rules in order; a route may leave its only, empty one out."""
    return list(route["spec"].get("rules", ()))


def place(route: Manifest, options: HttpRouteOptions) -> int:
    """The index of the rule that takes everybody, or everybody outside the audience.

    Raises:
        UsageError: the options leave it open, and so does the route, or there is no such rule.
    """
    found = list(_places(route, options))
    match found:
        case [index]:
            return index
        case []:
            wanted = "no rule" if options.rule is None else f"no rule {options.rule}"
            raise UsageError(
                f"{options.route} has {wanted} with the backends {options.control} and {options.treatment}; "
                "add the one that is missing to its `backendRefs`, with `weight: 0`"
            )
        case _:
            listed = ", ".join(str(label(route, index)) for index in found)
            raise UsageError(
                f"{options.route} has several rules with the backends {options.control} and "
                f"{options.treatment}; choose one in the experiment as `rule`: {listed}"
            )


def is_there(route: Manifest, options: HttpRouteOptions) -> bool:
    """Whether `place` finds it."""
    return len(list(_places(route, options))) == 1


def _places(route: Manifest, options: HttpRouteOptions) -> Iterator[int]:
    both = {options.control, options.treatment}
    aside = audience_place(route, options)
    for index, rule in enumerate(rules(route)):
        names = {backend(ref, options.namespace) for ref in refs(rule)}
        if options.rule is None:
            if both <= names and index != aside:
                yield index
        elif options.rule in {index, rule.get("name")} and both & names:
            yield index


def audience_place(route: Manifest, options: HttpRouteOptions) -> int | None:
    """The index of the audience's rule, None where there is none (any more)."""
    if options.audience is None:
        return None
    wanted = options.audience.rule
    found = (index for index, rule in enumerate(rules(route)) if wanted in {index, rule.get("name")})
    return next(found, None)


def label(route: Manifest, index: int) -> str | int:
    """A rule's name, or its place where it has none."""
    name: str | int = rules(route)[index].get("name", index)
    return name


def refs(rule: Manifest) -> list[Manifest]:
    """A rule's backends."""
    return list(rule.get("backendRefs", ()))


def backend(ref: Manifest, namespace: str) -> str:
    """Which Service of the route's namespace a backend is; others by what tells them apart."""
    kind = f"{ref.get('group', '')}/{ref.get('kind', 'Service')}".strip("/")
    where = ref.get("namespace", namespace)
    if kind == "Service" and where == namespace:
        return str(ref["name"])
    return f"{kind} {where}/{ref['name']}"


def shares(rule: Manifest, namespace: str) -> dict[str, int]:
    """Weight per backend, as proportions."""
    found: dict[str, int] = {}
    for ref in refs(rule):
        name = backend(ref, namespace)
        found[name] = found.get(name, 0) + int(ref.get("weight", 1))
    return found


def lacking_pct(rule: Manifest, options: HttpRouteOptions) -> float:
    """What control lacks of a rule's requests, exactly 0 and 100 where that is nothing and everything.

    Raises:
        Unreachable: all weights are zero, so that every request is refused.
    """
    split = shares(rule, options.namespace)
    total = sum(split.values())
    if total == 0:
        msg = f"{options.route} routes nothing: all weights of the rule are 0"
        raise Unreachable(msg)
    return _WHOLE * (total - split.get(options.control, 0)) / total


def weights(rule: Manifest, options: HttpRouteOptions) -> Weights:
    """The split in whole percent; what control lacks counts as the treatment's, however little it is.

    Raises:
        Unreachable: all weights are zero, so that every request is refused.
    """
    lacking = lacking_pct(rule, options)
    if lacking in {0, _WHOLE}:
        return Weights.of(int(lacking))
    return Weights.of(min(_WHOLE - 1, max(1, round(lacking))))


def ended(rule: Manifest, options: HttpRouteOptions) -> str:
    """What somebody else did that ends this release, empty while nothing did."""
    split = shares(rule, options.namespace)
    missing = [name for name in (options.control, options.treatment) if name not in split]
    if missing:
        return f"the rule has no backend {missing[0]} any more"
    strangers = [
        name for name, share in split.items() if share and name not in {options.control, options.treatment}
    ]
    return f"traffic goes to other backends, too: {', '.join(strangers)}" if strangers else ""


def version(route: Manifest) -> str:
    """Changes with the route, not with its status."""
    meta = route["metadata"]
    told = json.dumps([meta.get("uid", ""), meta["generation"], route["spec"]], sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def lacking(route: Manifest) -> str:
    """Why a gateway does not have the route as it is now, empty when all of them do.

    Whether backends are there is not asked for here: that condition is about all rules together.
    """
    name, generation = route["metadata"]["name"], route["metadata"]["generation"]
    parents = route.get("status", {}).get("parents", ())
    if not parents:
        return f"no gateway has taken {name} yet; check its `parentRefs`"
    for parent in parents:
        gateway = parent["parentRef"]["name"]
        found = {each["type"]: each for each in parent.get("conditions", ())}
        accepted = found.get("Accepted", {"status": "Unknown"})
        if accepted["status"] != "True":
            said = (accepted.get("reason", ""), accepted.get("message", ""))
            why = ": ".join(part for part in said if part) or "no reason given"
            return f"gateway {gateway} has not accepted {name}: {why}"
        if accepted.get("observedGeneration") != generation:
            return f"gateway {gateway} has not taken the latest change of {name} yet"
    return ""


def ports(rule: Manifest, namespace: str) -> dict[str, int]:
    """The port of every backend that names one."""
    return {backend(ref, namespace): int(ref["port"]) for ref in refs(rule) if "port" in ref}


def unusable(service: Manifest, port: int | None) -> str:
    """Why a gateway cannot send anything to a Service, or nobody knows; empty when it can."""
    name, spec = service["metadata"]["name"], service["spec"]
    if not spec.get("selector"):
        return f"the Service {name} selects no pods, so nobody knows whether it can serve"
    if port is not None and port not in {each["port"] for each in spec.get("ports", ())}:
        return f"the Service {name} has no port {port}"
    return ""


def health(name: str, pods: Sequence[Manifest]) -> Health:
    """Whether the pods behind a Service can serve, all of them."""
    found = of.health(pods)
    return found if found.ready else unready(f"{name}: {found.detail}")


def unready(detail: str) -> Health:
    """A backend that cannot serve, and why."""
    return Health(ready=False, ready_since_s=None, detail=detail)
