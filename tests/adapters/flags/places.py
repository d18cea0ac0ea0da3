"""Flags as tests have them: in a file, a ConfigMap and a FeatureFlag of a cluster in memory."""

import json
from pathlib import Path
from typing import Any

from engine.adapters.flags import FlagOptions, FlagTarget
from engine.adapters.flags.in_config_map import CONFIG_MAPS
from engine.adapters.flags.in_feature_flag import FEATURE_FLAGS
from engine.adapters.kubernetes.fake import FakeCluster
from engine.plugins import check_options

NAMESPACE = "shop"
ELSE = {"state": "ENABLED", "variants": {"on": True}, "defaultVariant": "on"}
"""Somebody else's flag."""
IN_MAP = {"config_map": {"name": "flags", "namespace": NAMESPACE}}
IN_RESOURCE = {"feature_flag": {"name": "flags", "namespace": NAMESPACE}}


def cluster_with_flags() -> FakeCluster:
    """A ConfigMap and a FeatureFlag, each with somebody else's flag."""
    cluster = FakeCluster()
    meta = {"name": "flags", "namespace": NAMESPACE}
    document = json.dumps({"flags": {"else": ELSE}, "metadata": {"owner": "shop"}})
    cluster.put(CONFIG_MAPS, {"metadata": meta, "data": {"flags.json": document, "other": "kept"}})
    cluster.put(FEATURE_FLAGS, {"metadata": meta, "spec": {"flagSpec": {"flags": {"else": ELSE}}}})
    return cluster


def options(place: dict[str, Any] | Path, **more: Any) -> FlagOptions:
    where = {"file": str(place)} if isinstance(place, Path) else place
    chosen = {"experiment": "checkout", "control": "old", "treatments": ["short"], **more}
    return check_options(FlagTarget, {**where, **chosen})


def target_at(place: dict[str, Any] | Path, cluster: FakeCluster | None = None, **more: Any) -> FlagTarget:
    return FlagTarget(options(place, **more), cluster)


def launched(place: dict[str, Any] | Path, cluster: FakeCluster | None = None, **more: Any) -> FlagTarget:
    """The target of a run: as it was at launch."""
    return target_at(place, cluster, **{**more, **pins(place, cluster, **more)})


def pins(place: dict[str, Any] | Path, cluster: FakeCluster | None = None, **more: Any) -> dict[str, Any]:
    return dict(target_at(place, cluster, **more).facts().pinned)
