"""Names that Argo Rollouts gives to things."""

from engine.adapters.kubernetes.cluster import Resource

ROLLOUTS = Resource(group="argoproj.io", version="v1alpha1", plural="rollouts")

HASH_LABEL = "rollouts-pod-template-hash"
"""Label of a version's pods and ReplicaSet; its value is what the version is known by."""
WORKLOAD_GENERATION = "rollout.argoproj.io/workload-generation"

CANARY_PAUSE = "CanaryPauseStep"
BLUE_GREEN_PAUSE = "BlueGreenPause"
OWN_PAUSES = frozenset({CANARY_PAUSE, BLUE_GREEN_PAUSE})
"""Pauses that may be ended; the others were made because an analysis could not tell."""
