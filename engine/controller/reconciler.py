"""Brings objects and runs together, one object at a time: launches, commands, status, and a safe end.

Works on levels, not on changes: it looks at what is there and does what is missing, so that it may be cut off
anywhere. The event log is the truth; the status is only shown.
"""

from contextlib import suppress
from dataclasses import dataclass, field

import structlog

from engine import spec
from engine.adapters.kubernetes.cluster import Cluster, Moved, NotThere
from engine.controller.resource import (
    COMMAND,
    COMMAND_NOTES,
    EXPERIMENTS,
    FINALIZER,
    UID,
    Asked,
    Wanted,
    at_home,
)
from engine.controller.telling import Teller, shows_the_end
from engine.core.events import Actor, Verb
from engine.core.run import Phase
from engine.errors import RampwiseError, SpecError
from engine.launching import launch
from engine.ports import Clock, Store, StoredRun
from engine.wiring import prepare

_log = structlog.get_logger("rampwise.controller")

SOURCE = "controller"
AGAIN_S = 15.0
"""How long to wait before a launch that was refused is tried again."""
SOON_S = 0.5
"""How long to wait for what the driver makes of a command, or for the copies to show what has changed."""


@dataclass(slots=True)
class _Asked:
    """What was done with an object's commands, because the copy that is looked at may be one from before.

    Attributes:
        gone: resource version since which the latest one is not on the object any more. recorded: one that is
            in the store, while it may still be on the object. number: of the latest one in the store.
    """

    gone: int = 0
    recorded: Asked | None = None
    number: int = 0


