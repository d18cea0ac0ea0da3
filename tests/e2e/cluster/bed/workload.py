"""What a pod says about itself, and what its status becomes. Pure.

Knobs are environment variables of the first container: `SERVICE` and `VERSION` (else the label `app` and the
image's tag), `SETTINGS` (JSON, `engine.local.settings`), `EXIT_AFTER_S` and `EXIT_CODE` (crashes, jobs). An
image with the tag `missing` cannot be pulled.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from tests.e2e.cluster.bed.layout import NODE_IP

Object = dict[str, Any]
PORT = 8080


class Stage(StrEnum):
    """Where a pod's process is."""

    NO_IMAGE = "no_image"
    STARTING = "starting"
    READY = "ready"
    NOT_READY = "not_ready"
    CRASHED = "crashed"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What there is to tell about a pod's process.

    Attributes:
        changed_at: when the stage was entered, in the API's form; likewise `started_at`.
        exit_code: of the last process that ended; -1 before one did.
    """

    stage: Stage
    address: str
    changed_at: str
    started_at: str
    restarts: int = 0
    exit_code: int = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """What to start for a pod; `exit_after_s` below zero is never."""

    service: str
    version: str
    port: int
    settings: str
    exit_after_s: float
    exit_code: int
    missing: bool
    once: bool


def workload(pod: Object) -> Workload:
    """Read a pod."""
    container = pod["spec"]["containers"][0]
    env = {variable["name"]: variable.get("value", "") for variable in container.get("env", ())}
    labels = pod["metadata"].get("labels", {})
    ports = [port["containerPort"] for port in container.get("ports", ())]
    own = labels.get("app") or labels.get("serving.knative.dev/service") or pod["metadata"]["name"]
    tag = container["image"].rpartition(":")[2]
    return Workload(
        service=env.get("SERVICE", own),
        version=env.get("VERSION", tag),
        port=ports[0] if ports else PORT,
        settings=env.get("SETTINGS", "{}"),
        exit_after_s=float(env.get("EXIT_AFTER_S", "-1")),
        exit_code=int(env.get("EXIT_CODE", "1")),
        missing=tag == "missing",
        once=pod["spec"].get("restartPolicy", "Always") != "Always",
    )


def is_ready(pod: Object) -> bool:
    """Whether a pod serves, and is to go on doing so."""
    conditions = pod.get("status", {}).get("conditions", ())
    ready = any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)
    return ready and "deletionTimestamp" not in pod["metadata"]


def status(pod: Object, facts: Facts) -> Object:
    """The pod's status as a kubelet would report it."""
    ready = facts.stage is Stage.READY
    over = facts.stage in (Stage.SUCCEEDED, Stage.FAILED)
    running = facts.stage in (Stage.STARTING, Stage.READY, Stage.NOT_READY, Stage.CRASHED)
    phase = facts.stage.value.capitalize() if over else ("Running" if running else "Pending")
    return {
        "phase": phase,
        "hostIP": NODE_IP,
        "podIP": facts.address,
        "podIPs": [{"ip": facts.address}],
        "startTime": facts.started_at,
        "conditions": [
            _condition("PodScheduled", True, facts.started_at),
            _condition("Initialized", True, facts.started_at),
            _condition("ContainersReady", ready, facts.changed_at),
            _condition("Ready", ready, facts.changed_at),
        ],
        "containerStatuses": [_container(c, facts) for c in pod["spec"]["containers"]],
    }


def _condition(kind: str, holds: bool, since: str) -> Object:
    return {"type": kind, "status": str(holds), "lastTransitionTime": since}


def _container(container: Object, facts: Facts) -> Object:
    alive = facts.stage in (Stage.STARTING, Stage.READY, Stage.NOT_READY)
    ended = {
        "exitCode": max(facts.exit_code, 0),
        "reason": "Completed" if facts.exit_code == 0 else "Error",
        "startedAt": facts.started_at,
        "finishedAt": facts.changed_at,
    }
    match facts.stage:
        case Stage.NO_IMAGE:
            state: Object = {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}
        case Stage.CRASHED:
            state = {"waiting": {"reason": "CrashLoopBackOff", "message": "the process ended"}}
        case Stage.SUCCEEDED | Stage.FAILED:
            state = {"terminated": ended}
        case _:
            state = {"running": {"startedAt": facts.started_at}}
    return {
        "name": container["name"],
        "image": container["image"],
        "imageID": container["image"],
        "ready": facts.stage is Stage.READY,
        "started": alive,
        "restartCount": facts.restarts,
        "state": state,
        "lastState": {"terminated": ended} if facts.restarts else {},
    }
