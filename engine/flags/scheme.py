"""How an evaluator deals out units: two that agree on these keys give the same unit the same variant. Pure.

flagd's evaluators hash differently between versions and languages, and then half of all users change arms.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

_SALT = "rampwise-scheme"
FLAG = "rampwise.scheme"
PARTS = 1000
UNITS = (*(f"unit-{number}" for number in range(61)), "", "0", "äöü-✓")
"""What is dealt out: many ordinary keys, and some that evaluators may take differently."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheme:
    """An evaluator, and what it made of the keys. Equal `hashing` means equal assignment."""

    package: str
    version: str
    hashing: str

    def __str__(self) -> str:
        return f"{self.package} {self.version} (hashing {self.hashing})"


def document() -> Mapping[str, Any]:
    """A flagd document whose only flag, `FLAG`, deals out units as experiments' flags do."""
    parts = [[str(part), 1] for part in range(PARTS)]
    hashed = {"cat": [_SALT, ":", {"var": ["targetingKey", ""]}]}
    flag = {
        "state": "ENABLED",
        "variants": {str(part): str(part) for part in range(PARTS)},
        "defaultVariant": "0",
        "targeting": {"fractional": [hashed, *parts]},
    }
    return {"flags": {FLAG: flag}}


def hashing(evaluate: Callable[[str], str]) -> str:
    """The fingerprint of what an evaluator, by targeting key, says of the flag `FLAG`: 12 hex digits.

    >>> hashing(lambda unit: "0") == hashing(lambda unit: "0") != hashing(lambda unit: unit)
    True
    """
    told = json.dumps([evaluate(unit) for unit in UNITS])
    return hashlib.sha256(told.encode()).hexdigest()[:12]
