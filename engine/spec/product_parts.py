"""What metrics of `product.metrics` are made of: events, their columns, times; and the names they have."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

from engine.fields import Duration, Percent, PositiveDuration
from engine.spec.strict import FieldError, StrictModel

LONGEST_NAME = 63
"""Of a metric, as `Name` has it."""
_COLUMN = r"[A-Za-z_][A-Za-z0-9_]{0,62}"
_LONGEST_EVENT = 200


def column(value: str) -> str:
    """The name of a column, if it is one.

    Raises:
        ValueError: what would be right.
    """
    if not re.fullmatch(_COLUMN, value):
        msg = "a column: a letter or _, then letters, digits or _, at most 63 in all"
        raise ValueError(msg)
    return value


def _event(value: str) -> str:
    if value != value.strip() or not value or not value.isprintable() or len(value) > _LONGEST_EVENT:
        msg = f"the name of events, such as purchase, at most {_LONGEST_EVENT} characters"
        raise ValueError(msg)
    return value


def _quantile(value: float) -> float:
    if not 0 < value < 1:
        msg = "a percentage over 0% and below 100%, such as 90%"
        raise ValueError(msg)
    return value


def _counted(value: object) -> object:
    """`purchase` is short for `{event: purchase}`, which counts them."""
    if isinstance(value, str):
        return {"event": value}
    if isinstance(value, dict):
        return value
    msg = "the name of events, which are counted, or {event: purchase, value: amount}, which are summed"
    raise ValueError(msg)


Column = Annotated[str, AfterValidator(column), WithJsonSchema({"type": "string", "pattern": f"^{_COLUMN}$"})]
"""The name of a column of a table."""
EventName = Annotated[
    str,
    AfterValidator(_event),
    WithJsonSchema({"type": "string", "minLength": 1, "maxLength": _LONGEST_EVENT}),
]
"""What events are called in the table of events."""


class ValueField(StrictModel):
    """A column of events that is summed per unit."""

    event: EventName
    """Name of the events."""
    value: Column
    """Their column that is summed."""


class MeasureField(StrictModel):
    """Events that are counted per unit, or a column of theirs that is summed."""

    event: EventName
    """Name of the events."""
    value: Column | None = None
    """Their column that is summed; they are counted, if absent."""


MeasureText = Annotated[
    MeasureField, BeforeValidator(_counted, json_schema_input_type=EventName | MeasureField)
]
"""A measure, or the name of the events that are counted."""


class RatioField(StrictModel):
    """One number of all units over another."""

    of: MeasureText
    """What is divided: an event's name, or an event and its column that is summed."""
    per: MeasureText
    """What it is divided by, written likewise."""


class RetentionField(StrictModel):
    """Whether a unit has an event late enough."""

    event: EventName
    """Name of the events."""
    start: Duration = Field(alias="from")
    """How long after the first exposure they count at the earliest."""
    within: PositiveDuration
    """How long after the first exposure they count at the latest."""

    @model_validator(mode="after")
    def _ends_after_its_start(self) -> Self:
        if self.within <= self.start:
            raise FieldError("within", "a longer time than from, since both begin at the first exposure")
        return self


class QuantileField(ValueField):
    """A quantile over units of their sums."""

    q: Annotated[Percent, AfterValidator(_quantile)]
    """Which quantile: 50% is the median."""


def default_name(metric: Mapping[str, Any]) -> str:
    """The name that a plain metric has without saying one; empty where none can be made.

    >>> default_name({"sum": {"event": "purchase", "value": "amount"}}), default_name({"conversion": "1"})
    ('purchase_amount', '')
    """
    kept = re.sub(r"[^A-Za-z0-9_.-]", "_", _described(metric))
    return re.sub(r"^[^A-Za-z]+", "", kept)[:LONGEST_NAME]


def _described(metric: Mapping[str, Any]) -> str:
    match metric:
        case {"conversion": measure} | {"sum": measure}:
            return _measured(measure)
        case {"count": measure}:
            return f"{_measured(measure)}_count"
        case {"ratio": {"of": of, "per": per}}:
            return f"{_measured(of)}_per_{_measured(per)}"
        case {"retention": measure}:
            return f"{_measured(measure)}_retention"
        case {"quantile": {"q": str(q)} as measure}:
            return f"{_measured(measure)}_p{q.rstrip(' %')}"
    return ""


def _measured(measure: Any) -> str:
    match measure:
        case {"event": str(event), "value": str(value)}:
            return f"{event}_{value}"
        case str(event) | {"event": str(event)}:
            return event
    return ""
