"""Keeps a copy of all `ReleaseExperiment` objects: listed in pages, then watched, listed anew after trouble.

It decides nothing. The official client's informer has no pause between attempts, so that a dead API server
would cost it a whole core; this one waits longer after every failure, with some chance in it.
"""

import logging
import random
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, cast

import structlog
from kubernetes.client import ApiClient, CustomObjectsApi
from kubernetes.client.exceptions import ApiException
from kubernetes.watch import Watch

from engine.adapters.kubernetes.client import CONNECT_S, PAGE, READ_S
from engine.adapters.kubernetes.cluster import Manifest
from engine.controller.crd import GROUP, PLURAL, VERSION

_log = structlog.get_logger("rampwise.controller")

WATCH_S = 60
"""A watch ends after so long and goes on from where it was."""
_SHORTEST_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 15.0
_GONE = 410

Key = tuple[str, str]


@dataclass(slots=True)
class Reflector:
    """The objects of one namespace, or of all (`namespace` empty); `on_change` hears of every change."""

    client: ApiClient
    namespace: str
    on_change: Callable[[Key], None]
    synced: threading.Event = field(default_factory=threading.Event)
    _objects: dict[Key, Manifest] = field(default_factory=dict)

    def get(self, key: Key) -> Manifest | None:
        """The object as last seen, None when there is none."""
        return self._objects.get(key)

    def known(self) -> tuple[Key, ...]:
        """All objects there are."""
        return tuple(self._objects)

    def run(self, stop: threading.Event) -> None:
        """Until `stop` is set."""
        pause_s, version = _SHORTEST_PAUSE_S, ""
        while not stop.is_set():
            try:
                version = version or self._list()
                version = self._watch(version, stop)
                pause_s = _SHORTEST_PAUSE_S
            except Exception as error:  # noqa: BLE001 (the client lets urllib3's and the socket's errors through)
                _log.log(_level(error), "experiments cannot be watched, trying again", error=_named(error))
                stop.wait(pause_s * random.uniform(0.5, 1.0))  # noqa: S311 (spreads load, no secret)
                pause_s, version = min(2 * pause_s, _LONGEST_PAUSE_S), ""

    def _list(self) -> str:
        found: dict[Key, Manifest] = {}
        more = ""
        while True:
            page = self._page(more)
            found |= {_key(each): _trimmed(each) for each in page["items"]}
            version: str = page["metadata"]["resourceVersion"]
            more = page["metadata"].get("continue", "")
            if not more:
                break
        gone = self._objects.keys() - found.keys()
        changed = [key for key, each in found.items() if self._objects.get(key) != each]
        self._objects = found
        self.synced.set()
        for key in (*gone, *changed):
            self.on_change(key)
        return version

    def _page(self, more: str) -> Manifest:
        options: dict[str, Any] = {"limit": PAGE, "_request_timeout": (CONNECT_S, 2 * READ_S)}
        if more:
            options["_continue"] = more
        api = CustomObjectsApi(self.client)
        if self.namespace:
            page = api.list_namespaced_custom_object(GROUP, VERSION, self.namespace, PLURAL, **options)
        else:
            page = api.list_cluster_custom_object(GROUP, VERSION, PLURAL, **options)
        return cast("Manifest", page)

    def _watch(self, version: str, stop: threading.Event) -> str:
        """Changes since `version`, until the watch ends by itself; the version to go on from."""
        for event in self._events(version):
            if stop.is_set():
                break
            manifest = event["object"]
            version = manifest["metadata"]["resourceVersion"]
            if event["type"] == "BOOKMARK":
                continue
            key = _key(manifest)
            if event["type"] == "DELETED":
                self._objects.pop(key, None)
            else:
                self._objects[key] = _trimmed(manifest)
            self.on_change(key)
        return version

    def _events(self, version: str) -> Iterator[dict[str, Any]]:
        options: dict[str, Any] = {
            "resource_version": version,
            "timeout_seconds": WATCH_S,
            "allow_watch_bookmarks": True,
            "_request_timeout": (CONNECT_S, WATCH_S + READ_S),
        }
        api, watch = CustomObjectsApi(self.client), Watch()
        if self.namespace:
            listing = api.list_namespaced_custom_object
            yield from watch.stream(listing, GROUP, VERSION, self.namespace, PLURAL, **options)
        else:
            yield from watch.stream(api.list_cluster_custom_object, GROUP, VERSION, PLURAL, **options)


def _level(error: Exception) -> int:
    """A watch that fell behind is listed anew, which is nothing to worry about."""
    expired = isinstance(error, ApiException) and error.status == _GONE
    return logging.INFO if expired else logging.WARNING


def _named(error: Exception) -> str:
    """What is wrong, without the answer's headers."""
    if isinstance(error, ApiException):
        return f"status {error.status} {error.reason}"
    return type(error).__name__


def _key(manifest: Manifest) -> Key:
    return manifest["metadata"]["namespace"], manifest["metadata"]["name"]


def _trimmed(manifest: Manifest) -> Manifest:
    """Without what nobody here looks at and every object carries a lot of."""
    manifest["metadata"].pop("managedFields", None)
    return manifest
