"""Where a run is in the counters: what the next read goes on from, as a value and as JSON. Reads nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from analysis.sources.counters import Tracks
from analysis.sources.readings import Pending
from engine.codec import from_plain
from engine.ports import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """Where to go on: tracks per query and counts carried per metric."""

    tracks: Mapping[str, Tracks] = field(default_factory=dict)
    pending: Mapping[str, Pending] = field(default_factory=dict)


def to_json(cursor: Cursor) -> Json:
    """Plain JSON, which takes pydantic several times as long."""
    return {
        "tracks": {
            key: {
                "since_s": tracks.since_s,
                "series": {
                    series: {"at_s": track.at_s, "values": dict(track.values)}
                    for series, track in tracks.series.items()
                },
            }
            for key, tracks in cursor.tracks.items()
        },
        "pending": {
            metric: {
                arm.value: {"counts": dict(tally.counts), "since_s": tally.since_s}
                for arm, tally in carried.items()
            }
            for metric, carried in cursor.pending.items()
        },
    }


@dataclass(slots=True)
class Places:
    """The place that one run was left at, so that it need not be read from JSON every time.

    It is only believed when it is the very place that is asked for: another engine may have gone on from it.
    """

    _plain: Json | None = None
    _cursor: Cursor = field(default_factory=Cursor)

    def at(self, plain: Json) -> Cursor:
        """The place. Raises pydantic.ValidationError when it is none."""
        return self._cursor if plain == self._plain else from_plain(Cursor, plain)

    def leave(self, cursor: Cursor) -> dict[str, Any]:
        """The place as JSON, remembered."""
        self._plain, self._cursor = to_json(cursor), cursor
        return dict(self._plain)
