"""`KnativeTarget`: reads a Knative Service, decides by the pure modules beside, and patches its split."""

from dataclasses import replace
from typing import ClassVar

from engine.adapters.knative import features, patches, reading, series
from engine.adapters.knative.kinds import (
    CONFIG_MAPS,
    FEATURES_MAP,
    KEEP_ANNOTATION,
    KNATIVE_NAMESPACE,
    KNATIVE_SERVICES,
    REVISIONS,
    SERVICE_LABEL,
)
from engine.adapters.knative.options import KnativeOptions
from engine.adapters.knative.reading import Pair
from engine.adapters.kubernetes.acting import await_shown, one_treatment, write
from engine.adapters.kubernetes.cluster import PODS, Cluster, Manifest, NotAllowed, NotThere
from engine.adapters.kubernetes.lazily import Connection
from engine.adapters.kubernetes.session_series import session_series
from engine.adapters.kubernetes.watching import watched
from engine.core.target import TargetFacts, TargetGone, TargetState, Weights
from engine.errors import Unreachable, UsageError


class KnativeTarget:
    """Two revisions of one Knative Service."""

    Options: ClassVar[type[KnativeOptions]] = KnativeOptions

    def __init__(self, options: KnativeOptions, cluster: Cluster | None = None) -> None:
        self._options = options
        self._connection = Connection(options, cluster)
        self._kept = False

    def facts(self) -> TargetFacts:
        """The revisions to compare.

        Raises:
            UsageError: there is nothing to release, the new revision never became ready, any new template
                would get all traffic at once, or Knative does not route an audience.
        """
        options = self._options
        service = self._service()
        compared = reading.pair(service, options)
        self._must_be_releasable(service, compared)
        audience = options.audience
        if audience is not None:
            self._must_know_tags()
        labels = series.application_labels(options, compared)
        return TargetFacts(
            key=options.key("knative", options.service),
            control=compared.control,
            treatment=compared.treatment,
            arm_labels=labels,
            router=series.router_series(options, compared),
            source_options=options.source_options,
            sticky=audience is not None,
            preview_url=options.preview_url or reading.preview_url(service, compared.treatment),
            sessions=session_series(options, labels),
            rungs_pct=None if audience is None else (audience.share_pct, 100),
            pinned={
                "control": compared.control,
                "treatment": compared.treatment,
                "latest": reading.latest(service),
            },
        )

    @watched
    def observe(self) -> TargetState | TargetGone:
        """What the Service routes, and whether both revisions can serve."""
        try:
            service = self._service()
            return self._state(service, reading.pair(service, self._options))
        except (Unreachable, UsageError) as error:
            return TargetGone(detail=str(error))

    def apply(self, weights: Weights, found: str | None = None) -> TargetState | TargetGone:
        """Be at these weights; both revisions stay pinned by name.

        Bounded by about 4 s after the last write that the API accepted. A Service on which somebody else has
        ended the release, and that is at these weights as it was found, is left as it is.
        """
        try:
            one_treatment(weights)
            service = self._service()
            compared = reading.pair(service, self._options)
            if found is not None and reading.is_left_to_others(service, compared, weights, found):
                return self._state(service, compared)
            reading.must_be_possible(self._options.service, compared, weights)
            if weights.treatment:
                self._keep(compared.control)
            write(lambda: self._attempt(compared, weights, found))
            shown = await_shown(self._service, lambda service: _lacking(service, compared, weights))
            return self._state(shown, compared)
        except (Unreachable, UsageError) as error:
            return TargetGone(detail=str(error))

    def _attempt(self, compared: Pair, weights: Weights, found: str | None) -> Manifest:
        """Read, check and write once."""
        service = self._service()
        if found is not None and reading.version(service, compared) != found:
            raise Unreachable(f"{self._options.service} was changed meanwhile")
        unready = () if weights.treatment else self._unready(service)
        patch = patches.split(service, compared, weights, unready)
        if patch is None:
            return service
        return self._connection.cluster.patch(
            KNATIVE_SERVICES, self._options.namespace, self._options.service, patch
        )

    def _keep(self, control: str) -> None:
        """Keep the way back from Knative's garbage collection, before anything leaves it."""
        if self._kept:
            return
        revision = self._connection.cluster.get(REVISIONS, self._options.namespace, control)
        if revision["metadata"].get("annotations", {}).get(KEEP_ANNOTATION) != "true":
            kept = {"metadata": {"annotations": {KEEP_ANNOTATION: "true"}}}
            self._connection.cluster.patch(REVISIONS, self._options.namespace, control, kept)
        self._kept = True

    def _unready(self, service: Manifest) -> set[str]:
        """Revisions which the split refers to, and which cannot serve."""
        found = ((name, self._revision(name)) for name in patches.named(service))
        return {name for name, revision in found if revision is None or not reading.holds(revision, "Ready")}

    def _state(self, service: Manifest, compared: Pair) -> TargetState | TargetGone:
        revisions = {name: self._revision(name) for name in (compared.control, compared.treatment)}
        pods = self._connection.cluster.find(
            PODS, self._options.namespace, {SERVICE_LABEL: self._options.service}
        )
        return reading.state(service, compared, revisions, pods)

    def _must_be_releasable(self, service: Manifest, compared: Pair) -> None:
        options = self._options
        if reading.follows_latest(service):
            raise UsageError(
                f"{options.service} gives its traffic to any new revision at once; "
                f"{reading.preparation(options)}"
            )
        if reading.weights(service, compared).control == 0:
            raise UsageError(
                f"{options.service} has nothing to release: {compared.treatment} already has all the "
                f"traffic; {reading.NEXT}"
            )
        for name in (compared.control, compared.treatment):
            revision = self._revision(name)
            if revision is None:
                raise UsageError(f"{options.service} has no revision {name}")
            if not reading.holds(revision, "Ready"):
                raise UsageError(f"{name} is not ready: {reading.explained(revision, 'Ready')}")

    def _must_know_tags(self) -> None:
        """UsageError when Knative says that it does not look at the header; it may not be ours to ask."""
        try:
            found = self._connection.cluster.get(CONFIG_MAPS, KNATIVE_NAMESPACE, FEATURES_MAP)
        except (NotAllowed, NotThere):
            return
        if problem := features.refusal(found):
            raise UsageError(problem)

    def _service(self) -> Manifest:
        return self._connection.cluster.get(KNATIVE_SERVICES, self._options.namespace, self._options.service)

    def _revision(self, name: str) -> Manifest | None:
        try:
            return self._connection.cluster.get(REVISIONS, self._options.namespace, name)
        except NotThere:
            return None


def _lacking(service: Manifest, compared: Pair, weights: Weights) -> str:
    """What keeps the Service from routing this."""
    routed = reading.weights(service, compared)
    done = reading.is_observed(service) and reading.holds(service, "RoutesReady") and routed == weights
    if done and not reading.ended(service, replace(compared, latest="")):
        return ""
    name = service["metadata"]["name"]
    why = reading.explained(service, "RoutesReady")
    return f"{name} does not route {weights} (control/treatment) yet: {why}"
