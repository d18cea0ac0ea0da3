"""The split that is wanted, as a patch of one rule of an HTTPRoute, or of two with an audience's. Pure.

The API takes the list of rules as a whole only, so the patch has all of them, and holds for one resource
version only: a rule that somebody else changes meanwhile is never set back.
"""

import copy

from engine.adapters.gateway_api.audience import by_rule
from engine.adapters.gateway_api.options import HttpRouteOptions
from engine.adapters.gateway_api.reading import backend, refs, rules, shares
from engine.adapters.kubernetes.cluster import Manifest
from engine.core.target import Weights
from engine.errors import UsageError


def split(route: Manifest, options: HttpRouteOptions, wanted: Weights) -> Manifest | None:
    """A merge patch that leads to these weights, None where they are the proportions already.

    All other backends of the rules get nothing.

    Raises:
        UsageError: somebody took a rule out, or the backend that is to get traffic out of it.
    """
    after = copy.deepcopy(rules(route))
    for place, weights in by_rule(route, options, wanted):
        _share(after[place], options, weights)
    if after == rules(route):
        return None
    return {
        "metadata": {"resourceVersion": route["metadata"]["resourceVersion"]},
        "spec": {"rules": after},
    }


def _share(rule: Manifest, options: HttpRouteOptions, wanted: Weights) -> None:
    """Change the rule's weights, unless they are these proportions already."""
    shared = {options.control: wanted.control, options.treatment: wanted.treatment}
    present = shares(rule, options.namespace)
    for name, share in shared.items():
        if share and name not in present:
            raise UsageError(f"the rule of {options.route} has no backend {name} any more")
    if _is_split_so(present, shared):
        return
    for ref in refs(rule):
        ref["weight"] = shared.pop(backend(ref, options.namespace), 0)


def _is_split_so(present: dict[str, int], shared: dict[str, int]) -> bool:
    total = sum(present.values())
    return total > 0 and all(100 * share == total * shared.get(name, 0) for name, share in present.items())
