"""Two versions whose traffic somebody else moves: watched, never touched."""

from engine.adapters.observed.options import ObservedOptions
from engine.adapters.observed.target import ObservedTarget

__all__ = ["ObservedOptions", "ObservedTarget"]
