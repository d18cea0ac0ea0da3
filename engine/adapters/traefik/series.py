"""Which series count a local service's traffic: the proxy's own, and the sample service's sessions. Pure."""

from collections.abc import Sequence

from engine.adapters.traefik.routes import NEW, ByCookie, ByHeader, Sticky, backend_name
from engine.core.model import Arm, Matcher, Selector
from engine.core.target import RouterSeries, SessionSeries

ASSIGNMENT_LABEL = "assignment"
"""Label of the proxy's request counters that has the value of `routes.ASSIGNMENT_HEADER`."""

Labels = dict[str, str]


def by_arm(labels: Sequence[Labels]) -> dict[Arm, Labels]:
    """Labels of control and of the first treatment, from those of all variants."""
    return {Arm.CONTROL: labels[0], Arm.TREATMENT: labels[1]}


def application_labels(service: str, variants: Sequence[str]) -> list[Labels]:
    """What tells the variants' own series apart."""
    return [{"service": service, "version": version} for version in variants]


def router_series(service: str, variants: Sequence[str], sticky: Sticky) -> RouterSeries:
    """The proxy's counters.

    New assignments are all requests where nothing is sticky, and by cookie those that came without one. By
    header they are unknown: the edge assigns, and the requests of one user are no independent draws, so
    that even an exact split by users may be far off by requests.
    """
    names = [f"{backend_name(service, version)}@file" for version in variants]
    all_of_them = Matcher(label="service", op="=~", value=_any(names))
    failed = Matcher(label="code", op="=~", value="5..")
    total = "traefik_service_requests_total"
    requests = Selector(name=total, matchers=(all_of_them,))
    match sticky:
        case ByHeader():
            assignments = None
        case ByCookie():
            new = Matcher(label=ASSIGNMENT_LABEL, op="=", value=NEW)
            assignments = Selector(name=total, matchers=(all_of_them, new))
        case None:
            assignments = requests
    labels = [{"service": name} for name in names]
    return RouterSeries(
        requests=requests,
        errors=Selector(name=total, matchers=(all_of_them, failed)),
        buckets=Selector(name="traefik_service_request_duration_seconds_bucket", matchers=(all_of_them,)),
        arm_labels=by_arm(labels),
        more_labels=tuple(labels[2:]),
        assignments=assignments,
    )


def session_series(service: str, variants: Sequence[str]) -> SessionSeries:
    """The sample service's counters: a session ends with its visit to `/buy`, on the version that answers."""
    matchers = (
        Matcher(label="service", op="=", value=service),
        Matcher(label="version", op="=~", value=_any(variants)),
    )
    return SessionSeries(
        total=Selector(name="sessions_total", matchers=matchers),
        converted=Selector(name="sessions_converted_total", matchers=matchers),
    )


def _any(names: Sequence[str]) -> str:
    return "|".join(name.replace(".", r"\.") for name in names)
