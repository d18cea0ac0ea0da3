"""Which series count a revision's traffic: the application's own, and the router's. Pure."""

from dataclasses import replace

from engine.adapters.knative.options import KnativeOptions
from engine.adapters.knative.reading import Pair
from engine.adapters.kubernetes.traefik_series import traefik_series
from engine.core.model import Arm
from engine.core.target import RouterSeries


def application_labels(options: KnativeOptions, compared: Pair) -> dict[Arm, dict[str, str]]:
    """What tells the arms' own series apart; names of revisions are unique within a namespace only."""
    by_arm = {Arm.CONTROL: compared.control, Arm.TREATMENT: compared.treatment}
    return {
        arm: {options.namespace_label: options.namespace, options.revision_label: revision}
        for arm, revision in by_arm.items()
    }


def router_series(options: KnativeOptions, compared: Pair) -> RouterSeries | None:
    """The router's counters, None where the options name no router.

    How many visitors an audience has is not counted here: requests of one visitor are no independent draws.
    """
    if options.router is None:
        return None
    pattern = options.router.traefik
    control, treatment = (
        pattern.format(namespace=options.namespace, revision=revision)
        for revision in (compared.control, compared.treatment)
    )
    found = traefik_series(control, treatment)
    return found if compared.audience is None else replace(found, assignments=None)
