"""Shows runs on their objects: the status, which is made from the log, and Kubernetes events.

It decides nothing.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog

from analysis import evaluate
from engine.adapters.kubernetes.cluster import EVENTS, Cluster, Manifest, NotThere, PatchKind
from engine.controller import status as statuses
from engine.controller.crd import GROUP, KIND, VERSION
from engine.controller.past import Past, visible
from engine.controller.resource import EXPERIMENTS, Wanted
from engine.core.model import Experiment
from engine.core.run import Phase, Run
from engine.errors import Unreachable
from engine.ports import Clock, Store, StoredRun
from engine.wiring import load_experiment

_log = structlog.get_logger("rampwise.controller")

_MOST_MESSAGE = 1024


@dataclass(slots=True)
class _Written:
    """The status as this process wrote it, because the copy that is looked at may be one from before."""

    version: int = 0
    status: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Teller:
    """For several threads, each object by one at a time. Without an answer they raise Unreachable."""

    cluster: Cluster
    store: Store
    clock: Clock
    _pasts: dict[str, Past] = field(default_factory=dict)
    _written: dict[str, _Written] = field(default_factory=dict)
    _experiments: dict[str, Experiment] = field(default_factory=dict)

    def publish(self, wanted: Wanted, stored: StoredRun, *, awaited: bool = False) -> None:
        """Write the status of the run if the object shows another one, and tell what is new.

        `awaited`: somebody waits for what the log says, whatever it is.
        """
        phase = stored.snapshot.run.phase
        if phase.ended and shows_the_end(wanted, stored.snapshot.run.id, phase):
            return
        run = stored.snapshot.run
        experiment = self._experiments.get(run.id) or load_experiment(stored)
        self._experiments[run.id] = experiment
        evidence = evaluate.Evidence.from_plain(experiment, dict(stored.snapshot.evidence))
        verdict = evaluate.verdict(experiment, evidence)
        past = self._past(run, awaited=awaited)
        status = statuses.of_run(experiment, run, verdict, past.entries, wanted.generation)
        self._write(wanted, {**status, "command": past.command} if past.command else status)
        while past.news:
            self.tell(wanted, *past.news.pop(0))
        if run.phase.ended:
            self._experiments.pop(run.id, None)

    def refuse(self, wanted: Wanted, problem: str) -> None:
        """Write why the object cannot be launched."""
        self._write(wanted, statuses.refused(problem, wanted.generation, wanted.run_id))

    def answered(self, run_id: str) -> int:
        """The number of the latest command of this run that took effect or was refused, as published."""
        past = self._pasts.get(run_id)
        return 0 if past is None else past.answered

    def forget(self, wanted: Wanted, run_id: str) -> None:
        """The object is going; another one of its name will have another uid."""
        self._pasts.pop(run_id, None)
        self._experiments.pop(run_id, None)
        self._written.pop(wanted.uid, None)

    def tell(self, wanted: Wanted, reason: str, message: str) -> None:
        """Make a Kubernetes event; trouble with it is logged, and no reason to do anything else."""
        try:
            self.cluster.create(EVENTS, wanted.namespace, _event(wanted, reason, message, self.clock.now_s()))
        except Unreachable as error:
            _log.warning("event not written", experiment=wanted.name, error=str(error))

    def _past(self, run: Run, *, awaited: bool) -> Past:
        """The run's log up to where the run stands, so that both tell the same; only new events are read.

        Most events are windows that were counted, one each, and say nothing that an object shows.
        """
        past = self._pasts.setdefault(run.id, Past())
        standing = visible(run)
        counted = run.seq - past.seq == run.windows_done - past.windows_done
        if run.seq > past.seq and (awaited or past.standing != standing or not counted):
            past.read(self.store.events(run.id, past.seq, most=run.seq - past.seq))
            past.standing, past.windows_done = standing, run.windows_done
        return past

    def _write(self, wanted: Wanted, status: statuses.Status) -> None:
        known = self._written.setdefault(wanted.uid, _Written())
        before = wanted.status if int(wanted.resource_version) >= known.version else known.status
        settled = statuses.settled(status, before, self.clock.now_s())
        if settled == before:
            return
        body = {
            "apiVersion": f"{GROUP}/{VERSION}",
            "kind": KIND,
            "metadata": {"name": wanted.name, "namespace": wanted.namespace},
            "status": settled,
        }
        try:
            after = self.cluster.patch(
                EXPERIMENTS, wanted.namespace, wanted.name, body, subresource="status", kind=PatchKind.APPLY
            )
        except NotThere:
            return
        known.version, known.status = int(after["metadata"]["resourceVersion"]), after["status"]


def shows_the_end(wanted: Wanted, run_id: str, phase: Phase) -> bool:
    """Whether the object already shows how this run ended: that does not change any more."""
    shown = (wanted.status.get("run"), wanted.status.get("phase"), wanted.status.get("observedGeneration"))
    return shown == (run_id, phase.value, wanted.generation)


def _event(wanted: Wanted, reason: str, message: str, now_s: float) -> Manifest:
    at = statuses.timestamp(now_s)
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{wanted.name}.{secrets.token_hex(8)}"},
        "involvedObject": {
            "apiVersion": f"{GROUP}/{VERSION}",
            "kind": KIND,
            "name": wanted.name,
            "namespace": wanted.namespace,
            "uid": wanted.uid,
        },
        "type": "Normal",
        "reason": reason,
        "message": message[:_MOST_MESSAGE],
        "source": {"component": "rampwise"},
        "firstTimestamp": at,
        "lastTimestamp": at,
        "count": 1,
    }
