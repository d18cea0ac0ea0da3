"""Asks the API server for experiments, and writes commands on them as annotations. Draws nothing."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from engine.adapters.kubernetes import client
from engine.adapters.kubernetes.cluster import REVIEWS_OF_ONESELF, Cluster, Manifest, NotThere
from engine.controller.resource import BY, COMMAND, EXPERIMENTS, REASON, TREATMENT
from engine.core.events import Verb
from engine.core.run import Phase
from engine.errors import Unreachable, UsageError

_POLL_S = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came of a command."""

    done: bool
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """The experiments of one namespace of a cluster."""

    cluster: Cluster
    namespace: str

    @classmethod
    def to(cls, context: str | None, namespace: str) -> Self:
        """The namespace, else the one of the context. UsageError when no such cluster is configured."""
        return cls(cluster=client.connect(context), namespace=namespace or client.namespace_of(context))

    def all(self, *, everywhere: bool) -> list[Manifest]:
        """The experiments, by namespace and name."""
        found = [
            _shown(each) for each in self.cluster.find(EXPERIMENTS, "" if everywhere else self.namespace, {})
        ]
        return sorted(found, key=lambda each: (each["metadata"]["namespace"], each["metadata"]["name"]))

    def one(self, name: str) -> Manifest:
        """One experiment. UsageError when there is none of this name."""
        try:
            return _shown(self.cluster.get(EXPERIMENTS, self.namespace, name))
        except NotThere as error:
            msg = (
                f"there is no ReleaseExperiment {name} in namespace {self.namespace}; "
                "`rampwise rx list -A` shows all there are"
            )
            raise UsageError(msg) from error

    def ask(self, name: str, verb: Verb, reason: str, treatment: str, within_s: float) -> Answer:
        """Write the command, and wait until the controller has answered it.

        Raises:
            UsageError: there is no such experiment, it has ended, or another command waits on it.
            Unreachable: the API server gives no answer, or refuses; says which right is missing.
        """
        before = self.one(name)
        _require_open(before, name)
        number = _number(before)
        notes = {COMMAND: verb.value, REASON: reason, TREATMENT: treatment or None, BY: self._who()}
        body = {"metadata": {"resourceVersion": before["metadata"]["resourceVersion"], "annotations": notes}}
        self.cluster.patch(EXPERIMENTS, self.namespace, name, body)
        until_s = time.monotonic() + within_s
        while True:
            now = self.one(name)
            if _number(now) > number:
                return _answer(now, verb)
            if time.monotonic() > until_s:
                return _unanswered(now, verb, within_s)
            time.sleep(_POLL_S)

    def _who(self) -> str | None:
        """The user as the API server knows them, None where it does not tell."""
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
        try:
            review = self.cluster.create(REVIEWS_OF_ONESELF, "", body)
        except Unreachable:
            return None
        return str(review["status"]["userInfo"].get("username", "")) or None


def _shown(manifest: Manifest) -> Manifest:
    """Without what only controllers read."""
    return {
        **manifest,
        "metadata": {key: each for key, each in manifest["metadata"].items() if key != "managedFields"},
    }


def _status(manifest: Manifest) -> Mapping[str, Any]:
    return manifest.get("status") or {}


def _number(manifest: Manifest) -> int:
    return int(_status(manifest).get("command", {}).get("number", 0))


def _require_open(manifest: Manifest, name: str) -> None:
    status = _status(manifest)
    phase = status.get("phase", Phase.PENDING.value)
    if phase == Phase.PENDING.value:
        msg = f"{name} has not started: {status.get('reason') or 'no controller has looked at it yet'}"
        raise UsageError(msg)
    if Phase(phase).ended:
        msg = f"{name} has ended, {phase}; there is nothing to do"
        raise UsageError(msg)
    waiting = (manifest["metadata"].get("annotations") or {}).get(COMMAND)
    if waiting is not None:
        msg = f"{name}: the command {waiting!r} waits for the controller; try again when it is answered"
        raise UsageError(msg)


def _answer(manifest: Manifest, verb: Verb) -> Answer:
    status = _status(manifest)
    command, name = status["command"], manifest["metadata"]["name"]
    if command["refused"]:
        return Answer(done=False, text=f"{name}: {verb.value} was refused: {command['refused']}")
    return Answer(done=True, text=f"{name}: {status['phase']} at {status['weights']}. {status['reason']}")


def _unanswered(manifest: Manifest, verb: Verb, within_s: float) -> Answer:
    name = manifest["metadata"]["name"]
    if COMMAND in (manifest["metadata"].get("annotations") or {}):
        text = "no controller has taken it; it waits on the object. Does one run? `kubectl get lease -A`"
    else:
        text = f"the controller has it, and will do it; `rampwise rx status {name}` shows when"
    return Answer(done=False, text=f"{name}: {verb.value} was not answered within {within_s:g} s: {text}")
