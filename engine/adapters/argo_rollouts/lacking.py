"""What keeps a Rollout from being where it was sent: for whoever waits for that. Pure."""

from engine.adapters.argo_rollouts import reading, rungs
from engine.adapters.argo_rollouts.reading import Instances, Pair
from engine.adapters.argo_rollouts.visitors import NOBODY, Visitors
from engine.adapters.kubernetes.cluster import Manifest
from engine.core.target import ALL_TO_TREATMENT, Weights

_UNSEEN = Instances(replica_set=None, pods=())


def lacking(
    rollout: Manifest, compared: Pair, weights: Weights, *, ends: bool, visitors: Visitors = NOBODY
) -> str:
    """Empty once the Rollout is there and at rest, else what is seen. `ends`: aborted, or reverted."""
    name, seen = rollout["metadata"]["name"], reading.status(rollout)
    if ends:
        is_there = _is_back(rollout, compared)
    elif weights == ALL_TO_TREATMENT:
        is_there = _is_given(rollout, compared)
    elif reading.is_blue_green(rollout):
        is_there = True
    else:
        is_there = _is_on_rung(rollout, weights.treatment, visitors)
    if is_there and (not _says_weights(rollout) or _split(rollout, compared, visitors) == weights):
        return ""
    said = seen.get("message") or seen.get("phase") or "its controller says nothing"
    return f"{name} is on its way to {weights} (control/treatment): {said}"


def _says_weights(rollout: Manifest) -> bool:
    return reading.is_blue_green(rollout) or rungs.is_routed(rollout)


def _split(rollout: Manifest, compared: Pair, visitors: Visitors) -> Weights:
    return reading.weights(rollout, compared, _UNSEEN, _UNSEEN, visitors)


def _is_back(rollout: Manifest, compared: Pair) -> bool:
    seen = reading.status(rollout)
    is_reverted = seen.get("currentPodHash") == compared.control and reading.is_observed(rollout)
    is_aborted = bool(seen.get("abort")) and not seen.get("promoteFull") and not seen.get("pauseConditions")
    return seen.get("stableRS") == compared.control and (is_reverted or is_aborted)


def _is_given(rollout: Manifest, compared: Pair) -> bool:
    """Blue and green may still be watched by an analysis of the Rollout's own after the switch."""
    strategy, seen = rollout["spec"]["strategy"], reading.status(rollout)
    if (strategy.get("blueGreen") or {}).get("postPromotionAnalysis"):
        return bool(seen.get("blueGreen", {}).get("activeSelector") == compared.treatment)
    return bool(seen.get("stableRS") == compared.treatment) and not seen.get("promoteFull")


def _is_on_rung(rollout: Manifest, treatment_pct: int, visitors: Visitors) -> bool:
    resting = rungs.resting_on(rollout, rungs.ladder(rollout, visitors.declared_pct))
    return resting is not None and resting.treatment_pct == treatment_pct
