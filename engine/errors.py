"""The error tree on one screen. Every message says what, where, why and what to type next.

RampwiseError
├── SpecError            the experiment file is wrong (all problems at once)
├── UsageError           the command cannot be done as asked (wrong phase, unknown run, duplicate launch)
├── PluginError          a plugin is unknown or does not load
├── StoreError           the database cannot be used
│   ├── StoreBusy        locked by somebody else; try again
│   ├── LeaseLost        another engine drives this run now
│   └── CorruptRecord    a stored row cannot be read
└── Unreachable          an outside system (target, source, gate) gave no usable answer
"""

from dataclasses import dataclass


class RampwiseError(Exception):
    """Base of all errors that Rampwise raises on purpose."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing wrong in an experiment file: where, what was found, what would be right."""

    where: str
    field: str
    found: str
    expected: str

    def __str__(self) -> str:
        return f"{self.where}: {self.field}: {self.found}; {self.expected}"


class SpecError(RampwiseError):
    """The experiment file is wrong; carries every problem found."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


class UsageError(RampwiseError):
    """The command cannot be done as asked."""


class PluginError(RampwiseError):
    """A plugin is unknown or does not load."""


class StoreError(RampwiseError):
    """The database cannot be used."""


class StoreBusy(StoreError):  # noqa: N818 (names the state, as the tree above does)
    """The database is locked by somebody else."""


class LeaseLost(StoreError):  # noqa: N818
    """Another engine drives this run now."""


class CorruptRecord(StoreError):  # noqa: N818
    """A stored row cannot be read."""


class Unreachable(RampwiseError):  # noqa: N818
    """An outside system gave no usable answer."""
