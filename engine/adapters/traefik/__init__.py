"""A local Traefik as the thing that carries traffic."""

from engine.adapters.traefik.options import LocalTargetOptions
from engine.adapters.traefik.target import LocalTarget

__all__ = ["LocalTarget", "LocalTargetOptions"]
