"""`RolloutTarget`: reads an Argo Rollout, decides by the pure modules beside, and patches its status.

Steps and strategy are never written: the controller would begin the release anew.
"""

from typing import ClassVar

from engine.adapters.argo_rollouts import equal_arms, patches, reading, rungs, series, templates
from engine.adapters.argo_rollouts.kinds import HASH_LABEL, ROLLOUTS
from engine.adapters.argo_rollouts.lacking import lacking
from engine.adapters.argo_rollouts.options import RolloutOptions
from engine.adapters.argo_rollouts.reading import Instances, Pair
from engine.adapters.argo_rollouts.visitors import VIRTUAL_SERVICES, Visitors, virtual_services
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
from engine.adapters.kubernetes.session_series import session_series
from engine.adapters.kubernetes.watching import watched
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
        compared, template = reading.pair(rollout, options), self._template(rollout)
        self._must_be_of(template, compared)
        rungs_pct = self._releasable(rollout, compared)
        self._visitors(rollout)
        control, treatment = self._names(rollout, compared)
        labels = series.application_labels(options, rollout, compared)
        return TargetFacts(
            key=options.key("argo_rollout", options.rollout),
            control=control,
            treatment=treatment,
            arm_labels=labels,
            router=self._router(rollout),
            source_options=options.source_options,
            preview_url=options.preview_url or self._preview_url(rollout),
            sticky=rungs.by_header(rollout),
            sessions=session_series(options, labels),
            rungs_pct=rungs_pct,
            pinned={
                "pinned": {
                    "control": compared.control,
                    "treatment": compared.treatment,
                    "template": reading.fingerprint(template),
                }
            },
        )

    @watched
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
                lambda rollout: self._lacking(rollout, compared, weights, ends=ends),
            )
            return self._state(shown, compared)
        except (Unreachable, UsageError) as error:
            return TargetGone(detail=str(error))

    def _attempt(self, compared: Pair, weights: Weights, found: str | None) -> Manifest:
        """Read, check and write once."""
        rollout = self._rollout()
        visitors = self._visitors(rollout)
        if found is not None and reading.version(rollout, visitors) != found:
            raise Unreachable(f"{self._options.rollout} was changed meanwhile")
        patch = patches.give(rollout, compared, weights, visitors)
        if patch is None:
            return rollout
        # The controller reports a generation as observed before it reports the hash of its template.
        pinned = self._options.pinned
        if pinned is not None and reading.fingerprint(self._template(rollout)) != pinned.template:
            raise Unreachable(
                f"{self._options.rollout} gets no more traffic: its template is not the one launched"
            )
        return self._patch_status(patch)

    def _lacking(self, rollout: Manifest, compared: Pair, weights: Weights, *, ends: bool) -> str:
        try:
            return lacking(rollout, compared, weights, ends=ends, visitors=self._visitors(rollout))
        except Unreachable as error:
            # An abort removes a route that somebody changed, and then it can be told again who has what.
            return str(error)

    def _must_be_of(self, template: Manifest, compared: Pair) -> None:
        """Unreachable while the hash in the status is still that of the template before this one."""
        found = self._connection.cluster.find(
            REPLICA_SETS, self._options.namespace, {HASH_LABEL: compared.treatment}
        )
        if self._options.pinned is None and not all(templates.is_made_of(each, template) for each in found):
            name = self._options.rollout
            raise Unreachable(f"the Rollouts controller has not looked at {name} as it is now; try again")

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
        return reading.state(
            rollout, compared, control, treatment, self._visitors(rollout), self._baseline(rollout)
        )

    def _baseline(self, rollout: Manifest) -> tuple[Manifest, ...]:
        """Pods of this Rollout's baselines; asks only where the step has one."""
        if not equal_arms.is_at_baseline(rollout):
            return ()
        label = {equal_arms.ARM_LABEL: equal_arms.labels(self._options.rollout)[0]}
        return tuple(self._connection.cluster.find(PODS, self._options.namespace, label))

    def _visitors(self, rollout: Manifest) -> Visitors:
        """Who has the treatment by a header route; asks for VirtualServices only where the steps set one."""
        options, audience = self._options, self._options.audience
        declared_pct = None if audience is None else audience.share_pct
        if not rungs.by_header(rollout):
            return Visitors(declared_pct=declared_pct)
        found = [
            self._connection.cluster.get(VIRTUAL_SERVICES, place or options.namespace, name)
            for place, name in virtual_services(rungs.canary(rollout))
        ]
        return rungs.visitors_of(rollout, found, declared_pct)

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
        # Header routes are Istio's, behind which no other router tells the versions apart; of a baseline, its
        # Service's counters are known only once it runs.
        is_unknown = rungs.by_header(rollout) or rungs.compares_equal_arms(rollout)
        if self._options.router is None or services is None or is_unknown:
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
        if rungs.compares_equal_arms(rollout):
            preparation = f"{preparation[:-1]} --equal-arms`"
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
            ladder = rungs.ladder(rollout, None if options.audience is None else options.audience.share_pct)
        except UsageError as error:
            raise UsageError(f"{name} has no ladder: {error}; {preparation} writes one") from error
        return tuple(rung.treatment_pct for rung in ladder)

    def _rollout(self) -> Manifest:
        return self._connection.cluster.get(ROLLOUTS, self._options.namespace, self._options.rollout)
