"""An Argo Rollout as the thing that carries traffic: a canary's ladder, or two colours."""

from engine.adapters.argo_rollouts.options import RolloutOptions
from engine.adapters.argo_rollouts.target import RolloutTarget

__all__ = ["RolloutOptions", "RolloutTarget"]
