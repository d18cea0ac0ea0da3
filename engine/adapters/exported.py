"""Users' records as Parquet files that an analysis reads by default. Analyses nothing itself.

    export(intake, "checkout-v2", Path("data"))

Needs the extra `warehouse`, whose pyarrow writes the files.
"""

import tempfile
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import UsageError
from engine.intake import Exposure, Intake, Occurrence

if TYPE_CHECKING:
    import pyarrow as pa

EXPOSURES, EVENTS = "exposures.parquet", "events.parquet"
_ROWS_AT_A_TIME = 50_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """How many rows were written."""

    exposures: int
    events: int


def _always(_: float) -> bool:
    return True


def export(
    intake: Intake,
    experiment: str,
    directory: Path,
    declared: Collection[str] = (),
    came: Callable[[float], bool] = _always,
    since_s: float | None = None,
) -> Exported:
    """Write `exposures.parquet` and `events.parquet`; each replaces the one before when it is whole.

    Exposures have the columns unit, time (UTC), variant and one per dimension; events unit, time, name,
    value, id. Of events there are all of the exposed units, earlier ones too, for adjustment by the past.

    Args:
        intake: where the records are.
        experiment: whose exposures.
        directory: made if it does not exist.
        declared: dimensions that have a column even if no exposure has them.
        came: whether a record of this time (Unix) is written.
        since_s: exposures from then on, Unix seconds; all events all the same. None for all.

    Raises:
        StoreError: the records cannot be read. UsageError: the directory cannot be written to, or pyarrow
            is not installed.
    """
    try:
        import pyarrow as pa  # noqa: PLC0415 (heavy, and an extra)
    except ModuleNotFoundError as error:
        msg = 'writing Parquet needs pyarrow: pip install "rampwise[warehouse]"'
        raise UsageError(msg) from error
    text, time = pa.string(), pa.timestamp("us")
    dimensions = sorted({*intake.dimensions(experiment), *declared})
    of_exposures = {"unit": text, "time": time, "variant": text, **dict.fromkeys(dimensions, text)}
    of_events = {"unit": text, "time": time, "name": text, "value": pa.float64(), "id": text}
    try:
        directory.mkdir(parents=True, exist_ok=True)
        first_s = -inf if since_s is None else since_s
        told = (each for each in intake.exposures(experiment) if came(each.at_s) and each.at_s >= first_s)
        exposures = map(_exposure_row, told)
        events = (_event_row(each) for each in intake.occurrences(experiment) if came(each.at_s))
        return Exported(
            exposures=_write(directory / EXPOSURES, pa.schema(list(of_exposures.items())), exposures),
            events=_write(directory / EVENTS, pa.schema(list(of_events.items())), events),
        )
    except OSError as error:
        msg = f"{directory}: {error.strerror or error}; name a directory that can be written to"
        raise UsageError(msg) from error


def _write(file: Path, schema: "pa.Schema", rows: Iterable[Mapping[str, Any]]) -> int:
    """How many rows; the file is there when they all are."""
    from pyarrow import RecordBatch  # noqa: PLC0415
    from pyarrow.parquet import ParquetWriter  # noqa: PLC0415

    count, remaining = 0, iter(rows)
    with tempfile.TemporaryDirectory(dir=file.parent, prefix=f".{file.name}-") as folder:
        new = Path(folder) / file.name
        with ParquetWriter(new, schema) as writer:
            while batch := list(islice(remaining, _ROWS_AT_A_TIME)):
                writer.write_batch(RecordBatch.from_pylist(batch, schema=schema))
                count += len(batch)
        new.replace(file)
    return count


def _exposure_row(exposure: Exposure) -> dict[str, Any]:
    own = {"unit": exposure.unit, "time": _time(exposure.at_s), "variant": exposure.variant}
    return {**exposure.dimensions, **own}


def _event_row(event: Occurrence) -> dict[str, Any]:
    return {
        "unit": event.unit,
        "time": _time(event.at_s),
        "name": event.name,
        "value": event.value,
        "id": event.event_id,
    }


def _time(at_s: float) -> datetime:
    return datetime.fromtimestamp(at_s, UTC).replace(tzinfo=None)
