"""Keeps a copy of all objects of one kind: listed in pages, then watched, listed anew after trouble.

It decides nothing. The official client's informer has no pause between attempts, so that a dead API server
would cost it a whole core; this one waits longer after every failure, with some chance in it.
"""

import logging
import random
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import chain

import structlog

from engine.adapters.kubernetes.cluster import Expired, Feed, Manifest, NotAllowed, Resource
from engine.errors import Unreachable

_log = structlog.get_logger("rampwise.kubernetes")

WATCH_S = 60
"""A watch ends after so long and goes on from where it was."""
_SHORTEST_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 15.0

Key = tuple[str, str]
"""Namespace and name."""


def _nobody(_: Key) -> None:
    """Nobody wants to hear of changes."""


@dataclass(slots=True)
class Reflector:
    """The objects of one namespace, or of all (`namespace` empty). `get` and the like are for any thread.

    Attributes:
        on_change: hears of every change. watch_s: how long one watch lasts, so that the API server says at
            least so often how far the copy is; by default `WATCH_S`.
        position: resource version up to which the copy knows everything.
        heard_s: when the API server was heard from, on the clock `now_s`; never, while there is trouble.
    """

    feed: Feed
    resource: Resource
    namespace: str
    on_change: Callable[[Key], None] = _nobody
    watch_s: float | None = None
    now_s: Callable[[], float] = time.monotonic
    synced: threading.Event = field(default_factory=threading.Event)
    position: int = 0
    heard_s: float = float("-inf")
    _objects: dict[Key, Manifest] = field(default_factory=dict)
    _labelled: dict[tuple[str, str], set[Key]] = field(default_factory=dict)
    _refusals: set[str] = field(default_factory=set)

    def get(self, key: Key) -> Manifest | None:
        """The object as last seen, None when there is none. Others have it too: it must not be changed."""
        return self._objects.get(key)

    def known(self) -> tuple[Key, ...]:
        """All objects there are."""
        return tuple(self._objects)

    def labelled(self, namespace: str, labels: Mapping[str, str]) -> list[Manifest]:
        """The namespace's objects with all these labels, by name; they must not be changed."""
        rarest = min((self._labelled.get(pair, set()) for pair in labels.items()), key=len, default=None)
        keys = self.known() if rarest is None else tuple(rarest)
        found = ((key, self._objects.get(key)) for key in sorted(keys) if namespace in {"", key[0]})
        return [each for _, each in found if each is not None and labels.items() <= _labels(each).items()]

    def run(self, stop: threading.Event) -> None:
        """Until `stop` is set."""
        pause_s, version = _SHORTEST_PAUSE_S, ""
        while not stop.is_set():
            try:
                version = version or self._list()
                version = self._watch(version, stop)
                pause_s = _SHORTEST_PAUSE_S
            except Exception as error:  # noqa: BLE001 (an answer may have any form; the copy must go on)
                self.heard_s = float("-inf")
                self._tell(error)
                stop.wait(pause_s * random.uniform(0.5, 1.0))  # noqa: S311 (spreads load, no secret)
                pause_s, version = min(2 * pause_s, _LONGEST_PAUSE_S), ""

    def _list(self) -> str:
        found: dict[Key, Manifest] = {}
        more = ""
        while True:
            page = self.feed.page(self.resource, self.namespace, more)
            found |= {_key(each): _trimmed(each) for each in page["items"]}
            version: str = page["metadata"]["resourceVersion"]
            more = page["metadata"].get("continue", "")
            if not more:
                break
        gone = self._objects.keys() - found.keys()
        changed = [key for key, each in found.items() if self._objects.get(key) != each]
        self._objects, self._labelled = found, _index(found)
        self._heard(version)
        self.synced.set()
        for key in (*gone, *changed):
            self.on_change(key)
        return version

    def _watch(self, version: str, stop: threading.Event) -> str:
        """Changes since `version`, until the watch ends by itself; the version to go on from."""
        watch_s = WATCH_S if self.watch_s is None else self.watch_s
        for event in self.feed.changes(self.resource, self.namespace, version, watch_s):
            if stop.is_set():
                break
            manifest = event["object"]
            version = manifest["metadata"]["resourceVersion"]
            if event["type"] != "BOOKMARK":
                self._take(event["type"], manifest)
            self._heard(version)
            if event["type"] != "BOOKMARK":
                self.on_change(_key(manifest))
        # Where nothing happens nobody sends a bookmark either, but an orderly end shows that it was heard.
        self.heard_s = self.now_s()
        return version

    def _take(self, kind: str, manifest: Manifest) -> None:
        key = _key(manifest)
        before = self._objects.get(key)
        if kind == "DELETED":
            self._objects.pop(key, None)
        else:
            self._objects[key] = _trimmed(manifest)
            for pair in _labels(manifest).items():
                self._labelled.setdefault(pair, set()).add(key)
        for pair in _labels(before or {}).items() - _labels(self._objects.get(key, {})).items():
            self._labelled[pair].discard(key)
            if not self._labelled[pair]:
                del self._labelled[pair]

    def _heard(self, version: str) -> None:
        self.position, self.heard_s = int(version), self.now_s()

    def _tell(self, error: Exception) -> None:
        """What a Role lacks is said once; a watch that fell behind is nothing to worry about."""
        said = str(error) if isinstance(error, Unreachable) else type(error).__name__
        if isinstance(error, NotAllowed):
            if said not in self._refusals:
                self._refusals.add(said)
                _log.warning("may not be watched", kind=str(self.resource), error=said)
            return
        level = logging.INFO if isinstance(error, Expired) else logging.WARNING
        _log.log(level, "cannot be watched, trying again", kind=str(self.resource), error=said)


def _index(objects: Mapping[Key, Manifest]) -> dict[tuple[str, str], set[Key]]:
    found: dict[tuple[str, str], set[Key]] = {}
    pairs: Iterable[tuple[tuple[str, str], Key]] = chain.from_iterable(
        ((pair, key) for pair in _labels(each).items()) for key, each in objects.items()
    )
    for pair, key in pairs:
        found.setdefault(pair, set()).add(key)
    return found


def _labels(manifest: Manifest) -> Mapping[str, str]:
    labels: Mapping[str, str] = manifest.get("metadata", {}).get("labels") or {}
    return labels


def _key(manifest: Manifest) -> Key:
    return manifest["metadata"].get("namespace", ""), manifest["metadata"]["name"]


def _trimmed(manifest: Manifest) -> Manifest:
    """Without what nobody here looks at and every object carries a lot of."""
    manifest["metadata"].pop("managedFields", None)
    return manifest
