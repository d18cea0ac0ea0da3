"""What to send so that a Rollout gets somewhere, or why it must not be sent. Pure.

Every patch is absolute, and rests on the manifest as it was read; only an abort rests on nothing, because
taking traffic away is never blocked.
"""

from engine.adapters.argo_rollouts import equal_arms, reading, rungs, templates
from engine.adapters.argo_rollouts.kinds import BLUE_GREEN_PAUSE
from engine.adapters.argo_rollouts.reading import Pair
from engine.adapters.argo_rollouts.visitors import NOBODY, Visitors
from engine.adapters.kubernetes.cluster import Manifest
from engine.core.target import ALL_TO_CONTROL, ALL_TO_TREATMENT, Weights
from engine.errors import UsageError


def give(rollout: Manifest, compared: Pair, weights: Weights, visitors: Visitors = NOBODY) -> Manifest | None:
    """A patch of the status that leads to these weights, None while the controller is on its way there.

    Without a share the treatment waits, at the first rung or before the switch; that ends nothing.

    Raises:
        UsageError: the Rollout is not to be moved, or cannot be put there.
    """
    name = rollout["metadata"]["name"]
    if why := _in_the_way(rollout, compared):
        raise UsageError(f"{name} gets no more traffic: {why}")
    if weights == ALL_TO_TREATMENT:
        return _switch(rollout) if reading.is_blue_green(rollout) else _promote_fully(rollout)
    if reading.is_blue_green(rollout):
        if weights == ALL_TO_CONTROL:
            return None
        raise UsageError(f"{name} switches between two colours; it cannot be at {weights}")
    return _climb(rollout, weights.treatment, visitors)


def abort(rollout: Manifest) -> Manifest | None:
    """A patch of the status that gives everything back to the stable version, None where that was sent."""
    seen = reading.status(rollout)
    if seen.get("abort") and not seen.get("promoteFull"):
        return None
    # The controller takes an abort back while it promotes fully.
    return {"status": {"abort": True, "promoteFull": False}}


def revert(owner: Manifest, replica_set: Manifest) -> Manifest | None:
    """A patch of a Rollout or Deployment back to a version's template, None where it has it."""
    before, after = owner["spec"]["template"], templates.template_of(replica_set)
    if before == after:
        return None
    return {**_resting_on(owner), "spec": {"template": templates.change(before, after)}}


def hurry(rollout: Manifest, compared: Pair) -> Manifest | None:
    """A patch of the status that gives everything to control, once the controller releases that again.

    Reverted, a Rollout may stop at its first pause, although control's pods are still there.
    """
    current = reading.status(rollout).get("currentPodHash")
    return _promote_fully(rollout) if current == compared.control and reading.is_observed(rollout) else None


def _in_the_way(rollout: Manifest, compared: Pair) -> str:
    seen = reading.status(rollout)
    if invalid := reading.invalid(rollout):
        return f"the controller takes it for invalid: {invalid}"
    if not reading.is_observed(rollout):
        return "its controller has not looked at the latest change yet"
    if seen.get("stableRS") == seen.get("currentPodHash") == compared.treatment:
        return ""
    return reading.stopped_by(rollout) or reading.ended(rollout, compared)


def _promote_fully(rollout: Manifest) -> Manifest | None:
    seen = reading.status(rollout)
    if seen.get("promoteFull") or seen.get("currentPodHash") == seen.get("stableRS"):
        return None
    return {**_resting_on(rollout), "status": {"promoteFull": True}}


def _switch(rollout: Manifest) -> Manifest | None:
    """The end of the pause before the switch; None before the new colour is ready, and after the switch."""
    seen = reading.status(rollout)
    is_active = seen.get("blueGreen", {}).get("activeSelector") == seen.get("currentPodHash")
    reasons = {each["reason"] for each in seen.get("pauseConditions") or ()}
    if is_active or BLUE_GREEN_PAUSE not in reasons:
        return None
    return {**_resting_on(rollout), "status": {"pauseConditions": None}}


def _climb(rollout: Manifest, treatment_pct: int, visitors: Visitors) -> Manifest | None:
    ladder = rungs.ladder(rollout, visitors.declared_pct)
    wanted = next((rung for rung in ladder if rung.treatment_pct == treatment_pct), None)
    if wanted is None or reading.status(rollout).get("stableRS") == reading.status(rollout).get(
        "currentPodHash"
    ):
        shares = ", ".join(f"{rung.treatment_pct} %" for rung in ladder)
        raise UsageError(f"{rollout['metadata']['name']} cannot be at {treatment_pct} %, only at {shares}")
    resting = rungs.resting_on(rollout, ladder)
    # The controller takes a header route away while no pod is available, and does not set it again by itself.
    is_lost = resting == wanted and rungs.by_header(rollout) and visitors.given_pct != treatment_pct
    if rungs.heading_for(rollout, ladder) == wanted and not is_lost:
        return None
    has_baseline = equal_arms.has_baseline(rollout)
    # Ending the pause lets the controller hold the present share until all pods of the next one are ready.
    if resting is not None and ladder.index(resting) + 1 == ladder.index(wanted) and not has_baseline:
        return {**_resting_on(rollout), "status": {"pauseConditions": None}}
    # From baseline to baseline, its pods stay.
    step = wanted.index if has_baseline else wanted.enter
    jump = {"pauseConditions": None, "controllerPause": False, "currentStepIndex": step}
    return {**_resting_on(rollout), "status": jump}


def _resting_on(manifest: Manifest) -> Manifest:
    return {"metadata": {"resourceVersion": manifest["metadata"]["resourceVersion"]}}
