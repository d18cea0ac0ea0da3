"""The port to a Kubernetes API server: plain JSON objects in and out, trouble as errors.

It knows no kind's meaning. A write names the resource version that it rests on inside the object's
metadata, as the API takes it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from engine.errors import Unreachable

Manifest = dict[str, Any]
"""A Kubernetes object as plain JSON."""

FIELD_MANAGER = "rampwise"


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """Which kind of object; `plural` as in the API's paths, `group` empty for the core.

    >>> str(Resource(group="apps", version="v1", plural="replicasets"))
    'replicasets.apps'
    """

    group: str
    version: str
    plural: str

    @property
    def prefix(self) -> str:
        """The path under which the API serves its version."""
        return f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"

    def __str__(self) -> str:
        return f"{self.plural}.{self.group}" if self.group else self.plural


PODS = Resource(group="", version="v1", plural="pods")
SERVICES = Resource(group="", version="v1", plural="services")
EVENTS = Resource(group="", version="v1", plural="events")
LEASES = Resource(group="coordination.k8s.io", version="v1", plural="leases")
REVIEWS_OF_ONESELF = Resource(group="authentication.k8s.io", version="v1", plural="selfsubjectreviews")
"""Made, never kept: the answer says who asks."""
DEPLOYMENTS = Resource(group="apps", version="v1", plural="deployments")
REPLICA_SETS = Resource(group="apps", version="v1", plural="replicasets")


class PatchKind(StrEnum):
    """How a patch is merged, as its media type."""

    MERGE = "application/merge-patch+json"
    JSON = "application/json-patch+json"
    APPLY = "application/apply-patch+yaml"


class NotAllowed(Unreachable):
    """The API refuses the verb; the message names what a Role must grant."""


class Moved(Unreachable):
    """The object is not at the resource version any more that a write rests on."""


class Invalid(Unreachable):
    """The API or an admission webhook takes the object for wrong; the message is theirs."""


class Deposed(Unreachable):
    """This process may not write, because another one leads now; nothing was sent."""


class Expired(Unreachable):
    """The API does not know any more what has changed since that resource version."""


class NotThere(Unreachable):
    """There is no such object, or the cluster does not know the kind."""


class Cluster(Protocol):
    """One API server. Every call is bounded in time and raises Unreachable or one of its kinds above."""

    def get(self, resource: Resource, namespace: str, name: str) -> Manifest:
        """One object. NotThere when there is none."""
        ...

    def find(self, resource: Resource, namespace: str, labels: Mapping[str, str]) -> Sequence[Manifest]:
        """The namespace's objects with all these labels."""
        ...

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
        """The object after the patch. Moved when `body` rests on another resource version.

        What a field manager applied before, and leaves out now, goes away unless somebody else owns it.
        """
        ...

    def create(self, resource: Resource, namespace: str, body: Manifest) -> Manifest:
        """The object as made. Moved when one of that name is there."""
        ...

    def delete(self, resource: Resource, namespace: str, name: str) -> None:
        """Gone, in the background; harmless when it is not there."""
        ...


class Feed(Protocol):
    """What is there and what changes, for copies that are kept. Raises like `Cluster`, and Expired."""

    def page(self, resource: Resource, namespace: str, more: str) -> Manifest:
        """A page of a list; `more` is the page before's `continue`, empty at first."""
        ...

    def changes(
        self, resource: Resource, namespace: str, version: str, within_s: float
    ) -> Iterator[Manifest]:
        """Events since this resource version, with bookmarks, until the watch ends after so many seconds."""
        ...
