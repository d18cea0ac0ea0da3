"""The ladder that a canary's `steps` are: the shares at which the controller waits to be told more. Pure.

Steps are read, never written: the controller starts a release anew when they change.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engine.adapters.argo_rollouts import equal_arms, visitors
from engine.adapters.argo_rollouts.kinds import CANARY_PAUSE
from engine.adapters.argo_rollouts.visitors import Visitors
from engine.adapters.kubernetes.cluster import Manifest
from engine.errors import UsageError

_PART_OF_A_LADDER = frozenset({"setWeight", "pause", "setCanaryScale", "setHeaderRoute", "experiment"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """A share of the treatment, and the index of the step at which the Rollout waits with it.

    `enter` is the step from which on the controller gets there from anywhere: the pause itself where weights
    say the share, the first step after the pause before where a header route does, and the weight before a
    step that starts a baseline.
    """

    index: int
    treatment_pct: int
    enter: int


def canary(rollout: Manifest) -> Manifest:
    """The canary part of a Rollout's strategy; empty where it is of another kind."""
    found: Manifest = rollout["spec"].get("strategy", {}).get("canary") or {}
    return found


def is_routed(rollout: Manifest) -> bool:
    """Whether a router divides requests by weight; without one shares are those of the pods."""
    return bool(canary(rollout).get("trafficRouting"))


def most_weight(rollout: Manifest) -> int:
    """The number in `setWeight` that means all traffic."""
    routing = canary(rollout).get("trafficRouting") or {}
    return int(routing.get("maxTrafficWeight") or 100)


def by_header(rollout: Manifest) -> bool:
    """Whether header routes, not weights, say who gets the treatment."""
    return visitors.route_name(canary(rollout).get("steps") or []) is not None


def compares_equal_arms(rollout: Manifest) -> bool:
    """Whether the treatment is compared with a baseline of its own size."""
    return equal_arms.is_used(canary(rollout))


def visitors_of(rollout: Manifest, virtual: Sequence[Manifest], declared_pct: int | None) -> Visitors:
    """Who has the treatment by header routes, from the VirtualServices that the controller writes.

    While it promotes fully it takes the routes away first, and moves everybody later: so long it counts as
    the treatment's what control may lack.

    Raises:
        Unreachable: nobody can tell. UsageError: the steps are no ladder.
    """
    given_pct = visitors.given_pct(canary(rollout), virtual, declared_pct)
    are_moving = _is_moving_everybody(rollout.get("status") or {})
    if are_moving:
        given_pct = max(given_pct, ladder(rollout, declared_pct)[-1].treatment_pct)
    return Visitors(declared_pct=declared_pct, given_pct=given_pct, are_moving=are_moving)


def _is_moving_everybody(status: Manifest) -> bool:
    """Whether a full promotion is under way: asked for, or done but for the weights of the version before."""
    if status.get("stableRS") != status.get("currentPodHash"):
        return bool(status.get("promoteFull"))
    kept = ((status.get("canary") or {}).get("weights") or {}).get("stable") or {}
    return bool(kept.get("weight")) and kept.get("podTemplateHash") != status.get("stableRS")


def ladder(rollout: Manifest, declared_pct: int | None = None) -> tuple[Rung, ...]:
    """The rungs, lowest first; `declared_pct` as in `Visitors`.

    >>> steps = [{"setWeight": 0}, {"pause": {}}, {"setWeight": 20}, {"pause": {}}]
    >>> [rung.treatment_pct for rung in ladder({"spec": {"strategy": {"canary": {"steps": steps}}}})]
    [0, 20]

    Raises:
        UsageError: the steps are no ladder; says why.
    """
    steps: list[dict[str, Any]] = canary(rollout).get("steps") or []
    pauses = _pauses(steps, most_weight(rollout))
    if by_header(rollout):
        rungs = _of_visitors(rollout, pauses, declared_pct)
    elif declared_pct is not None:
        raise UsageError("an audience is declared, but the steps set no header route for it")
    else:
        rungs = _of_equal_arms(rollout) if compares_equal_arms(rollout) else pauses
    _must_begin_at_rest_and_rise(rungs)
    if pauses[-1].index != len(steps) - 1:
        raise UsageError("the last step is no indefinite pause, so the Rollout promotes by itself")
    return tuple(rungs)