@dataclass(slots=True)
class Reconciler:
    """For several threads, each object by one at a time.

    Attributes:
        runs: id of the newest run of each object, by the object's uid.
    """

    cluster: Cluster
    store: Store
    clock: Clock
    place: str
    runs: dict[str, str] = field(default_factory=dict)
    teller: Teller = field(init=False)
    _asked: dict[str, _Asked] = field(default_factory=dict)
    _ended: dict[str, Phase] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.teller = Teller(cluster=self.cluster, store=self.store, clock=self.clock)

    def learn(self) -> None:
        """Which object has which run, from the store alone: a status may be lost. StoreError."""
        for stored in self.store.each_run():
            uid = _uid(stored)
            if uid:
                run = stored.snapshot.run
                self.runs[uid] = run.id
                if run.phase.ended:
                    self._ended[run.id] = run.phase

    def reconcile(self, wanted: Wanted) -> float | None:
        """Do what is missing; after how long to look again, None until something changes.

        Raises:
            RampwiseError: the cluster or the store gives no answer; nothing is half done that matters.
        """
        run_id = self.runs.get(wanted.uid)
        if run_id is None and not wanted.deleting:
            return self._begin(wanted)
        if run_id is None:
            self._let_go(wanted)
            self._forget(wanted)
            return None
        if self._is_over(wanted, run_id):
            return None
        stored = self.store.load(run_id)
        ended = stored.snapshot.run.phase.ended
        if ended:
            self._ended[run_id] = stored.snapshot.run.phase
        if wanted.asked is not None:
            self._pass_on(wanted, wanted.asked, stored)
        if wanted.deleting and not ended:
            self._stop(run_id)
        self.teller.publish(wanted, stored, awaited=self._waits(wanted, run_id))
        if ended and wanted.held:
            self._let_go(wanted)
        if ended and wanted.deleting:
            self._forget(wanted)
        return None if ended or not (wanted.deleting or self._waits(wanted, run_id)) else SOON_S

    def _is_over(self, wanted: Wanted, run_id: str) -> bool:
        """Whether the object shows how its run ended, and nobody wants anything: nothing will change."""
        phase = self._ended.get(run_id)
        if phase is None or wanted.asked is not None or wanted.deleting or wanted.held:
            return False
        return shows_the_end(wanted, run_id, phase)

    def _waits(self, wanted: Wanted, run_id: str) -> bool:
        """Whether the driver has yet to answer a command."""
        asked = self._asked.get(wanted.uid)
        return asked is not None and asked.number > self.teller.answered(run_id)

    def _forget(self, wanted: Wanted) -> None:
        self.teller.forget(wanted, self.runs.get(wanted.uid, ""))
        self._ended.pop(self.runs.get(wanted.uid, ""), None)
        self._asked.pop(wanted.uid, None)

    def _begin(self, wanted: Wanted) -> float | None:
        problem = wanted.problem or self._lost(wanted)
        if not problem:
            try:
                prepared = prepare(_document(wanted))
                if not (wanted.held or self._took_hold(wanted)):
                    return SOON_S
                actor = Actor(user="resource", host=f"{wanted.namespace}/{wanted.name}")
                run_id = launch(prepared, self.store, self.clock, actor, self.place)
            except SpecError as error:
                problem = str(error).replace("stored experiment: ", "").replace("stored experiment:", "")
            except RampwiseError as error:
                if self._adopted(wanted):
                    return 0.0
                problem = str(error)
            else:
                self.runs[wanted.uid] = run_id
                _log.info("launched", experiment=f"{wanted.namespace}/{wanted.name}", run=run_id)
                self.teller.publish(wanted, self.store.load(run_id))
                return None
        self.teller.refuse(wanted, problem)
        return AGAIN_S

    def _lost(self, wanted: Wanted) -> str:
        """Why an object that had a run must not begin another one; empty if it had none.

        A database that was lost, or another one, would otherwise release again what was rolled back.
        """
        if not wanted.run_id:
            return ""
        return (
            f"run {wanted.run_id} of this experiment is not in the database, so that nobody drives it and"
            " nothing moves; restore the database, or look where the traffic is, then delete this object and"
            " make another one"
        )

    def _adopted(self, wanted: Wanted) -> bool:
        """Whether a run that another leader launched for this object meanwhile is known now."""
        rival = self.store.rival(wanted.document["metadata"]["name"], "")
        if rival is None or _uid(self.store.load(rival.run_id)) != wanted.uid:
            return False
        self.runs[wanted.uid] = rival.run_id
        return True

    def _pass_on(self, wanted: Wanted, asked: Asked, stored: StoredRun) -> None:
        """Record the command, then take the annotation away, so that none is lost.

        Between both the process may end, and the command then comes twice; in one process it does not.
        """
        known = self._asked.setdefault(wanted.uid, _Asked())
        if int(wanted.resource_version) < known.gone:
            return
        if known.recorded != asked:
            known.number = self._record(wanted, asked, stored) or known.number
            known.recorded = asked
        notes = dict.fromkeys(COMMAND_NOTES)
        body = {"metadata": {"resourceVersion": wanted.resource_version, "annotations": notes}}
        with suppress(NotThere):
            after = self.cluster.patch(EXPERIMENTS, wanted.namespace, wanted.name, body)
            known.gone, known.recorded = int(after["metadata"]["resourceVersion"]), None

    def _record(self, wanted: Wanted, asked: Asked, stored: StoredRun) -> int | None:
        """The number of the recorded command; None, and an event that says why, if there is none."""
        run = stored.snapshot.run
        if asked.verb is None:
            known = ", ".join(verb.value for verb in Verb)
            told = ("UnknownCommand", f"{asked.text!r} is no command; {COMMAND} takes {known}")
        elif run.phase.ended:
            told = ("NothingToDo", f"{asked.verb.value}: run {run.id} has ended, {run.phase.value}")
        else:
            now_s = self.clock.now_s()
            recorded = self.store.request(
                run.id, asked.verb, asked.by, asked.reason, SOURCE, now_s, asked.treatment
            )
            return recorded.id
        self.teller.tell(wanted, *told)
        return None

    def _stop(self, run_id: str) -> None:
        if any(command.verb is Verb.STOP for command in self.store.requested(run_id)):
            return
        actor = Actor(user="resource", host="deleted")
        reason = "the ReleaseExperiment was deleted"
        self.store.request(run_id, Verb.STOP, actor, reason, SOURCE, self.clock.now_s())

    def _hold(self, wanted: Wanted, *, held: bool) -> None:
        """Keep the object from vanishing before its traffic is safe, or let it go. NotThere when gone."""
        manifest = self.cluster.get(EXPERIMENTS, wanted.namespace, wanted.name)
        others = [each for each in manifest["metadata"].get("finalizers", ()) if each != FINALIZER]
        finalizers = [*others, FINALIZER] if held else others
        version = manifest["metadata"]["resourceVersion"]
        body = {"metadata": {"resourceVersion": version, "finalizers": finalizers}}
        self.cluster.patch(EXPERIMENTS, wanted.namespace, wanted.name, body)

    def _took_hold(self, wanted: Wanted) -> bool:
        """False when the object changed or went while it was looked at."""
        try:
            self._hold(wanted, held=True)
        except (Moved, NotThere):
            return False
        return True

    def _let_go(self, wanted: Wanted) -> None:
        with suppress(NotThere):
            self._hold(wanted, held=False)


def _document(wanted: Wanted) -> spec.Document:
    """The checked document. SpecError when it is none."""
    document = spec.from_plain(wanted.document)
    if "namespace" not in getattr(type(document.target_options), "model_fields", {}):
        return document
    return spec.from_plain(at_home(spec.to_plain(document), wanted.namespace))


def _uid(stored: StoredRun) -> str:
    """The object for which a run was launched, empty for runs that were launched elsewhere."""
    document = stored.spec.get("document", {})
    labels = document.get("metadata", {}).get("labels") or {}
    return str(labels.get(UID, ""))
