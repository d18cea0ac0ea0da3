"""CloudEvents as records: what an application sends, checked one by one. Reads no clock.

What is missing is said to whoever sent it; nothing is made up for it, save the time of an event without one.
"""

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from cloudevents.core.exceptions import CloudEventValidationError
from cloudevents.core.v1.event import CloudEvent

from engine.core.product import LARGEST_VALUE
from engine.intake.records import (
    EVENT_TYPE,
    EXPOSURE_TYPE,
    LONGEST_TEXT,
    Exposure,
    Occurrence,
    Record,
    Unfit,
    dimension_text,
    is_dimension,
    is_text,
)

AHEAD_S = 3600.0
"""A time further in the future than this comes from a clock that is wrong."""
EARLIEST_S = 946_684_800.0
"""The year 2000: an earlier time is no time, but milliseconds or a counter."""
MOST_DIMENSIONS = 20
_REQUIRED = ("specversion", "id", "source", "type")


def record_of(event: object, received_s: float) -> Record:
    """A record of a CloudEvent in its JSON form.

    Args:
        event: as parsed: attributes and `data`.
        received_s: Unix time, for an event that does not say when.

    Raises:
        Unfit: it is none, or not of ours, or something in it is missing or wrong.
    """
    if not isinstance(event, Mapping):
        msg = f"found {_kind(event)}, expected a CloudEvent as a JSON object"
        raise Unfit(msg)
    attributes = {key: value for key, value in event.items() if key not in {"data", "data_base64"}}
    checked = _checked(attributes)
    at_s = _time(checked.get_time() if "time" in attributes else None, received_s)
    data = event.get("data")
    if not isinstance(data, Mapping):
        msg = f"data: found {_kind(data)}, expected a JSON object"
        raise Unfit(msg)
    source, name = _text(attributes, "source"), _text(attributes, "id")
    match attributes["type"]:
        case str(kind) if kind == EXPOSURE_TYPE:
            return _exposure(data, source, name, at_s)
        case str(kind) if kind == EVENT_TYPE:
            return _occurrence(data, source, name, at_s)
        case other:
            msg = f"type: found {str(other)[:LONGEST_TEXT]!r}, expected {EXPOSURE_TYPE} or {EVENT_TYPE}"
            raise Unfit(msg)


def _checked(attributes: dict[str, Any]) -> CloudEvent:
    """The library fills in what is required; without an id of its sender's an event would count twice."""
    missing = [name for name in _REQUIRED if not attributes.get(name)]
    if missing:
        msg = f"{', '.join(missing)}: missing; CloudEvents 1.0 requires it"
        raise Unfit(msg)
    read = dict(attributes)
    if isinstance(read.get("time"), str):
        try:
            read["time"] = datetime.fromisoformat(read["time"])
        except ValueError as error:
            msg = f"time: found {read['time'][:LONGEST_TEXT]!r}, expected an RFC 3339 time"
            raise Unfit(msg) from error
    try:
        return CloudEvent(read, None)
    except CloudEventValidationError as error:
        said = "; ".join(str(each) for name in sorted(error.errors) for each in error.errors[name])
        raise Unfit(said) from error


def _exposure(data: Mapping[str, Any], source: str, name: str, at_s: float) -> Exposure:
    return Exposure(
        source=source,
        id=name,
        experiment=_text(data, "experiment"),
        unit=_text(data, "unit"),
        variant=_text(data, "variant"),
        at_s=at_s,
        dimensions=_dimensions(data.get("dimensions", {})),
    )


def _occurrence(data: Mapping[str, Any], source: str, name: str, at_s: float) -> Occurrence:
    return Occurrence(
        source=source,
        id=name,
        unit=_text(data, "unit"),
        name=_text(data, "name"),
        value=_number(data.get("value")),
        at_s=at_s,
        event_id=_text(data, "id") if data.get("id") is not None else f"{source}#{name}",
    )


def _dimensions(found: object) -> dict[str, str]:
    if not isinstance(found, Mapping) or len(found) > MOST_DIMENSIONS:
        msg = f"dimensions: found {_kind(found)}, expected a JSON object of at most {MOST_DIMENSIONS}"
        raise Unfit(msg)
    return {name: _dimension(name, found[name]) for name in sorted(found, key=str)}


def _dimension(name: object, value: object) -> str:
    if not is_dimension(name):
        msg = f"dimensions: found the name {str(name)[:LONGEST_TEXT]!r}, expected one such as `app_version`"
        raise Unfit(msg)
    text = dimension_text(value)
    if text is None:
        msg = f"dimensions.{name}: found {_kind(value)}, expected text of at most {LONGEST_TEXT} characters"
        raise Unfit(msg)
    return text


def _text(of: Mapping[str, Any], name: str) -> str:
    value = of.get(name)
    if isinstance(value, str) and is_text(value):
        return value
    found = f"{len(value)} characters" if isinstance(value, str) else _kind(value)
    msg = f"{name}: found {found}, expected printable text of 1 to {LONGEST_TEXT} characters"
    raise Unfit(msg)


def _number(value: object) -> float | None:
    if value is None:
        return None
    try:
        number = math.nan if isinstance(value, bool) else float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if isinstance(value, str) or not math.isfinite(number):
        msg = f"value: found {_kind(value)}, expected a number"
        raise Unfit(msg)
    if abs(number) > LARGEST_VALUE:
        msg = f"value: found {_kind(value)}, expected a number of at most {LARGEST_VALUE:g}, above or below 0"
        raise Unfit(msg)
    return number


def _time(at: datetime | None, received_s: float) -> float:
    if at is None:
        return received_s
    at_s = at.timestamp()
    if not EARLIEST_S <= at_s <= received_s + AHEAD_S:
        msg = f"time: found {at.isoformat()}, expected one since 2000 and not an hour ahead of this engine"
        raise Unfit(msg)
    return at_s


def _kind(value: object) -> str:
    match value:
        case None:
            return "nothing"
        case bool() | int() | float():
            return str(value)[:LONGEST_TEXT]
        case str():
            return repr(value[:LONGEST_TEXT])
        case Mapping():
            return f"an object of {len(value)}"
        case _:
            return f"a {type(value).__name__}"
