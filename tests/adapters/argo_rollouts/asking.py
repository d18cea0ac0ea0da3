"""The target on a stand-in cluster, as tests ask it."""

from typing import Any

from engine.adapters.argo_rollouts import RolloutOptions, RolloutTarget
from engine.adapters.kubernetes.cluster import Manifest
from engine.adapters.kubernetes.fake import FakeCluster
from tests.adapters.argo_rollouts.shop import LADDER, NAMESPACE

BY_PODS: Manifest = {"canary": {"steps": [step for step in LADDER if "setCanaryScale" not in step]}}


def target_on(cluster: FakeCluster, **options: Any) -> RolloutTarget:
    return RolloutTarget(
        RolloutOptions.model_validate({"rollout": "shop", "namespace": NAMESPACE, **options}), cluster
    )


def launched(cluster: FakeCluster, **options: Any) -> RolloutTarget:
    """The target of a run: the versions are those of its launch."""
    return target_on(cluster, **options, **target_on(cluster, **options).facts().pinned)


def sent(cluster: FakeCluster) -> list[Any]:
    """The parts of the status that were asked for, in order."""
    return [body.get("status") for _, _, body in cluster.patches if isinstance(body, dict)]
