"""The section `product` of a document: an A/B test on users' events, which a launched run ignores.

Fields, types and defaults; rules over several fields are in `product_checks`.
"""

import re
from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, PlainValidator, WithJsonSchema

from engine.core.model import Role
from engine.core.product import Correction, Method, Spending
from engine.fields import Percent
from engine.spec.product_metrics import AnyKind, AnyProductMetric, ProductMetricField
from engine.spec.product_parts import Column, column, default_name
from engine.spec.strict import StrictModel

DEFAULT_CONTROL = "control"
RECORDED = "recorded"
"""In place of a warehouse: what applications told this engine, in its own store."""
DEFAULT_LOOKS = 5
_MOMENT = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2})?(Z|[+-][0-9]{2}:[0-9]{2})"
_VARIANT = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}"
_LONGEST_UNIT = 30


def _moment(value: object) -> datetime:
    try:
        if isinstance(value, str) and re.fullmatch(_MOMENT, value):
            return datetime.fromisoformat(value)
    except ValueError:
        pass
    msg = "a time with its offset from UTC, such as 2026-11-02T00:00:00Z or 2026-11-02T09:00+01:00"
    raise ValueError(msg)


def _written(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def _probability(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 0.5:
        msg = "a probability over 0 and at most 0.5, such as 0.05"
        raise ValueError(msg)
    return value


def _power(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0.5 <= value < 1:
        msg = "a probability of at least 0.5 and below 1, such as 0.8"
        raise ValueError(msg)
    return value


def _over_zero(value: float) -> float:
    if not value:
        msg = "a percentage over 0%, such as 2%"
        raise ValueError(msg)
    return value


def _shares(value: dict[str, int]) -> dict[str, int]:
    wrong = [name for name in value if not re.fullmatch(_VARIANT, name)]
    if wrong:
        msg = f"names of letters, digits, _, . or -, at most 63, unlike {', '.join(map(repr, wrong))}"
        raise ValueError(msg)
    if len(value) < 2 or min(value.values()) < 1 or sum(value.values()) != 100:
        msg = "two or more variants with whole percents that add up to 100, such as {control: 50, short: 50}"
        raise ValueError(msg)
    return value


def _some_text(value: str) -> str:
    if not value.strip() or not value.isprintable():
        msg = "some text on one line"
        raise ValueError(msg)
    return value


def _word(value: str) -> str:
    if not value.strip() or not value.isprintable() or len(value) > _LONGEST_UNIT:
        msg = f"a word such as user or account, at most {_LONGEST_UNIT} characters"
        raise ValueError(msg)
    return value


def _some_values(values: tuple[str, ...]) -> tuple[str, ...]:
    if not values:
        msg = 'at least one value, such as ["true"]'
        raise ValueError(msg)
    return values


def _columns(value: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    for name in value:
        column(name)
    return value


def _in_a_warehouse(value: object) -> object:
    """A text is short for the warehouse alone."""
    return {"warehouse": value} if isinstance(value, str) else value


def _by_column(value: object) -> object:
    """A text is short for the column alone."""
    return {"column": value} if isinstance(value, str) else value


Text = Annotated[
    str, AfterValidator(_some_text), WithJsonSchema({"type": "string", "minLength": 1, "pattern": r"\S"})
]
Word = Annotated[
    str,
    AfterValidator(_word),
    WithJsonSchema({"type": "string", "minLength": 1, "maxLength": _LONGEST_UNIT}),
]
Moment = Annotated[
    datetime,
    PlainValidator(_moment),
    PlainSerializer(_written, return_type=str),
    WithJsonSchema({"type": "string", "pattern": f"^{_MOMENT}$", "examples": ["2026-11-02T00:00:00Z"]}),
]
"""A time with its offset from UTC."""
Variants = Annotated[
    dict[str, int],
    AfterValidator(_shares),
    WithJsonSchema(
        {
            "type": "object",
            "additionalProperties": {"type": "integer", "minimum": 1, "maximum": 99},
            "minProperties": 2,
        }
    ),
]
"""Planned shares of units per variant, in whole percent."""


Values = Annotated[tuple[Text, ...], AfterValidator(_some_values), Field(json_schema_extra={"minItems": 1})]
Exclusions = Annotated[dict[str, Values], AfterValidator(_columns)]
"""Columns, with the values that leave a unit out."""


class ColumnsField(StrictModel):
    """What columns of the tables are called that the engine needs."""

    unit: Column = "unit"
    """In both tables: who it is about."""
    time: Column = "time"
    """In both tables: when it happened."""
    variant: Column = "variant"
    """Of exposures: what the unit was shown."""
    name: Column = "name"
    """Of events: which event it is."""
    id: Column = "id"
    """Of events: the same for an event that is there twice."""


class DataField(StrictModel):
    """Where exposures and events are."""

    warehouse: Text
    """A directory of Parquet or CSV files, or how to connect, as duckdb://FILE, and without a password."""
    exposures: Text = "exposures"
    """Table or file of exposures."""
    events: Text = "events"
    """Table or file of events."""
    columns: ColumnsField = ColumnsField()
    """What their columns are called."""


class DimensionField(StrictModel):
    """A column of exposures by which results are broken down."""

    column: Column
    """The column."""
    exploratory: bool = False
    """Whether what is found in its values is a hint only, and no claim."""


Dimension = Annotated[
    DimensionField, BeforeValidator(_by_column, json_schema_input_type=Column | DimensionField)
]
"""A dimension, or its column alone."""


class ProductField(StrictModel):
    """What is asked of users' events, and how sure an answer must be."""

    question: Text
    """What the experiment shall tell, in a sentence."""
    unit: Word = "user"
    """What is assigned to a variant, in a word: user, visitor, account."""
    control: str = DEFAULT_CONTROL
    """Which variant the others are compared with."""
    variants: Variants
    """Planned shares of units in whole percent, which add up to 100."""
    data: Annotated[DataField, BeforeValidator(_in_a_warehouse, json_schema_input_type=Text | DataField)] = (
        DataField(warehouse=RECORDED)
    )
    """Where exposures and events are: a warehouse, or with names of tables and columns; if absent, recorded:
    what applications told `rampwise serve`."""
    metrics: tuple[AnyProductMetric, ...] = Field(json_schema_extra={"minItems": 1})
    """What is compared between variants."""
    dimensions: tuple[Dimension, ...] = ()
    """Columns of exposures by which results are broken down; declared here, so that they count."""
    exclude: Exclusions = Field(default_factory=dict)
    """Units left out: columns of exposures, with the values that mean a bot or a tester."""
    most_events: int = Field(default=10_000, ge=1)
    """A unit with more events than this is a machine, and left out."""
    method: Method = Method.ANYTIME
    """When results may be looked at: anytime, fixed (at the end), or group_sequential (at planned looks)."""
    looks: int | None = Field(default=None, ge=2, le=20)
    """How many looks are planned; of group_sequential only, and 5 if absent."""
    spending: Spending | None = None
    """How looks share out alpha: obrien_fleming (if absent), pocock or power; of group_sequential only."""
    correction: Correction = Correction.HOLM
    """What several questions are kept honest by: holm, the chance of any false claim, or e_bh, the share of
    false ones among claims."""
    alpha: Annotated[
        float,
        BeforeValidator(_probability),
        WithJsonSchema({"type": "number", "exclusiveMinimum": 0, "maximum": 0.5}),
    ] = 0.05
    """Chance of a false claim, or their share; at most 0.5."""
    power: Annotated[
        float,
        BeforeValidator(_power),
        WithJsonSchema({"type": "number", "minimum": 0.5, "exclusiveMaximum": 1}),
    ] = 0.8
    """Chance of finding an effect of `mde`, for planning."""
    mde: Annotated[Percent, AfterValidator(_over_zero)] = 0.02
    """Smallest effect that should be found, relative to control."""
    starts: Moment | None = None
    """First exposures before this do not count; all do, if absent."""
    ends: Moment | None = None
    """Planned end; open, if absent."""


def with_defaults(product: ProductField) -> ProductField:
    """The section with names, roles and margins of metrics filled in, and how looks share out alpha."""
    metrics = tuple(_filled(metric, index) for index, metric in enumerate(product.metrics))
    update: dict[str, object] = {"metrics": metrics}
    if product.method is Method.GROUP_SEQUENTIAL:
        update["looks"] = product.looks or DEFAULT_LOOKS
        update["spending"] = product.spending or Spending.OBRIEN_FLEMING
    return product.model_copy(update=update)


def _filled(metric: AnyKind, index: int) -> ProductMetricField:
    plain = metric.model_dump(mode="json", by_alias=True, exclude_none=True)
    role = metric.role or (Role.QUALITY if index else Role.OBJECTIVE)
    margin = metric.margin or (metric.default_margin if role is Role.GUARDRAIL else None)
    update = {"name": metric.name or default_name(plain), "role": role, "margin": margin}
    return metric.model_copy(update=update)


ProductSection = Annotated[ProductField, AfterValidator(with_defaults)]
"""The section with every default filled in."""
