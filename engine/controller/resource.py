"""What a `ReleaseExperiment` object says: its document, and what is asked of its run. Pure.

In the cluster an experiment belongs to its namespace: its name carries it, and it can release nothing
elsewhere, since the engine has rights that the person who made the object may not have.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.adapters.kubernetes.cluster import Resource
from engine.controller.crd import GROUP, KIND, PLURAL, VERSION
from engine.core.events import Actor, Verb

EXPERIMENTS = Resource(group=GROUP, version=VERSION, plural=PLURAL)

COMMAND = f"{GROUP}/command"
REASON = f"{GROUP}/reason"
TREATMENT = f"{GROUP}/treatment"
BY = f"{GROUP}/by"
"""Who asks, as they say themselves."""
COMMAND_NOTES = (COMMAND, REASON, TREATMENT, BY)
OWNER = f"{GROUP}/owner"
UID = f"{GROUP}/uid"
"""Label of the document with the object's identity: one made anew under its name has a run of its own."""
FINALIZER = f"{GROUP}/traffic"
"""Held while the run goes on, so that deleting the object takes traffic back before it is gone."""

_SEPARATOR = "--"
_UNVERIFIED = "annotation"
_ALWAYS_OPEN: Mapping[str, Any] = {"provider": "memory"}
"""A flag in a file is on one machine: whoever takes over a run would not find it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A command by annotation; `verb` is None where the annotation's value is none.

    Attributes:
        by: who asks; whoever may change the object may write any name, so that its host is no machine's.
    """

    verb: Verb | None
    text: str
    reason: str
    treatment: str
    by: Actor


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One object as read.

    Attributes:
        document: the experiment document that it stands for, to be checked.
        run_id: of the run that the status names, empty before one started.
        problem: why it can never be launched as it is, empty if it may be.
    """

    namespace: str
    name: str
    uid: str
    generation: int
    resource_version: str
    document: Mapping[str, Any]
    deleting: bool
    held: bool
    asked: Asked | None
    run_id: str
    status: Mapping[str, Any]
    problem: str

    @property
    def key(self) -> tuple[str, str]:
        """Namespace and name."""
        return self.namespace, self.name


def experiment_name(namespace: str, name: str) -> str:
    """The experiment's name in the event log, unique over namespaces.

    >>> experiment_name("shop", "checkout-v2")
    'shop--checkout-v2'
    """
    return f"{namespace}{_SEPARATOR}{name}"


def wanted(manifest: Mapping[str, Any]) -> Wanted:
    """The object, read."""
    meta = manifest["metadata"]
    notes = meta.get("annotations") or {}
    status = manifest.get("status") or {}
    spec = manifest.get("spec") or {}
    name = experiment_name(meta["namespace"], meta["name"])
    about: dict[str, Any] = {"name": name, "labels": {UID: meta["uid"]}}
    if OWNER in notes:
        about["owner"] = notes[OWNER]
    return Wanted(
        namespace=meta["namespace"],
        name=meta["name"],
        uid=meta["uid"],
        generation=meta.get("generation", 0),
        resource_version=meta.get("resourceVersion", ""),
        document={
            "apiVersion": f"{GROUP}/{VERSION}",
            "kind": KIND,
            "metadata": about,
            "spec": {"gate": _ALWAYS_OPEN, **spec},
        },
        deleting="deletionTimestamp" in meta,
        held=FINALIZER in meta.get("finalizers", ()),
        asked=_asked(notes, Actor(user=_UNVERIFIED, host=f"{meta['namespace']}/{meta['name']}")),
        run_id=status.get("run", ""),
        status=status,
        problem=_elsewhere(spec, meta["namespace"]),
    )


def at_home(document: Mapping[str, Any], namespace: str) -> Mapping[str, Any]:
    """The document with its target in this namespace, for targets that are in one."""
    [(plugin, options)] = document["spec"]["target"].items()
    target = {plugin: {**(options or {}), "namespace": namespace}}
    return {**document, "spec": {**document["spec"], "target": target}}


def _elsewhere(spec: Mapping[str, Any], namespace: str) -> str:
    """Why the target is not the object's own affair, empty if it is."""
    target = spec.get("target")
    if not isinstance(target, Mapping) or len(target) != 1:
        return ""
    [(plugin, options)] = target.items()
    named = options or {}
    elsewhere = named.get("namespace", namespace)
    if elsewhere != namespace:
        return (
            f"spec.target.{plugin}.namespace: found {elsewhere}; an experiment in {namespace} can release"
            f" nothing but what is in {namespace}: make the experiment there, or leave the field out"
        )
    if "context" in named:
        return f"spec.target.{plugin}.context: the controller knows its own cluster only; leave it out"
    return ""


def _asked(notes: Mapping[str, str], nobody: Actor) -> Asked | None:
    text = notes.get(COMMAND)
    if text is None:
        return None
    known = {verb.value: verb for verb in Verb}
    return Asked(
        verb=known.get(text.strip()),
        text=text,
        reason=notes.get(REASON) or f"annotation {COMMAND}",
        treatment=notes.get(TREATMENT, ""),
        by=Actor(user=notes[BY], host=_UNVERIFIED) if notes.get(BY) else nobody,
    )
