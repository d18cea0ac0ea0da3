"""What a Rollout's manifest says about its traffic. Pure; asks nothing.

The phase is not looked at: it lags behind what was asked for. Shares are those of the pod template hashes.
"""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from engine.adapters.argo_rollouts import equal_arms, rungs
from engine.adapters.argo_rollouts.kinds import OWN_PAUSES, WORKLOAD_GENERATION
from engine.adapters.argo_rollouts.options import RolloutOptions
from engine.adapters.argo_rollouts.visitors import NOBODY, Visitors
from engine.adapters.kubernetes import pods as of
from engine.adapters.kubernetes.cluster import Manifest
from engine.core.target import ALL_TO_CONTROL, ALL_TO_TREATMENT, Health, TargetState, Weights
from engine.errors import Unreachable, UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """The pod template hashes that are compared."""

    control: str
    treatment: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Instances:
    """One version's ReplicaSet, None when it is gone, and its pods."""

    replica_set: Manifest | None
    pods: tuple[Manifest, ...]

    @property
    def ready(self) -> int:
        """Pods that can serve."""
        return sum(of.ready_since_s(pod) is not None for pod in of.alive(self.pods))


def status(rollout: Manifest) -> Manifest:
    """The controller's part; empty before it has seen the Rollout."""
    found: Manifest = rollout.get("status") or {}
    return found


def is_blue_green(rollout: Manifest) -> bool:
    """Whether two colours are switched, rather than shares moved."""
    return bool(rollout["spec"].get("strategy", {}).get("blueGreen"))


def pair(rollout: Manifest, options: RolloutOptions) -> Pair:
    """The versions of a run, before a launch those of the Rollout's status.

    Raises:
        Unreachable: the controller has not seen the Rollout. UsageError: it has no new version.
    """
    if options.pinned is not None:
        return Pair(control=options.pinned.control, treatment=options.pinned.treatment)
    name, seen = options.rollout, status(rollout)
    if not seen.get("currentPodHash") or not is_observed(rollout):
        raise Unreachable(f"the Rollouts controller has not looked at {name} as it is now; try again")
    if seen["currentPodHash"] == seen.get("stableRS") or not seen.get("stableRS"):
        raise UsageError(
            f"{name} has nothing to release: its template is the stable version; change it, then launch"
        )
    return Pair(control=str(seen["stableRS"]), treatment=str(seen["currentPodHash"]))


def is_observed(rollout: Manifest) -> bool:
    """Whether the status is about the manifest, and the workload it refers to, as they are now."""
    seen, meta = status(rollout), rollout["metadata"]
    if seen.get("observedGeneration") != str(meta.get("generation")):
        return False
    workload = meta.get("annotations", {}).get(WORKLOAD_GENERATION)
    return workload is None or seen.get("workloadObservedGeneration") == workload


def invalid(rollout: Manifest) -> str:
    """Why the controller does nothing with the Rollout; empty where it does."""
    for condition in status(rollout).get("conditions") or ():
        if condition["type"] == "InvalidSpec" and condition["status"] == "True":
            return str(condition.get("message") or "its specification is invalid")
    return ""


def stopped_by(rollout: Manifest) -> str:
    """Why nobody may move the release on; empty where nothing is in the way."""
    seen = status(rollout)
    foreign = [
        each["reason"] for each in seen.get("pauseConditions") or () if each["reason"] not in OWN_PAUSES
    ]
    if seen.get("abort"):
        return "it was aborted"
    if rollout["spec"].get("paused"):
        return "it is paused (spec.paused)"
    return f"it is paused ({', '.join(foreign)})" if foreign else ""


def ended(rollout: Manifest, compared: Pair) -> str:
    """What ended the release on the Rollout itself; empty while it goes on."""
    seen, name = status(rollout), rollout["metadata"]["name"]
    current, stable = seen.get("currentPodHash"), seen.get("stableRS")
    if not stable:
        return f"the Rollout {name} was made anew"
    if stable == compared.treatment:
        return f"the Rollout {name} was promoted"
    if stable != compared.control:
        return f"another version of the Rollout {name} was promoted ({stable})"
    if current == compared.control:
        return f"the template of the Rollout {name} was reverted"
    if current != compared.treatment:
        return f"the template of the Rollout {name} was changed (now {current})"
    return f"the Rollout {name} was aborted" if seen.get("abort") else ""


def weights(
    rollout: Manifest,
    compared: Pair,
    control: Instances,
    treatment: Instances,
    visitors: Visitors = NOBODY,
) -> Weights:
    """The split, of visitors where a header route divides them; what control lacks is the treatment's."""
    seen = status(rollout)
    if is_blue_green(rollout):
        active = seen.get("blueGreen", {}).get("activeSelector")
        return ALL_TO_CONTROL if active == compared.control else ALL_TO_TREATMENT
    routed = seen.get("canary", {}).get("weights")
    if rungs.is_routed(rollout) and routed:
        return _routed(rollout, compared, visitors.given_pct)
    if (
        not rungs.is_routed(rollout)
        and (share_pct := _share_of_pods(rollout, control, treatment)) is not None
    ):
        return Weights.of(share_pct)
    return ALL_TO_CONTROL if seen.get("stableRS") == compared.control else ALL_TO_TREATMENT


