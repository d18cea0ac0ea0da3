"""Field types of the experiment document and of plugin options: text with a unit in, plain numbers out.

Every parser raises ValueError with a noun phrase that says what would be right ("a duration with its unit,
such as 15s"); the reader of the document adds file, line and what was found. Values print back as the text
that means the same, so a document survives any number of round trips. Nothing here reads files.
"""

import re
from decimal import Decimal
from typing import Annotated

import promql_parser
from pydantic import AfterValidator, BeforeValidator, PlainSerializer, PlainValidator, WithJsonSchema

from engine.core.model import Matcher, Selector

_SECONDS = {
    "d": Decimal(86400),
    "h": Decimal(3600),
    "min": Decimal(60),
    "s": Decimal(1),
    "ms": Decimal("0.001"),
}
NUMBER_PATTERN = r"[0-9]{1,12}(\.[0-9]{1,12})?"
DURATION_PATTERN = rf"({NUMBER_PATTERN})\s*(ms|s|min|h|d)"
PERCENT_PATTERN = rf"({NUMBER_PATTERN})\s*%"
POINTS_PATTERN = rf"({NUMBER_PATTERN})\s*pp"
_LONGEST_S = 366 * 86400
_OPERATORS = {"Equal": "=", "NotEqual": "!=", "Re": "=~", "NotRe": "!~"}
_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


def parse_duration(value: object) -> float:
    """Seconds of a duration text, at most a year.

    >>> parse_duration("5min")
    300.0

    Raises:
        ValueError: what would be right.
    """
    found = re.fullmatch(DURATION_PATTERN, value) if isinstance(value, str) else None
    if not found:
        msg = "a duration with its unit (ms, s, min, h, d), such as 15s or 5min"
        raise ValueError(msg)
    seconds = float(Decimal(found[1]) * _SECONDS[found[3]])
    if seconds > _LONGEST_S:
        msg = "a duration of at most 366d"
        raise ValueError(msg)
    return seconds


def format_duration(duration_s: float) -> str:
    """The shortest text that means exactly this duration.

    >>> format_duration(90.0), format_duration(0.25), format_duration(86400.0)
    ('90s', '250ms', '1d')
    """
    exact = Decimal(repr(duration_s))
    if exact == 0:
        return "0s"
    unit = next((unit for unit, size in _SECONDS.items() if exact % size == 0), "ms")
    return f"{(exact / _SECONDS[unit]).normalize():f}{unit}"


def parse_percent(value: object) -> float:
    """The fraction a percentage means.

    >>> parse_percent("4%")
    0.04

    Raises:
        ValueError: what would be right.
    """
    found = re.fullmatch(PERCENT_PATTERN, value) if isinstance(value, str) else None
    if not found:
        msg = "a percentage such as 4%"
        raise ValueError(msg)
    return float(Decimal(found[1]) / 100)


def parse_points(value: object) -> float:
    """The difference of shares that percentage points mean.

    >>> parse_points("0.1pp")
    0.001

    Raises:
        ValueError: what would be right.
    """
    found = re.fullmatch(POINTS_PATTERN, value) if isinstance(value, str) else None
    if not found:
        msg = "percentage points such as 0.1pp"
        raise ValueError(msg)
    return float(Decimal(found[1]) / 100)


def format_percent(fraction: float) -> str:
    """A fraction as a percentage, exactly.

    >>> format_percent(0.04)
    '4%'
    """
    return f"{_hundredfold(fraction)}%"


def format_points(fraction: float) -> str:
    """A difference of shares as percentage points, exactly.

    >>> format_points(0.001)
    '0.1pp'
    """
    return f"{_hundredfold(fraction)}pp"


def _hundredfold(fraction: float) -> str:
    return f"{(Decimal(repr(fraction)) * 100).normalize():f}"


def parse_selector(value: object) -> Selector:
    """A counter's name and label conditions from PromQL text.

    >>> parse_selector('http_requests_total{code=~"5.."}').matchers[0].value
    '5..'

    Raises:
        ValueError: what would be right, for an expression, a range, an offset, `or` conditions, a selector
            without a name, or text that is not PromQL.
    """
    right = 'a counter\'s name with label conditions, such as http_requests_total{code=~"5.."}'
    if not isinstance(value, str):
        raise ValueError(right)  # noqa: TRY004 (pydantic collects ValueErrors)
    try:
        parsed = promql_parser.parse(value)
    except ValueError as error:
        msg = f"{right} (PromQL: {error})"
        raise ValueError(msg) from error
    if not isinstance(parsed, promql_parser.VectorSelector):
        msg = f"{right}; not an expression, and without a range"
        raise ValueError(msg)  # noqa: TRY004
    if parsed.offset is not None or parsed.at is not None or parsed.matchers.or_matchers:
        msg = f"{right}, without offset, @ or `or`"
        raise ValueError(msg)
    if not parsed.name:
        msg = f"{right}; the name is missing"
        raise ValueError(msg)
    matchers = tuple(
        Matcher(label=each.name, op=_OPERATORS[str(each.op).rpartition(".")[2]], value=each.value)
        for each in parsed.matchers.matchers
    )
    return Selector(name=parsed.name, matchers=matchers)


def format_selector(selector: Selector) -> str:
    r"""PromQL text of a selector, label values escaped.

    >>> format_selector(Selector(name="up", matchers=(Matcher(label="job", op="=", value='a"b'),)))
    'up{job="a\\"b"}'
    """
    conditions = ",".join(f'{m.label}{m.op}"{m.value.translate(_ESCAPES)}"' for m in selector.matchers)
    return f"{selector.name}{{{conditions}}}" if conditions else selector.name


def _over_zero(duration_s: float) -> float:
    if duration_s == 0:
        msg = "a duration longer than 0s"
        raise ValueError(msg)
    return duration_s


Duration = Annotated[
    float,
    BeforeValidator(parse_duration),
    PlainSerializer(format_duration, return_type=str),
    WithJsonSchema(
        {"type": "string", "pattern": f"^{DURATION_PATTERN}$", "examples": ["15s", "5min", "24h"]}
    ),
]
"""Seconds, written as text with a unit; zero is allowed."""

PositiveDuration = Annotated[Duration, AfterValidator(_over_zero)]
"""Seconds, written as text with a unit; longer than zero."""

Percent = Annotated[
    float,
    BeforeValidator(parse_percent),
    PlainSerializer(format_percent, return_type=str),
    WithJsonSchema({"type": "string", "pattern": f"^{PERCENT_PATTERN}$", "examples": ["4%"]}),
]
"""A fraction, written as a percentage."""

Points = Annotated[
    float,
    BeforeValidator(parse_points),
    PlainSerializer(format_points, return_type=str),
    WithJsonSchema({"type": "string", "pattern": f"^{POINTS_PATTERN}$", "examples": ["0.1pp"]}),
]
"""A difference of shares, written in percentage points."""

SelectorText = Annotated[
    Selector,
    PlainValidator(parse_selector),
    PlainSerializer(format_selector, return_type=str),
    WithJsonSchema({"type": "string", "examples": ['http_requests_total{code=~"5.."}']}),
]
"""A counter's name and label conditions, written as PromQL."""
