"""An audience that a rule of its own sends to the treatment: who it is, and what it has. Pure.

Who it is, is said by the rule's `matches`, which are never written here.
"""

import hashlib
import json
from collections.abc import Iterator

from engine.adapters.gateway_api import reading
from engine.adapters.gateway_api.options import HttpRouteOptions, RuleAudience
from engine.adapters.gateway_api.reading import rules
from engine.adapters.kubernetes.cluster import Manifest
from engine.core.target import ALL_TO_CONTROL, ALL_TO_TREATMENT, Weights
from engine.errors import UsageError


def shared_rules(route: Manifest, options: HttpRouteOptions) -> list[int]:
    """The indices of the rules that the two versions share: everybody's, then the audience's if there is one.

    Raises:
        UsageError: everybody's is not there.
    """
    of_audience = reading.audience_place(route, options)
    return [reading.place(route, options), *([] if of_audience is None else [of_audience])]


def pinned(route: Manifest, options: HttpRouteOptions, audience: RuleAudience) -> RuleAudience:
    """The audience as it is now.

    Raises:
        UsageError: there is no such rule, or it takes requests of everybody.
    """
    place = reading.audience_place(route, options)
    if place is None:
        raise UsageError(
            f"{options.route} has no rule {audience.rule} for the audience; add one that `matches` its "
            f"header or cookie, with the backends {options.control} and {options.treatment} (`weight: 0`)"
        )
    label = reading.label(route, place)
    if place == reading.place(route, options):
        raise UsageError(f"{options.route}: the rule {label} cannot be both everybody's and the audience's")
    matches = rules(route)[place].get("matches", ())
    if not matches or not all(match.get("headers") for match in matches):
        raise UsageError(
            f"{options.route}: the rule {label} takes requests of everybody; all of its `matches` need "
            "`headers`, by which the audience is known"
        )
    return audience.model_copy(update={"rule": label, "matches": fingerprint(route, options)})


def fingerprint(route: Manifest, options: HttpRouteOptions) -> str:
    """Changes with the matches of the rules, not with their backends."""
    told = [rules(route)[place].get("matches") for place in shared_rules(route, options)]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]


def weights(route: Manifest, options: HttpRouteOptions) -> Weights:
    """What the treatment has of all requests, or of all visitors where there is an audience.

    Raises:
        Unreachable: a rule routes nothing. UsageError: there is no rule.
    """
    everybody, *others = (rules(route)[place] for place in shared_rules(route, options))
    if options.audience is None:
        return reading.weights(everybody, options)
    outside_pct = reading.lacking_pct(everybody, options)
    # Without a rule of its own the audience is routed like everybody else.
    within_pct = reading.lacking_pct(others[0], options) if others else outside_pct
    return options.audience.weights(within_pct=within_pct, outside_pct=outside_pct)


def ended(route: Manifest, options: HttpRouteOptions) -> str:
    """What somebody else did that ends this release, empty while nothing did.

    Raises:
        UsageError: there is no rule.
    """
    places = shared_rules(route, options)
    if problem := next(filter(None, (reading.ended(rules(route)[place], options) for place in places)), ""):
        return problem
    audience = options.audience
    if audience is None or audience.matches in {None, fingerprint(route, options)}:
        return ""
    if len(places) == 1:
        return f"the audience's rule {audience.rule} was taken out"
    return f"the `matches` were changed by which the rule {audience.rule} knows the audience"


def by_rule(route: Manifest, options: HttpRouteOptions, wanted: Weights) -> Iterator[tuple[int, Weights]]:
    """Which rule is to have which split. Nothing that is missing keeps an audience from being taken back.

    Raises:
        UsageError: a rule is not there, or the audience cannot be at these weights.
    """
    audience = options.audience
    if audience is None:
        yield reading.place(route, options), wanted
        return
    if not audience.possible(wanted):
        raise UsageError(
            f"{options.route} gives an audience of {audience.share_pct} % all or nothing, not {wanted}"
        )
    of_audience = reading.audience_place(route, options)
    if of_audience is not None:
        yield of_audience, ALL_TO_TREATMENT if wanted.treatment else ALL_TO_CONTROL
    elif wanted.control and wanted.treatment:
        raise UsageError(f"{options.route} has no rule {audience.rule} any more")
    if of_audience is None or wanted.treatment or reading.is_there(route, options):
        place = reading.place(route, options)
        yield place, ALL_TO_CONTROL if wanted.control else ALL_TO_TREATMENT
