"""Flags in a FeatureFlag resource: ours by server-side apply, by a field manager for each experiment."""

from collections.abc import Collection, Mapping

from engine.adapters.flags.holder import Choose, Flags, after, flags_of
from engine.adapters.kubernetes.acting import write
from engine.adapters.kubernetes.cluster import FIELD_MANAGER, Manifest, PatchKind, Resource
from engine.adapters.kubernetes.lazily import Connection
from engine.flags.document import Flag

FEATURE_FLAGS = Resource(group="core.openfeature.dev", version="v1beta1", plural="featureflags")
_MOST_CHARACTERS = 128
"""Of a field manager's name, as the API has it."""


class InFeatureFlag:
    """A FeatureFlag that is there.

    What one apply leaves out, its field manager gives up, so each experiment has its own: two may share a
    resource.
    """

    def __init__(self, connection: Connection, namespace: str, name: str, experiment: str) -> None:
        self._connection = connection
        self._namespace, self._name = namespace, name
        self._manager = f"{FIELD_MANAGER}.{experiment}"[:_MOST_CHARACTERS]

    @property
    def place(self) -> str:
        """See `Holder.place`."""
        return f"feature_flag:{self._namespace}/{self._name}"

    def read(self) -> Flags:
        """See `Holder.read`."""
        return self._flags(self._manifest())

    def put(self, keys: Collection[str], choose: Choose) -> None:
        """See `Holder.put`; what is left out goes, unless somebody else has applied it as well."""
        write(lambda: self._attempt(keys, choose))

    def _attempt(self, keys: Collection[str], choose: Choose) -> Manifest:
        manifest = self._manifest()
        flags = self._flags(manifest)
        wanted = choose(flags)
        if after(flags, keys, wanted) == flags:
            return manifest
        return self._connection.cluster.patch(
            FEATURE_FLAGS,
            self._namespace,
            self._name,
            self._applied(manifest, wanted),
            kind=PatchKind.APPLY,
            manager=self._manager,
        )

    def _applied(self, manifest: Manifest, wanted: Mapping[str, Flag]) -> Manifest:
        """Nothing but our flags, resting on the version that was read."""
        return {
            "apiVersion": f"{FEATURE_FLAGS.group}/{FEATURE_FLAGS.version}",
            "kind": "FeatureFlag",
            "metadata": {
                "name": self._name,
                "namespace": self._namespace,
                "resourceVersion": manifest["metadata"]["resourceVersion"],
            },
            "spec": {"flagSpec": {"flags": dict(wanted)}},
        }

    def _manifest(self) -> Manifest:
        return self._connection.cluster.get(FEATURE_FLAGS, self._namespace, self._name)

    def _flags(self, manifest: Manifest) -> Flags:
        return flags_of(manifest.get("spec", {}).get("flagSpec", {}), self.place)
