"""`RolloutTarget`: reads an Argo Rollout, decides by the pure modules beside, and patches its status.

Steps and strategy are never written: the controller would begin the release anew.
"""

from typing import ClassVar

from engine.adapters.argo_rollouts import patches, reading, rungs, series, templates
from engine.adapters.argo_rollouts.kinds import HASH_LABEL, ROLLOUTS
from engine.adapters.argo_rollouts.lacking import lacking
from engine.adapters.argo_rollouts.options import RolloutOptions
from engine.adapters.argo_rollouts.reading import Instances, Pair
from engine.adapters.kubernetes.acting import await_shown, one_treatment, write
from engine.adapters.kubernetes.cluster import (
    DEPLOYMENTS,
    PODS,
    REPLICA_SETS,
    SERVICES,
    Cluster,
    Manifest,
)
from engine.adapters.kubernetes.lazily import Connection
from engine.core.target import ALL_TO_CONTROL, RouterSeries, TargetFacts, TargetGone, TargetState, Weights
from engine.errors import Unreachable, UsageError


class RolloutTarget:
    """The stable version of a Rollout and the one of its latest template."""

    Options: ClassVar[type[RolloutOptions]] = RolloutOptions

    def __init__(self, options: RolloutOptions, cluster: Cluster | None = None) -> None:
        self._options = options
        self._connection = Connection(options, cluster)

    def facts(self) -> TargetFacts:
        """The versions to compare, and the shares at which the ladder lets them be.

        Raises:
            Unreachable: the API or the Rollouts controller gives no answer.
            UsageError: there is nothing to release, or the Rollout would move on by itself.
        """
        options, rollout = self._options, self._rollout()
        compared = reading.pair(rollout, options)
        rungs_pct = self._releasable(rollout, compared)
        control, treatment = self._names(rollout, compared)
        return TargetFacts(
            key=options.key("argo_rollout", options.rollout),
            control=control,
            treatment=treatment,
            arm_labels=series.application_labels(options, compared),
            router=self._router(rollout),
            source_options=options.source_options,
            preview_url=options.preview_url or self._preview_url(rollout),
            rungs_pct=rungs_pct,
            pinned={
                "pinned": {
                    "control": compared.control,
                    "treatment": compared.treatment,
                    "template": reading.fingerprint(self._template(rollout)),
                }
            },
        )

    def observe(self) -> TargetState | TargetGone:
        """What the controller routes, and whether both versions can serve."""
        try:
            rollout = self._rollout()
            return self._state(rollout, reading.pair(rollout, self._options))
        except (Unreachable, UsageError) as error:
            return TargetGone(detail=str(error))

    def apply(self, weights: Weights, found: str | None = None) -> TargetState | TargetGone:
        """Be at the rung of these weights.

        All to control aborts, or goes back to control's template. With `found` it is a rung like others, at
        which the treatment waits without traffic.

        Bounded by about 4 s after the first write that the API accepted. While pods start longer than that,
        the answer is TargetGone, and the same act goes on from there.
        """
        try:
            one_treatment(weights)
            compared = reading.pair(self._rollout(), self._options)
            ends = weights == ALL_TO_CONTROL and found is None
            write(lambda: self._back(compared) if ends else self._attempt(compared, weights, found))
            # The way back may have several parts, each possible only after the one before.
            shown = await_shown(
                lambda: write(lambda: self._back(compared)) if ends else self._rollout(),
                lambda rollout: lacking(rollout, compared, weights, ends=ends),
            )
            return self._state(shown, compared)
        except (Unreachable, UsageError) as error:
            return TargetGone(detail=str(error))

    def _attempt(self, compared: Pair, weights: Weights, found: str | None) -> Manifest:
        """Read, check and write once."""
        rollout = self._rollout()
        if found is not None and reading.version(rollout) != found:
            raise Unreachable(f"{self._options.rollout} was changed meanwhile")
        patch = patches.give(rollout, compared, weights)
        if patch is None:
            return rollout
        # The controller reports a generation as observed before it reports the hash of its template.
        pinned = self._options.pinned
        if pinned is not None and reading.fingerprint(self._template(rollout)) != pinned.template:
            raise Unreachable(
                f"{self._options.rollout} gets no more traffic: its template is not the one launched"
            )
        return self._patch_status(patch)

    def _template(self, rollout: Manifest) -> Manifest:
        """The pod template as people wrote it."""
        deployment = self._deployment(rollout)
        template: Manifest = (rollout if deployment is None else deployment)["spec"].get("template", {})
        return template

    def _deployment(self, rollout: Manifest) -> Manifest | None:
        """The Deployment whose template a Rollout takes, None where it has its own, or somebody else's."""
        reference = rollout["spec"].get("workloadRef")
        if reference is None or reference["kind"] != "Deployment":
            return None
        return self._connection.cluster.get(DEPLOYMENTS, self._options.namespace, reference["name"])

    def _back(self, compared: Pair) -> Manifest:
        """Read, and take the next part of the way to control."""
        return self._take_back(self._rollout(), compared)

    def _take_back(self, rollout: Manifest, compared: Pair) -> Manifest:
        seen = reading.status(rollout)
        if seen.get("stableRS") == compared.control:
            reverted = seen.get("currentPodHash") == compared.control and reading.is_observed(rollout)
            patch = None if reverted else patches.abort(rollout)
            return rollout if patch is None else self._patch_status(patch)
        if seen.get("currentPodHash") == compared.control:
            patch = patches.hurry(rollout, compared)
            return rollout if patch is None else self._patch_status(patch)
        return self._revert(rollout, compared)

    def _revert(self, rollout: Manifest, compared: Pair) -> Manifest:
        """Give the Rollout, or the Deployment that it refers to, control's template again."""
        kept = self._instances(rollout, compared.control).replica_set
        name, namespace = self._options.rollout, self._options.namespace
        if kept is None:
            raise Unreachable(f"{name} cannot go back: the ReplicaSet of {compared.control} is gone")
        deployment = self._deployment(rollout)
        if deployment is None and "workloadRef" in rollout["spec"]:
            kind = rollout["spec"]["workloadRef"]["kind"]
            raise Unreachable(f"{name} cannot go back: its template is a {kind}'s; revert that")
        owner, kinds = (rollout, ROLLOUTS) if deployment is None else (deployment, DEPLOYMENTS)
        patch = patches.revert(owner, kept)
        if patch is not None:
            self._connection.cluster.patch(kinds, namespace, owner["metadata"]["name"], patch)
        return self._rollout()

    def _patch_status(self, patch: Manifest) -> Manifest:
        options = self._options
        return self._connection.cluster.patch(
            ROLLOUTS, options.namespace, options.rollout, patch, subresource="status"
        )

    def _state(self, rollout: Manifest, compared: Pair) -> TargetState:
        control, treatment = (
            self._instances(rollout, pod_hash) for pod_hash in (compared.control, compared.treatment)
        )
        return reading.state(rollout, compared, control, treatment)

    def _instances(self, rollout: Manifest, pod_hash: str) -> Instances:
        cluster, namespace = self._connection.cluster, self._options.namespace
        uid = rollout["metadata"]["uid"]
        owned = (
            each
            for each in cluster.find(REPLICA_SETS, namespace, {HASH_LABEL: pod_hash})
            if any(owner["uid"] == uid for owner in each["metadata"].get("ownerReferences", ()))
        )
        replica_set = next(owned, None)
        if replica_set is None:
            return Instances(replica_set=None, pods=())
        pods = cluster.find(PODS, namespace, replica_set["spec"]["selector"]["matchLabels"])
        return Instances(replica_set=replica_set, pods=tuple(pods))

    def _names(self, rollout: Manifest, compared: Pair) -> tuple[str, str]:
        hashes = (compared.control, compared.treatment)
        one, other = (self._instances(rollout, pod_hash).replica_set for pod_hash in hashes)
        return hashes if one is None or other is None else templates.names(one, other, hashes)

    def _router(self, rollout: Manifest) -> RouterSeries | None:
        services = series.router_services(rollout)
        if self._options.router is None or services is None:
            return None
        control, treatment = map(self._service, services)
        return series.router_series(self._options, control, treatment)

    def _preview_url(self, rollout: Manifest) -> str | None:
        preview = rollout["spec"]["strategy"].get("blueGreen", {}).get("previewService")
        return None if preview is None else series.preview_url(self._options, self._service(preview))

    def _service(self, name: str) -> Manifest:
        return self._connection.cluster.get(SERVICES, self._options.namespace, name)

    def _releasable(self, rollout: Manifest, compared: Pair) -> tuple[int, ...]:
        """The shares at which the Rollout can be kept."""
        options = self._options
        name, preparation = (
            options.rollout,
            f"`rampwise prepare rollout/{options.rollout} -n {options.namespace}`",
        )
        if why := reading.invalid(rollout) or reading.stopped_by(rollout) or reading.ended(rollout, compared):
            raise UsageError(f"{name} has nothing that can be released now: {why}")
        if reading.is_blue_green(rollout):
            rules = rollout["spec"]["strategy"]["blueGreen"]
            if rules.get("autoPromotionEnabled") is not False or rules.get("autoPromotionSeconds"):
                raise UsageError(
                    f"{name} switches by itself (autoPromotion); {preparation} shows what to change"
                )
            return (100,)
        if not rungs.canary(rollout):
            raise UsageError(f"{name} has neither canary nor blueGreen in its strategy")
        try:
            return tuple(rung.treatment_pct for rung in rungs.ladder(rollout))
        except UsageError as error:
            raise UsageError(f"{name} has no ladder: {error}; {preparation} writes one") from error

    def _rollout(self) -> Manifest:
        return self._connection.cluster.get(ROLLOUTS, self._options.namespace, self._options.rollout)
