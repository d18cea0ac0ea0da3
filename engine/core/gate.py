"""The flag's answer: open, closed or unknown, with the reason. Unknown never opens and never closes."""

from dataclasses import dataclass
from enum import StrEnum


class GateStatus(StrEnum):
    """What the flag says."""

    OPEN = "open"
    CLOSED = "closed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class GateState:
    """One answer of the gate's provider."""

    status: GateStatus
    flag: str
    provider: str
    reason: str
