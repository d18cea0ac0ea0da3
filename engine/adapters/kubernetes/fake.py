"""An API server in memory for unit tests: resource versions, status subresources, merge patches.

It runs no controllers.
"""

import copy
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from typing import Any

from engine.adapters.kubernetes.cluster import (
    FIELD_MANAGER,
    REVIEWS_OF_ONESELF,
    Invalid,
    Manifest,
    Moved,
    NotThere,
    PatchKind,
    Resource,
)
from engine.errors import Unreachable

_Key = tuple[Resource, str, str]


class FakeCluster:
    """Objects by resource, namespace and name.

    Attributes:
        trouble: raised by every call while it is set. patches: every patch as sent, oldest first.
        user: who asks, as the API server knows them.
        after_write: called with the cluster after every write, to stand in for controllers.
    """

    def __init__(self) -> None:
        self.trouble: Unreachable | None = None
        self.user = "ada"
        self.patches: list[tuple[str, str, object]] = []
        self.after_write: Callable[[FakeCluster], None] = lambda _: None
        self._objects: dict[_Key, Manifest] = {}
        self._applied: dict[tuple[object, ...], Manifest] = {}
        self._versions = count(1)

    def put(self, resource: Resource, body: Manifest) -> Manifest:
        """The object as it stands from now on, as if a controller or a person had written it."""
        body = copy.deepcopy(body)
        meta = body["metadata"]
        meta["resourceVersion"] = str(next(self._versions))
        self._objects[resource, meta["namespace"], meta["name"]] = body
        return copy.deepcopy(body)

    def get(self, resource: Resource, namespace: str, name: str) -> Manifest:
        """See `Cluster.get`."""
        return copy.deepcopy(self._at(resource, namespace, name))

    def find(self, resource: Resource, namespace: str, labels: Mapping[str, str]) -> Sequence[Manifest]:
        """See `Cluster.find`."""
        self._answer()
        return [
            copy.deepcopy(body)
            for (kind, where, _), body in self._objects.items()
            if kind == resource
            and namespace in {"", where}
            and labels.items() <= body["metadata"].get("labels", {}).items()
        ]

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
        """See `Cluster.patch`; every kind has a status subresource, and applying replaces whole lists.

        Nobody owns a field together with others here.
        """
        before = self._at(resource, namespace, name)
        if isinstance(body, list):
            msg = f"the stand-in takes objects, not {kind}"
            raise Invalid(msg)
        self.patches.append((f"{resource}/{subresource}".rstrip("/"), name, copy.deepcopy(body)))
        wanted = body.get("metadata", {}).get("resourceVersion")
        if wanted not in {None, before["metadata"]["resourceVersion"]}:
            msg = f"{resource} {name} was modified meanwhile"
            raise Moved(msg)
        parts = {subresource} if subresource else body.keys() - {"status"}
        changes = {part: value for part, value in body.items() if part in parts}
        left = before
        if kind is PatchKind.APPLY:
            owner = (resource, namespace, name, subresource, manager)
            owned = {part: value for part, value in changes.items() if part != "metadata"}
            left = _without(before, self._applied.get(owner, {}), owned)
            self._applied[owner] = copy.deepcopy(owned)
        after: Manifest = _merged(left, changes)
        if not subresource and after.get("spec") != before.get("spec"):
            after["metadata"]["generation"] = before["metadata"].get("generation", 0) + 1
        after["metadata"]["resourceVersion"] = before["metadata"]["resourceVersion"]
        if after != before:
            self.put(resource, after)
            self.after_write(self)
        return self.get(resource, namespace, name)

    def create(self, resource: Resource, namespace: str, body: Manifest) -> Manifest:
        """See `Cluster.create`."""
        self._answer()
        if resource == REVIEWS_OF_ONESELF:
            return {**body, "status": {"userInfo": {"username": self.user}}}
        name = body["metadata"]["name"]
        if (resource, namespace, name) in self._objects:
            msg = f"{resource} {name} already exists"
            raise Moved(msg)
        made = self.put(resource, {**body, "metadata": {**body["metadata"], "namespace": namespace}})
        self.after_write(self)
        return made

    def delete(self, resource: Resource, namespace: str, name: str) -> None:
        """See `Cluster.delete`."""
        self._answer()
        self._objects.pop((resource, namespace, name), None)
        self.after_write(self)

    def _at(self, resource: Resource, namespace: str, name: str) -> Manifest:
        self._answer()
        if (resource, namespace, name) not in self._objects:
            msg = f'{resource} "{name}" not found'
            raise NotThere(msg)
        return self._objects[resource, namespace, name]

    def _answer(self) -> None:
        if self.trouble is not None:
            raise self.trouble


def _without(there: Any, applied: Any, now: Any) -> Any:
    """What is there, less what was applied before and is left out now."""
    if not (isinstance(there, dict) and isinstance(applied, dict)):
        return there
    after = dict(there)
    for key, value in applied.items():
        if key in after and not (isinstance(now, dict) and key in now):
            del after[key]
        elif key in after:
            after[key] = _without(after[key], value, now[key])
    return after


def _merged(before: Any, patch: Any) -> Any:
    """RFC 7396."""
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    after = dict(before) if isinstance(before, dict) else {}
    for key, value in patch.items():
        if value is None:
            after.pop(key, None)
        else:
            after[key] = _merged(after.get(key), value)
    return after
