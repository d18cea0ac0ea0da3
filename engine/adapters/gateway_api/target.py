"""`HttpRouteTarget`: reads an HTTPRoute, decides by the pure modules beside, and patches its rules."""

from collections.abc import Sequence
from typing import ClassVar

from engine.adapters.gateway_api import audience, patches, reading, series
from engine.adapters.gateway_api.options import HttpRouteOptions
from engine.adapters.kubernetes.acting import await_shown, one_treatment, write
from engine.adapters.kubernetes.cluster import PODS, SERVICES, Cluster, Manifest, NotThere, Resource
from engine.adapters.kubernetes.lazily import Connection
from engine.adapters.kubernetes.session_series import session_series
from engine.adapters.kubernetes.watching import watched
from engine.core.target import Health, TargetFacts, TargetGone, TargetState, Weights
from engine.errors import Unreachable, UsageError

HTTP_ROUTES = Resource(group="gateway.networking.k8s.io", version="v1", plural="httproutes")


class HttpRouteTarget:
    """Two backends of one rule of an HTTPRoute, and of a second rule where there is an audience."""

    Options: ClassVar[type[HttpRouteOptions]] = HttpRouteOptions

    def __init__(self, options: HttpRouteOptions, cluster: Cluster | None = None) -> None:
        self._options = options
        self._connection = Connection(options, cluster)

    def facts(self) -> TargetFacts:
        """The rule and its backends.

        Raises:
            UsageError: there is no such rule, or several, or it lacks one of the backends; or the audience's
                is not one of its own.
        """
        options = self._options
        route = self._route()
        label = reading.label(route, reading.place(route, options))
        chosen = options.audience and audience.pinned(route, options, options.audience)
        if problem := audience.ended(route, options):
            raise UsageError(f"{options.route}: {problem.removesuffix(' any more')}")
        labels = series.application_labels(options)
        return TargetFacts(
            key=options.key("http_route", f"{options.route}/{label}"),
            control=options.control,
            treatment=options.treatment,
            arm_labels=labels,
            router=series.router_series(options, audience.shared_rules(route, options)),
            source_options=options.source_options,
            sticky=chosen is not None,
            preview_url=options.preview_url,
            sessions=session_series(options, labels),
            rungs_pct=None if chosen is None else (chosen.share_pct, 100),
            pinned={"rule": label} | ({} if chosen is None else {"audience": chosen.model_dump()}),
        )

    @watched
    def observe(self) -> TargetState | TargetGone:
        """What the gateways have of the rules, and whether both backends can serve."""
        try:
            return self._state(self._route())
        except (Unreachable, UsageError) as error:
            return TargetGone(detail=str(error))

    def apply(self, weights: Weights, found: str | None = None) -> TargetState | TargetGone:
        """Be at these weights; other rules stay as they are, other backends of these get nothing.

        Bounded by about 4 s after the last write that the API accepted. A route on which somebody else has
        ended the release, and that is at these weights as it was found, is left as it is.
        """
        try:
            one_treatment(weights)
            write(lambda: self._attempt(weights, found))
            return self._state(await_shown(self._route, reading.lacking))
        except (Unreachable, UsageError) as error:
            return TargetGone(detail=str(error))

    def _attempt(self, weights: Weights, found: str | None) -> Manifest:
        """Read, check and write once."""
        route = self._route()
        if found is not None and reading.version(route) != found:
            raise Unreachable(f"{self._options.route} was changed meanwhile")
        options = self._options
        if (
            found is not None
            and audience.weights(route, options) == weights
            and audience.ended(route, options)
        ):
            return route
        patch = patches.split(route, options, weights)
        if patch is None:
            return route
        return self._connection.cluster.patch(HTTP_ROUTES, options.namespace, options.route, patch)

    def _state(self, route: Manifest) -> TargetState | TargetGone:
        if why := reading.lacking(route):
            return TargetGone(detail=why)
        options = self._options
        shared = [reading.rules(route)[place] for place in audience.shared_rules(route, options)]
        return TargetState(
            weights=audience.weights(route, options),
            control=self._health(options.control, shared),
            treatment=self._health(options.treatment, shared),
            version=reading.version(route),
            ended=audience.ended(route, options),
        )

    def _health(self, name: str, shared: Sequence[Manifest]) -> Health:
        cluster, namespace = self._connection.cluster, self._options.namespace
        try:
            service = cluster.get(SERVICES, namespace, name)
        except NotThere:
            return reading.unready(f"there is no Service {name}")
        ports = (reading.ports(rule, namespace).get(name) for rule in shared)
        if problem := next(filter(None, (reading.unusable(service, port) for port in ports)), ""):
            return reading.unready(problem)
        return reading.health(name, cluster.find(PODS, namespace, service["spec"]["selector"]))

    def _route(self) -> Manifest:
        return self._connection.cluster.get(HTTP_ROUTES, self._options.namespace, self._options.route)
