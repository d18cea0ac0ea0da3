"""Flags in a key of a ConfigMap, as a flagd document in JSON: written only on the version that was read."""

import json
from collections.abc import Collection
from typing import Any

from engine.adapters.flags.holder import Choose, Flags, after, flags_of
from engine.adapters.kubernetes.acting import write
from engine.adapters.kubernetes.cluster import Manifest, Resource
from engine.adapters.kubernetes.lazily import Connection
from engine.errors import UsageError

CONFIG_MAPS = Resource(group="", version="v1", plural="configmaps")


class InConfigMap:
    """One key of a ConfigMap that is there; the key may be missing."""

    def __init__(self, connection: Connection, namespace: str, name: str, key: str) -> None:
        self._connection = connection
        self._namespace, self._name, self._key = namespace, name, key

    @property
    def place(self) -> str:
        """See `Holder.place`."""
        return f"config_map:{self._namespace}/{self._name}/{self._key}"

    def read(self) -> Flags:
        """See `Holder.read`."""
        return flags_of(self._document(self._manifest()), self.place)

    def put(self, keys: Collection[str], choose: Choose) -> None:
        """See `Holder.put`."""
        write(lambda: self._attempt(keys, choose))

    def _attempt(self, keys: Collection[str], choose: Choose) -> Manifest:
        manifest = self._manifest()
        document = self._document(manifest)
        flags = flags_of(document, self.place)
        wanted = after(flags, keys, choose(flags))
        if wanted == flags:
            return manifest
        text = json.dumps({**document, "flags": wanted}, indent=2)
        patch = {
            "metadata": {"resourceVersion": manifest["metadata"]["resourceVersion"]},
            "data": {self._key: text},
        }
        return self._connection.cluster.patch(CONFIG_MAPS, self._namespace, self._name, patch)

    def _manifest(self) -> Manifest:
        return self._connection.cluster.get(CONFIG_MAPS, self._namespace, self._name)

    def _document(self, manifest: Manifest) -> dict[str, Any]:
        text = manifest.get("data", {}).get(self._key, "{}")
        try:
            document = json.loads(text)
        except (ValueError, RecursionError) as error:
            msg = f"{self.place} is not JSON: {error}; mend it, or choose another key"
            raise UsageError(msg) from error
        flags_of(document, self.place)
        return dict(document)
