"""Users' records in memory with the behaviour of the real intake, for tests. Nothing outlives it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import TypeVar

from engine.intake import Exposure, Forgotten, Occurrence, Old, Record, Swept

_Key = tuple[str, str]
_Kept = TypeVar("_Kept", Exposure, Occurrence)


@dataclass(slots=True)
class MemoryIntake:
    """`engine.intake.Intake` in memory."""

    _exposures: dict[_Key, Exposure] = field(default_factory=dict)
    _occurrences: dict[_Key, Occurrence] = field(default_factory=dict)
    _received_s: dict[tuple[type[Record], _Key], float] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def take_in(self, records: Sequence[Record], received_s: float) -> None:
        """Keep records."""
        with self._lock:
            for record in records:
                key = (record.source, record.id)
                self._received_s.setdefault((type(record), key), received_s)
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

    def sweep(self, kind: type[Record], old: Old, most: int) -> Swept:
        """Delete some old records."""
        with self._lock:
            times = {key: at_s for (of, key), at_s in self._received_s.items() if of is kind}
            found = [key for key, at_s in times.items() if old.after_s < at_s < old.before_s]
            ordered_s = sorted(times[key] for key in found)
            upto_s = ordered_s[most - 1] if len(ordered_s) >= most else None
            looked_at = [key for key in found if upto_s is None or times[key] <= upto_s]
            return Swept(deleted=self._remove(kind, looked_at, old), upto_s=upto_s)

    def forget(self, unit: str) -> Forgotten:
        """Delete all that is known of a unit."""
        with self._lock:
            exposures = self._taken(self._exposures, unit)
            occurrences = self._taken(self._occurrences, unit)
        experiments = sorted({each.experiment for each in exposures})
        return Forgotten(exposures=len(exposures), occurrences=len(occurrences), experiments=experiments)

    def _remove(self, kind: type[Record], keys: Sequence[_Key], old: Old) -> int:
        spared = [each for each in self._exposures.values() if each.experiment in old.spare]
        if kind is Exposure:
            going = [key for key in keys if self._exposures[key] not in spared]
        else:
            units = {each.unit for each in spared}
            going = [key for key in keys if self._occurrences[key].unit not in units]
        for key in going:
            del self._received_s[kind, key]
            del (self._exposures if kind is Exposure else self._occurrences)[key]
        return len(going)

    def _taken(self, records: dict[_Key, _Kept], unit: str) -> list[_Kept]:
        """A unit's records, which are no longer there."""
        taken = [(key, record) for key, record in records.items() if record.unit == unit]
        for key, record in taken:
            del records[key], self._received_s[type(record), key]
        return [record for _, record in taken]


def _of_two(kept: Exposure, told: Exposure) -> Exposure:
    """The one that tells the earlier time, with what it tells."""
    earlier = min(kept, told, key=lambda each: (each.at_s, sorted(each.dimensions.items())))
    return replace(kept, at_s=earlier.at_s, dimensions=earlier.dimensions)
