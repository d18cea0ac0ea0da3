"""Users' records in memory with the behaviour of the real intake, for tests. Nothing outlives it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from threading import Lock

from engine.intake import Exposure, Occurrence, Record


@dataclass(slots=True)
class MemoryIntake:
    """`engine.intake.Intake` in memory."""

    _exposures: dict[tuple[str, str], Exposure] = field(default_factory=dict)
    _occurrences: dict[tuple[str, str], Occurrence] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def take_in(self, records: Sequence[Record], received_s: float) -> None:
        """Keep records; the time of receipt is of no use here."""
        with self._lock:
            for record in records:
                key = (record.source, record.id)
                if isinstance(record, Occurrence):
                    self._occurrences.setdefault(key, record)
                else:
                    self._exposures[key] = _of_two(self._exposures.get(key, record), record)

    def exposures(self, experiment: str) -> Iterator[Exposure]:
        """All exposures of an experiment."""
        with self._lock:
            found = [each for each in self._exposures.values() if each.experiment == experiment]
        return iter(found)

    def occurrences(self, experiment: str) -> Iterator[Occurrence]:
        """All that its exposed units ever did."""
        units = {exposure.unit for exposure in self.exposures(experiment)}
        with self._lock:
            found = [each for each in self._occurrences.values() if each.unit in units]
        return iter(found)

    def dimensions(self, experiment: str) -> Sequence[str]:
        """Names of all dimensions that its exposures have, sorted."""
        return sorted({name for exposure in self.exposures(experiment) for name in exposure.dimensions})


def _of_two(kept: Exposure, told: Exposure) -> Exposure:
    """The one that tells the earlier time, with what it tells."""
    earlier = min(kept, told, key=lambda each: (each.at_s, sorted(each.dimensions.items())))
    return replace(kept, at_s=earlier.at_s, dimensions=earlier.dimensions)
