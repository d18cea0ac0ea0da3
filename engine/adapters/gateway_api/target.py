"""`HttpRouteTarget`: reads an HTTPRoute, decides by the pure modules beside, and patches one of its rules."""

from typing import ClassVar

from engine.adapters.gateway_api import patches, reading, series
from engine.adapters.gateway_api.options import HttpRouteOptions
from engine.adapters.kubernetes.acting import await_shown, one_treatment, write
from engine.adapters.kubernetes.cluster import PODS, SERVICES, Cluster, Manifest, NotThere, Resource
from engine.adapters.kubernetes.lazily import Connection
from engine.core.target import Health, TargetFacts, TargetGone, TargetState, Weights
from engine.errors import Unreachable, UsageError

HTTP_ROUTES = Resource(group="gateway.networking.k8s.io", version="v1", plural="httproutes")


class HttpRouteTarget:
    """Two backends of one rule of an HTTPRoute."""

    Options: ClassVar[type[HttpRouteOptions]] = HttpRouteOptions

    def __init__(self, options: HttpRouteOptions, cluster: Cluster | None = None) -> None:
        self._options = options
        self._connection = Connection(options, cluster)

    def facts(self) -> TargetFacts:
        """The rule and its backends.

        Raises:
            UsageError: there is no such rule, or several, or it lacks one of the backends.
        """
        options = self._options
        route = self._route()
        place = reading.place(route, options)
        rule = reading.rules(route)[place]
        if problem := reading.ended(rule, options):
            raise UsageError(f"{options.route}: {problem.removesuffix(' any more')}")
        label = reading.label(route, place)
        return TargetFacts(
            key=options.key("http_route", f"{options.route}/{label}"),
            control=options.control,
            treatment=options.treatment,
            arm_labels=series.application_labels(options),
            router=series.router_series(options, place),
            source_options=options.source_options,
            preview_url=options.preview_url,
            pinned={"rule": label},
        )

    def observe(self) -> TargetState | TargetGone:
        """What the gateways have of the rule, and whether both backends can serve."""
        try:
            return self._state(self._route())
        except (Unreachable, UsageError) as error:
            return TargetGone(detail=str(error))

    def apply(self, weights: Weights, found: str | None = None) -> TargetState | TargetGone:
        """Be at these weights; other rules stay as they are, other backends of this one get nothing.

        Bounded by about 4 s after the last write that the API accepted.
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
        patch = patches.split(route, reading.place(route, self._options), self._options, weights)
        if patch is None:
            return route
        options = self._options
        return self._connection.cluster.patch(HTTP_ROUTES, options.namespace, options.route, patch)

    def _state(self, route: Manifest) -> TargetState | TargetGone:
        if why := reading.lacking(route):
            return TargetGone(detail=why)
        options = self._options
        rule = reading.rules(route)[reading.place(route, options)]
        return TargetState(
            weights=reading.weights(rule, options),
            control=self._health(options.control, rule),
            treatment=self._health(options.treatment, rule),
            version=reading.version(route),
            ended=reading.ended(rule, options),
        )

    def _health(self, name: str, rule: Manifest) -> Health:
        cluster, namespace = self._connection.cluster, self._options.namespace
        try:
            service = cluster.get(SERVICES, namespace, name)
        except NotThere:
            return reading.unready(f"there is no Service {name}")
        if problem := reading.unusable(service, reading.ports(rule, namespace).get(name)):
            return reading.unready(problem)
        return reading.health(name, cluster.find(PODS, namespace, service["spec"]["selector"]))

    def _route(self) -> Manifest:
        return self._connection.cluster.get(HTTP_ROUTES, self._options.namespace, self._options.route)
