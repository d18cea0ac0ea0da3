"""How much worse than control a metric may be, as a document writes it: in shares, or in its own unit.

A bound has a relative part, an absolute part, or both for the larger of the two. A bare number or percentage
is refused with the bound that was probably meant, because `5%` could be either part.
"""

import re
from abc import abstractmethod
from dataclasses import dataclass
from typing import Annotated, Any, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    PlainSerializer,
    PlainValidator,
    WithJsonSchema,
    model_validator,
)

from engine.core.model import Bound
from engine.fields import (
    DURATION_PATTERN,
    NUMBER_PATTERN,
    PERCENT_PATTERN,
    POINTS_PATTERN,
    Percent,
    Points,
    format_duration,
    parse_duration,
)

AMOUNT_PATTERN = rf"({NUMBER_PATTERN}|{DURATION_PATTERN})"
_MOST = 1e300
"""Far from where doubles end, so that adding and scaling bounds stays finite."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """A difference in a metric's own unit; a duration is in seconds, and for metrics in seconds only."""

    value: float
    is_duration: bool = False

    def written(self) -> float | str:
        """As a document has it, exactly.

        >>> Amount(value=0.02, is_duration=True).written(), Amount(value=512.0).written()
        ('20ms', 512.0)
        """
        return format_duration(self.value) if self.is_duration else self.value


def parse_amount(value: object) -> Amount:
    """The amount that a number or a duration text means.

    A number may be a text: a cluster's resource cannot take a text and any number in the same place.

    >>> parse_amount("20ms"), parse_amount("0.5")
    (Amount(value=0.02, is_duration=True), Amount(value=0.5, is_duration=False))

    Raises:
        ValueError: what would be right.
    """
    right = "a number in the metric's own unit, such as 20"
    match value:
        case bool():
            pass
        case int() | float() if 0 <= value < _MOST:
            return Amount(value=float(value))
        case str() if re.fullmatch(DURATION_PATTERN, value):
            return Amount(value=parse_duration(value), is_duration=True)
        case str() if re.fullmatch(NUMBER_PATTERN, value):
            return Amount(value=float(value))
        case str() if re.fullmatch(PERCENT_PATTERN, value):
            right += f"; a percentage of control is {{relative: {value}}}"
        case str() if re.fullmatch(POINTS_PATTERN, value):
            right += "; percentage points are for shares only"
        case _:
            right += " (or a duration such as 20ms, where value_unit is s)"
    raise ValueError(right)


AmountText = Annotated[
    Amount,
    PlainValidator(parse_amount),
    PlainSerializer(Amount.written, return_type=float | str),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "minimum": 0},
                {"type": "string", "pattern": f"^{AMOUNT_PATTERN}$", "examples": ["20ms"]},
            ]
        }
    ),
]
"""A difference in the metric's own unit: a number, or a duration of a metric in seconds."""


class Bounds(BaseModel):
    """What both forms of bounds have: a ratio, and one of two parts at the least."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    relative: Percent | None = None

    @model_validator(mode="before")
    @classmethod
    def _has_a_part(cls, value: object) -> object:
        if isinstance(value, dict) and value:
            return value
        raise ValueError(cls.meant_by(value))

    @model_validator(mode="after")
    def _is_not_void(self) -> Self:
        if self.value() == Bound():
            msg = "a value for relative, absolute or both"
            raise ValueError(msg)
        return self

    @classmethod
    @abstractmethod
    def meant_by(cls, value: object) -> str:
        """The bound that was probably meant by a value that is none."""

    @abstractmethod
    def value(self) -> Bound:
        """The bound in plain numbers: fractions, or the metric's own unit."""

    def written(self, part: str) -> Any:
        """One part as the document has it."""
        return self.model_dump(mode="json")[part]


class BoundField(Bounds):
    """How much worse than control: relative to it, absolute in percentage points, or the larger of both."""

    absolute: Points | None = None

    @classmethod
    def meant_by(cls, value: object) -> str:
        """The bound that was probably meant by a value that is none."""
        if isinstance(value, str) and re.fullmatch(PERCENT_PATTERN, value):
            number = value.rstrip(" %")
            return f"{{relative: {number}%}} (of control) or {{absolute: {number}pp}} (percentage points)"
        if isinstance(value, str) and re.fullmatch(POINTS_PATTERN, value):
            return f"{{absolute: {value}}}"
        return "{relative: 50%}, {absolute: 0.1pp}, or both for the larger of the two"

    def value(self) -> Bound:
        """The bound in fractions."""
        return Bound(relative=self.relative, absolute=self.absolute)


class AmountBoundField(Bounds):
    """How much worse than control: relative to it, absolute in the metric's unit, or the larger of both."""

    absolute: AmountText | None = None

    @classmethod
    def meant_by(cls, value: object) -> str:
        """The bound that was probably meant by a value that is none."""
        if isinstance(value, str) and re.fullmatch(PERCENT_PATTERN, value):
            return f"{{relative: {value}}} (of control)"
        if isinstance(value, str) and re.fullmatch(DURATION_PATTERN, value):
            return f"{{absolute: {value}}}"
        if isinstance(value, int | float) and not isinstance(value, bool):
            return f"{{absolute: {value}}} (in the metric's own unit)"
        return "{relative: 10%}, {absolute: 20} (in the metric's own unit), or both for the larger of the two"

    def value(self) -> Bound:
        """The bound in a fraction of control and in the metric's own unit."""
        return Bound(relative=self.relative, absolute=self.absolute.value if self.absolute else None)


def share_bound(**parts: str) -> BoundField:
    """A bound of shares from its written parts, for defaults.

    >>> share_bound(relative="50%").value()
    Bound(relative=0.5, absolute=None)
    """
    return BoundField.model_validate(parts)


def amount_bound(**parts: str) -> AmountBoundField:
    """A bound in a metric's unit from its written parts, for defaults.

    >>> amount_bound(relative="10%").value()
    Bound(relative=0.1, absolute=None)
    """
    return AmountBoundField.model_validate(parts)
