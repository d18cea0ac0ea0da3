"""Which series count a backend's traffic: the application's own, and the gateway's. Pure."""

from collections.abc import Sequence
from dataclasses import replace

from engine.adapters.gateway_api.options import HttpRouteOptions
from engine.adapters.kubernetes.traefik_series import escaped, matching_series
from engine.core.model import Arm
from engine.core.target import RouterSeries

BACKEND_LABEL = "gateway_backend"
"""Traefik's name for a backend has a hash in it, so that Prometheus must take it apart: a relabelling of what
it scrapes from Traefik puts NAMESPACE-SERVICE into this label."""


def application_labels(options: HttpRouteOptions) -> dict[Arm, dict[str, str]]:
    """What tells the arms' own series apart."""
    return {
        arm: {options.namespace_label: options.namespace, options.service_label: service}
        for arm, service in _services(options).items()
    }


def router_series(options: HttpRouteOptions, places: Sequence[int]) -> RouterSeries | None:
    """The gateway's counters of the rules' two Services, None where the options name no gateway.

    How many visitors an audience has is not counted here: requests of one visitor are no independent draws.
    """
    if options.router is None:
        return None
    namespace, services = escaped(options.namespace), _services(options)
    either = "|".join(map(escaped, services.values()))
    ours = "|".join(map(str, places))
    pattern = (
        f"httproute-{namespace}-{escaped(options.route)}-gw-.+-({ours})-[0-9a-f]+"
        f"-svc-{namespace}-({either})-[0-9]+@kubernetesgateway"
    )
    labels = {arm: {BACKEND_LABEL: f"{options.namespace}-{name}"} for arm, name in services.items()}
    found = matching_series(pattern, labels)
    return found if options.audience is None else replace(found, assignments=None)


def _services(options: HttpRouteOptions) -> dict[Arm, str]:
    return {Arm.CONTROL: options.control, Arm.TREATMENT: options.treatment}
