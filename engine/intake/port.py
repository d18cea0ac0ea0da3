"""Where exposures and events are kept: a port of the engine, beside those of `engine.ports`."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from engine.intake.records import Exposure, Occurrence, Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Old:
    """Records that may go.

    Attributes:
        after_s, before_s: Unix times; those received later than the first and earlier than the second.
        spare: experiments whose exposures stay, and with them all that the units did whom they exposed.
    """

    before_s: float
    after_s: float = 0.0
    spare: Collection[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Swept:
    """What came of one look at old records.

    Attributes:
        deleted: how many went. upto_s: where to go on, as `Old.after_s`; None when all were looked at.
    """

    deleted: int
    upto_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgotten:
    """How many records of a unit there were, and the experiments that had exposed it, sorted."""

    exposures: int
    occurrences: int
    experiments: Sequence[str]


class Intake(Protocol):
    """Keeps records of users until somebody analyses them. Safe to share between threads."""

    def take_in(self, records: Sequence[Record], received_s: float) -> None:
        """Keep them; on return they outlast the process. The same ones again change nothing.

        Of one exposure told with different times the earliest is kept, whatever order they come in.

        Args:
            records: any number, of any kinds.
            received_s: Unix time.

        Raises:
            StoreError: nothing was kept. StoreBusy: try again.
        """
        ...

    def exposures(self, experiment: str) -> Iterator[Exposure]:
        """All exposures of an experiment, a few at a time in memory, in no order."""
        ...

    def occurrences(self, experiment: str) -> Iterator[Occurrence]:
        """All that its exposed units ever did, a few at a time in memory, in no order."""
        ...

    def dimensions(self, experiment: str) -> Sequence[str]:
        """Names of all dimensions that its exposures have, sorted."""
        ...

    def sweep(self, kind: type[Record], old: Old, most: int) -> Swept:
        """Delete some old records, in a transaction of its own.

        Args:
            kind: `Exposure` or `Occurrence`.
            old: which of them.
            most: about how many are looked at, the longest received first; those of one moment stay together.

        Raises:
            StoreError: none was deleted. StoreBusy: try again.
        """
        ...

    def forget(self, unit: str) -> Forgotten:
        """Delete all that is known of a unit, whoever needs it.

        Raises:
            StoreError: nothing was deleted. StoreBusy: try again.
        """
        ...