def _routed(rollout: Manifest, compared: Pair, given_pct: int) -> Weights:
    kept, most = _kept_by_control(rollout, compared), rungs.most_weight(rollout)
    # Any traffic that control lacks shows, and control is never said to have all of it too early.
    return Weights.of(100 - (100 - given_pct) * min(kept, most) // most)


def _kept_by_control(rollout: Manifest, compared: Pair) -> int:
    """What routers give to control, as a weight; nothing where no router says weights."""
    routed = status(rollout).get("canary", {}).get("weights") or {}
    parts = (routed.get("canary") or {}, routed.get("stable") or {}, *(routed.get("additional") or ()))
    return equal_arms.baseline_weight(rollout) + sum(
        int(part.get("weight") or 0) for part in parts if part.get("podTemplateHash") == compared.control
    )


def _is_being_promoted(rollout: Manifest, compared: Pair) -> bool:
    """Whether weights still have to move: the controller calls the new version stable before that."""
    seen = status(rollout)
    is_new = seen.get("stableRS") == seen.get("currentPodHash") == compared.treatment
    return is_new and _kept_by_control(rollout, compared) > 0


def _share_of_pods(rollout: Manifest, control: Instances, treatment: Instances) -> int | None:
    """The treatment's percent where pods share the load; None while no pod can serve.

    A Rollout that rests at a rung counts as being there, however few pods make the share coarse.
    """
    try:
        rung = rungs.resting_on(rollout, rungs.ladder(rollout))
    except UsageError:
        rung = None
    if rung is not None:
        return rung.treatment_pct
    serving = control.ready + treatment.ready
    return round(100 * treatment.ready / serving) if serving else None


def version(rollout: Manifest, visitors: Visitors = NOBODY) -> str:
    """Changes with the split and with whatever moves it; not with replicas, annotations or other fields."""
    seen = status(rollout)
    shares: Any = seen.get("canary", {}).get("weights") or {}
    moving: dict[str, Any] = {
        "current": seen.get("currentPodHash"),
        "stable": seen.get("stableRS"),
        "active": seen.get("blueGreen", {}).get("activeSelector"),
        "weights": [shares.get(part, {}).get("weight") for part in ("canary", "stable")],
        "aborted": bool(seen.get("abort")),
        "paused": bool(rollout["spec"].get("paused")),
        "visitors": visitors.given_pct,
    }
    if shares.get("additional"):
        moving["additional"] = [[part["serviceName"], part["weight"]] for part in shares["additional"]]
    if not seen.get("abort"):
        moving |= {
            "step": seen.get("currentStepIndex"),
            "steps": seen.get("currentStepHash"),
            "promoting": bool(seen.get("promoteFull")),
            "reasons": sorted(each["reason"] for each in seen.get("pauseConditions") or ()),
        }
    return fingerprint(moving)


def fingerprint(value: Manifest) -> str:
    """Tells whether something is as it was."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


def health(instances: Instances, pod_hash: str) -> Health:
    """Whether one version can serve; scaled to zero it can, as soon as the controller wants it to."""
    replica_set = instances.replica_set
    if replica_set is None:
        return Health(ready=False, ready_since_s=None, detail=f"its ReplicaSet ({pod_hash}) is gone")
    wanted = int(replica_set["spec"].get("replicas", 1))
    if wanted == 0:
        return Health(ready=True, ready_since_s=of.epoch_s(replica_set["metadata"]["creationTimestamp"]))
    return of.health(instances.pods, wanted)


def state(
    rollout: Manifest,
    compared: Pair,
    control: Instances,
    treatment: Instances,
    visitors: Visitors = NOBODY,
    baseline: tuple[Manifest, ...] = (),
) -> TargetState:
    """All that an observation says. `baseline`: its pods, where the step has one."""
    is_whole, is_compared = not equal_arms.is_at_baseline(rollout), equal_arms.is_compared(rollout)
    all_of_control = health(control, compared.control)
    return TargetState(
        weights=weights(rollout, compared, control, treatment, visitors),
        control=all_of_control if is_whole else equal_arms.control_health(all_of_control, rollout, baseline),
        treatment=health(treatment, compared.treatment),
        version=version(rollout, visitors),
        ended="" if _is_being_promoted(rollout, compared) else ended(rollout, compared),
        exact=is_blue_green(rollout)
        or (rungs.is_routed(rollout) and (is_whole or is_compared) and not visitors.are_moving),
        compared=Weights.of(50) if is_compared else None,
        counts_control=not (is_whole and rungs.compares_equal_arms(rollout)),
    )
