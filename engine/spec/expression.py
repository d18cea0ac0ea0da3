"""PromQL of a gauge: what can be known of it without asking Prometheus. Sends nothing."""

import re
from collections.abc import Iterable
from typing import Annotated

import promql_parser
from pydantic import AfterValidator, WithJsonSchema

_PLACEHOLDER = re.compile(r"\{\{.*?\}\}|\$\{\w+\}|\$\w+|\[\[\w+\]\]")
_KEEP_LABELS = {"topk", "bottomk", "limitk", "limit_ratio"}
_NO_VECTOR = (
    promql_parser.NumberLiteral,
    promql_parser.StringLiteral,
    promql_parser.MatrixSelector,
    promql_parser.SubqueryExpr,
)


def _expression(value: str) -> str:
    """The text of an expression, if it gives series at a time.

    Raises:
        ValueError: what would be right, for text that is not PromQL, has placeholders, or gives no series.
    """
    right = "PromQL that gives one series per arm, such as avg by (version) (queue_length)"
    if found := _PLACEHOLDER.search(value):
        msg = f"{right}, without {found[0]}: nothing is filled in, arm_labels tell the arms apart"
        raise ValueError(msg)
    try:
        parsed = _unwrapped(promql_parser.parse(value))
    except ValueError as error:
        msg = f"{right} (PromQL: {error})"
        raise ValueError(msg) from error
    if isinstance(parsed, _NO_VECTOR) or _is_scalar(parsed):
        msg = f"{right}; this gives a range, a number or text"
        raise ValueError(msg)
    return value


ExpressionText = Annotated[
    str,
    AfterValidator(_expression),
    WithJsonSchema({"type": "string", "minLength": 1, "examples": ["avg by (version) (queue_length)"]}),
]
"""PromQL that gives one series per arm."""


def dropped_labels(expression: str, labels: Iterable[str]) -> tuple[str, ...]:
    """Which of these labels the outermost aggregation drops, so that no series could be told apart by them.

    >>> dropped_labels("sum by (version) (up)", ["version", "service"]), dropped_labels("up", ["version"])
    (('service',), ())
    """
    parsed = _unwrapped(promql_parser.parse(expression))
    if not isinstance(parsed, promql_parser.AggregateExpr) or str(parsed.op) in _KEEP_LABELS:
        return ()
    modifier = parsed.modifier
    named = set(modifier.labels) if modifier else set()
    if modifier and modifier.type == promql_parser.AggModifierType.Without:
        return tuple(label for label in labels if label in named)
    return tuple(label for label in labels if label not in named)


def _unwrapped(parsed: promql_parser.Expr) -> promql_parser.Expr:
    """What stands inside of parentheses."""
    while isinstance(parsed, promql_parser.ParenExpr):
        parsed = parsed.expr
    return parsed


def _is_scalar(parsed: promql_parser.Expr) -> bool:
    return (
        isinstance(parsed, promql_parser.Call) and parsed.func.return_type == promql_parser.ValueType.Scalar
    )
