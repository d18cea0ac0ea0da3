"""The gate through OpenFeature: any provider answers, this package judges whether the answer counts."""

from engine.adapters.gates.flag_file import file_provider, read_flag, write_flag
from engine.adapters.gates.gate import FlagGate, open_gate
from engine.adapters.gates.memory import memory_provider

__all__ = ["FlagGate", "file_provider", "memory_provider", "open_gate", "read_flag", "write_flag"]
