"""The ladder that a canary's `steps` are: the shares at which the controller waits to be told more. Pure.

Steps are read, never written: the controller starts a release anew when they change.
"""

from dataclasses import dataclass
from typing import Any

from engine.adapters.argo_rollouts.kinds import CANARY_PAUSE
from engine.adapters.kubernetes.cluster import Manifest
from engine.errors import UsageError

_PART_OF_A_LADDER = frozenset({"setWeight", "pause", "setCanaryScale"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """A share of the treatment, and the index of the pause at which the Rollout has it."""

    index: int
    treatment_pct: int


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


def ladder(rollout: Manifest) -> tuple[Rung, ...]:
    """The rungs, lowest first.

    >>> steps = [{"setWeight": 0}, {"pause": {}}, {"setWeight": 20}, {"pause": {}}]
    >>> [rung.treatment_pct for rung in ladder({"spec": {"strategy": {"canary": {"steps": steps}}}})]
    [0, 20]

    Raises:
        UsageError: the steps are no ladder; says why.
    """
    rungs: list[Rung] = []
    weight = 0
    steps: list[dict[str, Any]] = canary(rollout).get("steps") or []
    for index, step in enumerate(steps):
        (kind,) = step or {"an empty step": None}
        if kind not in _PART_OF_A_LADDER:
            raise UsageError(f"step {index + 1} is {kind}, which moves on by itself")
        if kind == "setWeight":
            weight = int(step[kind])
        elif kind == "pause":
            if (step[kind] or {}).get("duration") is not None:
                raise UsageError(f"the pause at step {index + 1} ends by itself")
            rungs.append(_rung(index, weight, most_weight(rollout)))
    _must_begin_and_end_at_rest(rungs, len(steps))
    return tuple(rungs)


def _rung(index: int, weight: int, most: int) -> Rung:
    share_pct, rest = divmod(100 * weight, most)
    if rest:
        raise UsageError(f"the weight {weight} of {most} before step {index + 1} is no whole percent")
    return Rung(index=index, treatment_pct=share_pct)


def _must_begin_and_end_at_rest(rungs: list[Rung], steps: int) -> None:
    shares = [rung.treatment_pct for rung in rungs]
    if not rungs or shares[0] > 0:
        raise UsageError("a new template gets traffic at once, before the first indefinite pause")
    if rungs[-1].index != steps - 1:
        raise UsageError("the last step is no indefinite pause, so the Rollout promotes by itself")
    if sorted(set(shares)) != shares:
        raise UsageError(f"the weights {', '.join(map(str, shares))} do not rise with every pause")


def resting_on(rollout: Manifest, rungs: tuple[Rung, ...]) -> Rung | None:
    """The rung at which the controller waits, None while it moves or does not climb at all."""
    status = rollout.get("status") or {}
    reasons = {each["reason"] for each in status.get("pauseConditions") or ()}
    index = status.get("currentStepIndex")
    if CANARY_PAUSE not in reasons or status.get("abort"):
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
    return next((rung for rung in rungs if rung.index >= index + is_leaving), None)