def _pauses(steps: Sequence[Manifest], most: int) -> list[Rung]:
    """The rungs of a ladder of weights."""
    pauses: list[Rung] = []
    weight = 0
    for index, step in enumerate(steps):
        (kind,) = step or {"an empty step": None}
        if kind not in _PART_OF_A_LADDER:
            raise UsageError(f"step {index + 1} is {kind}, which moves on by itself")
        if kind == "setWeight":
            weight = int(step[kind])
        elif kind == "pause":
            if (step[kind] or {}).get("duration") is not None:
                raise UsageError(f"the pause at step {index + 1} ends by itself")
            pauses.append(_rung(index, weight, most))
    return pauses


def _of_equal_arms(rollout: Manifest) -> list[Rung]:
    """The rungs at which a baseline runs, and the one without traffic before them."""
    most = most_weight(rollout)
    places = equal_arms.places(rollout["metadata"]["name"], canary(rollout), most)
    return [_rung(place.index, place.weight, most, enter=place.enter) for place in places]


def _of_visitors(rollout: Manifest, pauses: list[Rung], declared_pct: int | None) -> list[Rung]:
    """The rungs of header routes, from those of weights that give nothing."""
    if not (canary(rollout).get("trafficRouting") or {}).get("istio"):
        raise UsageError("whom a header route leads where can be read back from Istio's VirtualServices only")
    if compares_equal_arms(rollout):
        raise UsageError("the steps set header routes and start experiments; only weights can be equal")
    if any(pause.treatment_pct for pause in pauses):
        raise UsageError("the steps set header routes and weights above 0; one says who gets the treatment")
    indices = [pause.index for pause in pauses]
    shares = visitors.shares_pct(canary(rollout)["steps"], indices, declared_pct)
    starts = [0, *(index + 1 for index in indices)]
    return [
        Rung(index=index, treatment_pct=share_pct, enter=start)
        for index, share_pct, start in zip(indices, shares, starts, strict=False)
    ]


def _rung(index: int, weight: int, most: int, enter: int | None = None) -> Rung:
    share_pct, rest = divmod(100 * weight, most)
    if rest:
        raise UsageError(f"the weight {weight} of {most} before step {index + 1} is no whole percent")
    return Rung(index=index, treatment_pct=share_pct, enter=index if enter is None else enter)


def _must_begin_at_rest_and_rise(rungs: list[Rung]) -> None:
    shares = [rung.treatment_pct for rung in rungs]
    if not rungs or shares[0] > 0:
        raise UsageError("a new template gets traffic at once, before the first indefinite pause")
    if sorted(set(shares)) != shares:
        raise UsageError(f"the shares {', '.join(map(str, shares))} do not rise with every pause")


def resting_on(rollout: Manifest, rungs: tuple[Rung, ...]) -> Rung | None:
    """The rung at which the controller waits, None while it moves or does not climb at all."""
    status = rollout.get("status") or {}
    reasons = {each["reason"] for each in status.get("pauseConditions") or ()}
    index = status.get("currentStepIndex")
    is_at_rest = CANARY_PAUSE in reasons
    if equal_arms.is_at_baseline(rollout):
        is_at_rest = equal_arms.is_compared(rollout)
    if not is_at_rest or status.get("abort"):
        return None
    return next((rung for rung in rungs if rung.index == index), None)


def heading_for(rollout: Manifest, rungs: tuple[Rung, ...]) -> Rung | None:
    """The rung at which the controller waits, or will wait when nobody does anything."""
    status = rollout.get("status") or {}
    if status.get("abort") or status.get("promoteFull"):
        return None
    index = int(status.get("currentStepIndex") or 0)
    # The pause at which it was is over: somebody ended it, and the controller has not moved on yet.
    is_leaving = bool(status.get("controllerPause")) and not status.get("pauseConditions")
    steps = canary(rollout).get("steps") or []
    waiting = (place for place, step in enumerate(steps) if "pause" in step or "experiment" in step)
    stop = next((place for place in waiting if place >= index + is_leaving), None)
    return next((rung for rung in rungs if rung.index == stop), None)
