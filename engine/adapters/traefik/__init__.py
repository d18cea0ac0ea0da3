"""A local Traefik as the thing that carries traffic."""

from engine.adapters.traefik.target import LocalTarget, LocalTargetOptions

__all__ = ["LocalTarget", "LocalTargetOptions"]
