"""Flags that the engine writes: a target that splits users by them, and a gate that reads the kill switch."""

from engine.adapters.flags.gate import flag_provider
from engine.adapters.flags.options import FlagOptions
from engine.adapters.flags.target import FlagTarget

__all__ = ["FlagOptions", "FlagTarget", "flag_provider"]
