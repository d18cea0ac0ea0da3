"""Whether an arm's pods can serve, and if not, what is wrong with them. Pure: manifests in, health out."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from engine.adapters.kubernetes.cluster import Manifest
from engine.core.target import Health

MOST_NAMED = 3
"""So many pods are described; more would not be read."""
_OVER = frozenset({"Succeeded", "Failed"})


def epoch_s(rfc3339: str) -> float:
    """A time of the API as epoch seconds.

    >>> epoch_s("1970-01-01T00:01:00Z")
    60.0
    """
    return datetime.fromisoformat(rfc3339).timestamp()


def alive(pods: Iterable[Manifest]) -> list[Manifest]:
    """The pods that are to go on serving, by name."""
    kept = (
        pod
        for pod in pods
        if "deletionTimestamp" not in pod["metadata"] and pod.get("status", {}).get("phase") not in _OVER
    )
    return sorted(kept, key=lambda pod: str(pod["metadata"]["name"]))


def ready_since_s(pod: Manifest) -> float | None:
    """When a pod became ready, None when it is not."""
    for condition in pod.get("status", {}).get("conditions", ()):
        if condition["type"] == "Ready" and condition["status"] == "True":
            return epoch_s(condition["lastTransitionTime"])
    return None


def health(pods: Iterable[Manifest], desired: int | None = None) -> Health:
    """An arm whose every desired pod must be ready; it serves since the last of them became so.

    Args:
        pods: all of the arm's version, also those that are about to go.
        desired: how many there should be; by default as many as there are, and at least one.
    """
    known = alive(pods)
    wanted = max(1, len(known)) if desired is None else desired
    since = [since_s for pod in known if (since_s := ready_since_s(pod)) is not None]
    if wanted > 0 and len(since) >= wanted:
        return Health(ready=True, ready_since_s=max(since))
    return Health(ready=False, ready_since_s=None, detail=shortage(known, wanted))


def shortage(pods: Iterable[Manifest], wanted: int) -> str:
    """How many pods are ready, and what is wrong with the first that are not."""
    known = alive(pods)
    waiting = [pod for pod in known if ready_since_s(pod) is None]
    wrong = [f"{pod['metadata']['name']} {trouble(pod)}" for pod in waiting[:MOST_NAMED]]
    if len(waiting) > MOST_NAMED:
        wrong.append(f"{len(waiting) - MOST_NAMED} more")
    counted = f"{len(known) - len(waiting)} of {wanted} pods ready"
    return f"{counted}: {', '.join(wrong)}" if wrong else counted


def trouble(pod: Manifest) -> str:
    """Why a pod is not ready, in the words of its containers, or else of its conditions.

    >>> trouble({"status": {"containerStatuses": [{"state": {"waiting": {"reason": "ErrImagePull"}}}]}})
    'ErrImagePull'
    """
    status = pod.get("status", {})
    reported = (
        *status.get("initContainerStatuses", ()),
        *status.get("containerStatuses", ()),
    )
    said = [text for each in reported for text in _said_of(each)]
    unmet = [
        text
        for condition in status.get("conditions", ())
        if condition["status"] != "True"
        if (text := _joined(condition.get("reason", ""), condition.get("message", "")))
    ]
    return (*said, *unmet, "is not ready yet")[0]


def _said_of(container: Manifest) -> Iterator[str]:
    """What is wrong with one container, if anything is."""
    state, before = container.get("state", {}), container.get("lastState", {})
    if "waiting" in state:
        ended = before.get("terminated", {})
        code = f"exit code {ended['exitCode']}" if "exitCode" in ended else ""
        yield _joined(state["waiting"].get("reason", ""), code or state["waiting"].get("message", ""))
    elif state.get("terminated", {}).get("exitCode"):
        ended = state["terminated"]
        yield _joined(ended.get("reason", ""), f"exit code {ended['exitCode']}")


def _joined(reason: str, detail: str) -> str:
    return ": ".join(part for part in (reason, detail) if part)
