"""What targets look at, from copies that the API server keeps up to date: looking costs no call.

Only looking is answered from a copy, and only while the copy is known to be up to date; whoever acts reads
directly. What a target has seen directly, it never sees older again: that kind's copy must have caught up
first. Other kinds' copies need not: where one of them does not change, nobody tells how far it is.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import wraps
from typing import ParamSpec, TypeVar

import structlog

from engine.adapters.kubernetes.cluster import (
    FIELD_MANAGER,
    Cluster,
    Feed,
    Manifest,
    PatchKind,
    Resource,
)
from engine.adapters.kubernetes.reflector import Reflector
from engine.errors import Unreachable

_log = structlog.get_logger("rampwise.kubernetes")

P = ParamSpec("P")
T = TypeVar("T")

WATCH_S = 20.0
"""So often the API server says at least that nothing has changed."""
HEARD_WITHIN_S = 30.0
"""A copy that has not heard from the API server for so long answers nothing."""
UNSURE_S = 10.0
"""After a write whose outcome nobody knows, everything is read directly for so long."""
MOST_COPIES = 256
"""Each is a connection and a thread; what is beyond is read directly."""

_looking: ContextVar[bool] = ContextVar("looking", default=False)


def watched(look: Callable[P, T]) -> Callable[P, T]:
    """A function that only looks: it may be answered from copies. What it reads must not be changed."""

    @wraps(look)
    def looking(*args: P.args, **kwargs: P.kwargs) -> T:
        token = _looking.set(True)
        try:
            return look(*args, **kwargs)
        finally:
            _looking.reset(token)

    return looking


@dataclass(slots=True)
class Copies:
    """Copies of one API server's objects, per kind and namespace; each begins when it is first asked for."""

    feed: Feed
    stop: threading.Event = field(default_factory=threading.Event)
    _reflectors: dict[tuple[Resource, str], Reflector] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def of(self, resource: Resource, namespace: str, at_least: int) -> Reflector | None:
        """The copy, if it is up to date and knows everything up to this resource version."""
        reflector = self._reflectors.get((resource, namespace))
        if reflector is None:
            self._begin(resource, namespace)
            return None
        heard = reflector.now_s() - reflector.heard_s <= HEARD_WITHIN_S
        return reflector if heard and reflector.position >= at_least else None

    def _begin(self, resource: Resource, namespace: str) -> None:
        with self._lock:
            if (resource, namespace) in self._reflectors or len(self._reflectors) >= MOST_COPIES:
                return
            made = Reflector(feed=self.feed, resource=resource, namespace=namespace, watch_s=WATCH_S)
            self._reflectors[resource, namespace] = made
        if len(self._reflectors) == MOST_COPIES:
            _log.warning(
                "no more copies are kept, further kinds and namespaces are asked for", most=MOST_COPIES
            )
        threading.Thread(
            target=made.run, args=(self.stop,), name=f"rampwise-copy-{resource}", daemon=True
        ).start()


class Copying:
    """Whether this process keeps copies: one that drives few runs does not."""

    def __init__(self) -> None:
        self._on = False
        self._copies: dict[int, Copies] = {}
        self._lock = threading.Lock()

    def begin(self) -> None:
        """Keep copies from now on, none of them from before."""
        self.end()
        self._on = True

    def end(self) -> None:
        """Forget all copies; everything is read directly."""
        self._on = False
        with self._lock:
            for each in self._copies.values():
                each.stop.set()
            self._copies.clear()

    def of(self, feed: Feed) -> Copies | None:
        """The copies of this API server, None while none are kept."""
        if not self._on:
            return None
        with self._lock:
            if not self._on:
                return None
            return self._copies.setdefault(id(feed), Copies(feed))


COPYING = Copying()


class Sight:
    """A cluster as one target sees it: looks from copies, acts directly, never back in time."""

    def __init__(
        self,
        cluster: Cluster,
        copies: Callable[[], Copies | None],
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._cluster = cluster
        self._copies = copies
        self._now_s = now_s
        self._seen: dict[Resource, int] = {}
        self._unsure_until_s = float("-inf")

    def get(self, resource: Resource, namespace: str, name: str) -> Manifest:
        """See `Cluster.get`. What a copy does not have is asked for: somebody is about to say so."""
        copy = self._copy(resource, namespace)
        found = None if copy is None else copy.get((namespace, name))
        return self._noted(resource, self._cluster.get(resource, namespace, name)) if found is None else found

    def find(self, resource: Resource, namespace: str, labels: Mapping[str, str]) -> Sequence[Manifest]:
        """See `Cluster.find`."""
        copy = self._copy(resource, namespace)
        if copy is not None:
            return copy.labelled(namespace, labels)
        return [self._noted(resource, each) for each in self._cluster.find(resource, namespace, labels)]

    def patch(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        body: Manifest | list[Manifest],
        *,
        subresource: str = "",
        kind: PatchKind = PatchKind.MERGE,
        manager: str = FIELD_MANAGER,
    ) -> Manifest:
        """See `Cluster.patch`."""
        with self._writing():
            return self._noted(
                resource,
                self._cluster.patch(
                    resource, namespace, name, body, subresource=subresource, kind=kind, manager=manager
                ),
            )

    def create(self, resource: Resource, namespace: str, body: Manifest) -> Manifest:
        """See `Cluster.create`."""
        with self._writing():
            return self._noted(resource, self._cluster.create(resource, namespace, body))

    def delete(self, resource: Resource, namespace: str, name: str) -> None:
        """See `Cluster.delete`. Nobody says at which version something has gone."""
        self._unsure_until_s = self._now_s() + UNSURE_S
        self._cluster.delete(resource, namespace, name)

    def _copy(self, resource: Resource, namespace: str) -> Reflector | None:
        if not _looking.get() or self._now_s() < self._unsure_until_s:
            return None
        copies = self._copies()
        return None if copies is None else copies.of(resource, namespace, self._seen.get(resource, 0))

    def _noted(self, resource: Resource, manifest: Manifest) -> Manifest:
        version = manifest.get("metadata", {}).get("resourceVersion", "")
        self._seen[resource] = max(self._seen.get(resource, 0), int(version or 0))
        return manifest

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except Unreachable as error:
            if type(error) is Unreachable:  # its kinds are refusals: nothing was written
                self._unsure_until_s = self._now_s() + UNSURE_S
            raise
