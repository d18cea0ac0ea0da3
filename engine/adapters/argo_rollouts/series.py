"""Which series count a version's traffic: the application's own, and the router's. Pure."""

from engine.adapters.argo_rollouts import equal_arms, rungs
from engine.adapters.argo_rollouts.options import RolloutOptions
from engine.adapters.argo_rollouts.reading import Pair
from engine.adapters.kubernetes.cluster import Manifest
from engine.adapters.kubernetes.traefik_series import traefik_series
from engine.core.model import Arm
from engine.core.target import RouterSeries
from engine.errors import UsageError


def application_labels(
    options: RolloutOptions, rollout: Manifest, compared: Pair
) -> dict[Arm, dict[str, str]]:
    """What tells the arms' own series apart; the same template has the same hash in every namespace.

    Pods of a baseline have a hash that nobody knows before they are made.
    """
    label, values = options.hash_label, (compared.control, compared.treatment)
    if rungs.compares_equal_arms(rollout):
        label, values = options.arm_label, equal_arms.labels(options.rollout)
    return {
        arm: {options.namespace_label: options.namespace, label: value}
        for arm, value in zip((Arm.CONTROL, Arm.TREATMENT), values, strict=True)
    }


def router_services(rollout: Manifest) -> tuple[str, str] | None:
    """The Services of control and treatment among which a router divides, None where none does."""
    part = rungs.canary(rollout)
    if not rungs.is_routed(rollout) or "stableService" not in part or "canaryService" not in part:
        return None
    return str(part["stableService"]), str(part["canaryService"])


def router_series(options: RolloutOptions, control: Manifest, treatment: Manifest) -> RouterSeries:
    """Traefik's counters of the two Services, which have these roles until the promotion."""
    names = (f"{options.namespace}-{_address(each)}@kubernetescrd" for each in (control, treatment))
    return traefik_series(*names)


def preview_url(options: RolloutOptions, preview: Manifest) -> str:
    """Where a Service answers inside the cluster."""
    return f"http://{preview['metadata']['name']}.{options.namespace}.svc:{first_port(preview)}"


def first_port(service: Manifest) -> int:
    """The port of a Service that visitors use."""
    ports = service["spec"].get("ports") or ()
    if not ports:
        raise UsageError(f"the Service {service['metadata']['name']} has no port")
    return int(ports[0]["port"])


def _address(service: Manifest) -> str:
    return f"{service['metadata']['name']}-{first_port(service)}"
