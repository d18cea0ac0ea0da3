"""The holder of flags that options choose."""

from pathlib import Path

from engine.adapters.flags.holder import Holder
from engine.adapters.flags.in_config_map import InConfigMap
from engine.adapters.flags.in_feature_flag import InFeatureFlag
from engine.adapters.flags.in_file import InFile
from engine.adapters.flags.options import FlagPlace
from engine.adapters.kubernetes.cluster import Cluster
from engine.adapters.kubernetes.lazily import Connection
from engine.adapters.kubernetes.options import ClusterOptions


def holder_at(place: FlagPlace, experiment: str, cluster: Cluster | None = None) -> Holder:
    """Where these options say that flags are; asks nothing yet. `cluster` is a test's."""
    if place.file is not None:
        return InFile(Path(place.file).expanduser())
    connection = Connection(ClusterOptions(context=place.context), cluster)
    if place.config_map is not None:
        at = place.config_map
        return InConfigMap(connection, at.namespace, at.name, at.key)
    assert place.feature_flag is not None  # noqa: S101 (the options have one of the three)
    resource = place.feature_flag
    return InFeatureFlag(connection, resource.namespace, resource.name, experiment)
