"""Where exposures and events are kept: a port of the engine, beside those of `engine.ports`."""

from collections.abc import Iterator, Sequence
from typing import Protocol

from engine.intake.records import Exposure, Occurrence, Record


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
