"""Traefik's counters of a cluster's traffic, by the names that it gives to what it routes to. Pure."""

from collections.abc import Mapping

from engine.core.model import Arm, Matcher, Selector
from engine.core.target import RouterSeries

SERVICE_LABEL = "service"
_REQUESTS = "traefik_service_requests_total"
_BUCKETS = "traefik_service_request_duration_seconds_bucket"


def traefik_series(control: str, treatment: str) -> RouterSeries:
    """The counters of two of Traefik's services, by their names with the provider's (`...@kubernetescrd`)."""
    names = {Arm.CONTROL: control, Arm.TREATMENT: treatment}
    labels = {arm: {SERVICE_LABEL: name} for arm, name in names.items()}
    return matching_series("|".join(map(escaped, names.values())), labels)


def matching_series(pattern: str, arm_labels: Mapping[Arm, Mapping[str, str]]) -> RouterSeries:
    """The counters of all of Traefik's services whose names match, told apart by these labels."""
    both = Matcher(label=SERVICE_LABEL, op="=~", value=pattern)
    failed = Matcher(label="code", op="=~", value="5..")
    requests = Selector(name=_REQUESTS, matchers=(both,))
    return RouterSeries(
        requests=requests,
        errors=Selector(name=_REQUESTS, matchers=(both, failed)),
        buckets=Selector(name=_BUCKETS, matchers=(both,)),
        arm_labels=arm_labels,
        assignments=requests,
    )


def escaped(name: str) -> str:
    """The name as a pattern that matches nothing else; Kubernetes' names have no other special letters."""
    return name.replace(".", r"\.")
