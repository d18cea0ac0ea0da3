"""Words for what is wrong in a document: pydantic's errors as problems with line and field."""

import difflib
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from inspect import isclass
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from engine.errors import Problem
from engine.spec.metrics import KINDS, kind_of
from engine.spec.presets import PRESETS
from engine.spec.product_metrics import KINDS as PRODUCT_KINDS
from engine.spec.product_metrics import TAGS as PRODUCT_TAGS
from engine.spec.product_metrics import kinds_of
from engine.spec.strict import BrokenRulesError, FieldError
from engine.spec.yaml_text import Path, Source, show_path

_EXPECTED = {
    "string_type": "text (in quotes, if it looks like a number)",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "dict_type": "a mapping of fields",
    "model_type": "a mapping of fields",
    "list_type": "a list",
    "tuple_type": "a list",
    "too_short": "at least one",
    "string_too_short": "some text",
}
UNKNOWN_FIELD = ("extra_forbidden", "unexpected_keyword_argument")
"""What pydantic calls a field that there is not."""
_INSTEAD = {
    "direction": "none: shares of trials have bad: or good:, and presets are what they are",
    "breakdown": "none: a threshold, ratio or gauge is not broken down",
}
"""What to write for fields that only other metrics have, where no near name helps."""
_INSTEAD_OF_PRODUCTS = {
    "winsorize": "none: only a count or a sum is cut",
    "cap": "none: only a count or a sum is cut",
    "before": "none: a quantile is not adjusted by earlier behaviour",
    "within": "none: a retention says it inside, as {event: visit, from: 7d, within: 14d}",
    "value_unit": "none: shares and counts have no unit",
    "higher_is_better": "direction: higher, or lower",
    "breakdown": "none: dimensions of the product break all its metrics down",
}
"""The same for a product experiment's metrics."""
_LISTS: tuple[Path, ...] = (("spec", "metrics"), ("spec", "product", "metrics"))
"""Where metrics are."""
_PASSWORD = re.compile(r"(://[^\s/:@]*:)[^\s/@]*@")
_TAGS: dict[str, type[BaseModel]] = {**PRESETS, **KINDS, **PRODUCT_TAGS}
_STAND_INS = {
    **dict.fromkeys(("name", "bad", "total", "count", "numerator", "denominator", "expression"), "some"),
    "limit": "1%",
    "conversion": "some",
    "sum": {"event": "some", "value": "some"},
    "ratio": {"of": "some", "per": "some"},
    "retention": {"event": "some", "from": "1d", "within": "2d"},
    "quantile": {"event": "some", "value": "some", "q": "50%"},
}
"""Right values for fields that a metric must have, while its own are wrong."""


def problem(source: Source, path: Path, *, found: str, expected: str) -> Problem:
    """A problem at a path of the document."""
    return Problem(
        where=source.where(path),
        field=show_path(path),
        found=f"found {found}",
        expected=f"expected {expected}",
    )


def shown(value: Any) -> str:
    """A value as a problem shows it, at most 60 characters, and without passwords of URLs.

    >>> shown("5"), shown(5), shown(None), shown("postgres://me:secret@host/shop")
    ("'5'", '5', 'nothing', "'postgres://me:…@host/shop'")
    """
    if value is None:
        return "nothing"
    text = f"'{value}'" if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = _PASSWORD.sub(r"\1…@", text)
    return text if len(text) <= 60 else f"{text[:57]}..."


def one_of(word: str, words: Iterable[str]) -> str:
    """The near word if there is one, else all of them."""
    known = sorted(words)
    near = difflib.get_close_matches(word, known, n=1)
    if near:
        return near[0]
    return f"one of: {', '.join(known)}" if known else "nothing here"


def describe(source: Source, error: ValidationError, model: Any, prefix: Path = ()) -> Iterator[Problem]:
    """All problems of one validation.

    Args:
        source: the document.
        error: what pydantic found in the part at `prefix`.
        model: what was asked for there.
        prefix: path of the part that was validated.
    """
    for detail in error.errors(include_url=False):
        loc = detail["loc"]
        path = (*prefix, *_without_tag(loc))
        cause = detail.get("ctx", {}).get("error")
        if isinstance(cause, BrokenRulesError):
            yield from (_broken_rule(source, path, each) for each in cause.errors)
        else:
            yield _describe_one(source, detail, path, _fields(model, loc[:-1]))


def _describe_one(source: Source, detail: ErrorDetails, path: Path, fields: dict[str, FieldInfo]) -> Problem:
    kind, name = detail["type"], str(path[-1]) if path else ""
    if kind in UNKNOWN_FIELD:
        instead = _INSTEAD_OF_PRODUCTS if path[:3] == _LISTS[1] else _INSTEAD
        expected = instead.get(name) or one_of(name, fields)
        return problem(source, path, found="an unknown field", expected=expected)
    if kind in {"missing", "missing_argument"}:
        return problem(source, path, found="nothing", expected=_purpose(fields.get(name)))
    if kind.startswith("union_tag"):
        return _unknown_metric(source, path)
    cause = detail.get("ctx", {}).get("error")
    if isinstance(cause, FieldError):
        return _broken_rule(source, path, cause)
    if isinstance(cause, ValueError):
        return problem(source, path, found=shown(source.get(path)), expected=str(cause))
    expected = _EXPECTED.get(kind) or detail["msg"].removeprefix("Input should be ")
    return problem(source, path, found=shown(source.get(path)), expected=expected)


def broken_rules(source: Source, error: ValidationError) -> Iterator[Problem]:
    """Rules that metrics break besides having wrong fields, at which pydantic stops looking.

    Args:
        source: the document.
        error: what pydantic found in the whole of it.
    """
    wrong: dict[tuple[Path, str], set[str]] = defaultdict(set)
    for detail in error.errors(include_url=False):
        loc = detail["loc"]
        at = _place_of_tag(loc)
        if at is not None and len(loc) > at + 1:
            wrong[loc[:at], str(loc[at])].add(str(loc[at + 1]))
    for (path, tag), fields in wrong.items():
        kept = {name: value for name, value in source.get(path).items() if name not in fields}
        needed = {name: value for name, value in _STAND_INS.items() if _is_needed(tag, name)}
        try:
            # Through JSON, as the whole document.
            _TAGS[tag].model_validate_json(json.dumps(needed | kept))
        except ValidationError as error_without:
            for detail in error_without.errors(include_url=False):
                cause = detail.get("ctx", {}).get("error")
                if isinstance(cause, BrokenRulesError):
                    yield from (
                        _broken_rule(source, path, each) for each in cause.errors if not each.reads & fields
                    )


def _is_needed(tag: str, name: str) -> bool:
    field = _TAGS[tag].model_fields.get(name)
    return field is not None and field.is_required()


def _broken_rule(source: Source, path: Path, broken: FieldError) -> Problem:
    inner = (*path, broken.field)
    return problem(source, inner, found=broken.found or shown(source.get(inner)), expected=str(broken))


def _purpose(field: FieldInfo | None) -> str:
    """What a missing field is for."""
    if field is None or not field.description:
        return "a value, because it has no default"
    text = field.description
    return text[0].lower() + text[1:].rstrip(".")


def _unknown_metric(source: Source, path: Path) -> Problem:
    """A metric that is of no known preset or kind."""
    if path[:-1] == _LISTS[1]:
        return _unknown_product_metric(source, path)
    said = kind_of(source.get(path))
    if said is None:
        expected = f"preset: with one of: {', '.join(PRESETS)}; or kind: with one of: {', '.join(KINDS)}"
        return problem(source, path, found="a metric of no preset or kind", expected=expected)
    field, others = ("preset", "kind") if "preset" in source.get(path) else ("kind", "preset")
    known = {"preset": PRESETS, "kind": KINDS}
    if said in known[others]:
        found = problem(source, (*path, field), found=f"{shown(said)}, which is a {others}", expected="")
        return replace(found, expected=f"write {others}: {said}")
    return problem(source, (*path, field), found=shown(said), expected=one_of(said, known[field]))


def _unknown_product_metric(source: Source, path: Path) -> Problem:
    metric = source.get(path)
    kinds = kinds_of(metric)
    if kinds:
        expected = "one of them; each is a metric of its own"
        return problem(source, path, found=" and ".join(kinds), expected=expected)
    for field in metric if isinstance(metric, dict) else ():
        if near := difflib.get_close_matches(field, PRODUCT_KINDS, n=1):
            return problem(source, (*path, field), found="an unknown field", expected=near[0])
    expected = f"one with one of: {', '.join(PRODUCT_KINDS)}"
    return problem(source, path, found="a metric of no kind", expected=expected)


def _without_tag(loc: Path) -> Path:
    """The path without the metric's kind, which pydantic adds and the document does not have."""
    at = _place_of_tag(loc)
    return loc if at is None else (*loc[:at], *loc[at + 1 :])


def _place_of_tag(loc: Path) -> int | None:
    """Where in a location pydantic says the kind of a metric; None outside of metrics."""
    for metrics in _LISTS:
        at = len(metrics) + 1
        if loc[: len(metrics)] == metrics and len(loc) > at and loc[at] in _TAGS:
            return at
    return None


def _fields(model: Any, loc: Path) -> dict[str, FieldInfo]:
    """Fields, as the document spells them, of the model at a location inside `model`."""
    models = _models(model)
    for step in loc:
        if step in _TAGS and len(models) > 1:
            models = _models(_TAGS[str(step)])
        elif isinstance(step, str):
            models = [
                inner
                for outer in models
                for name, field in _spelled(outer).items()
                if name == step
                for inner in _models(field.annotation)
            ]
    return {name: field for each in models for name, field in _spelled(each).items()}


def _spelled(model: type[BaseModel]) -> dict[str, FieldInfo]:
    return {field.alias or name: field for name, field in model.model_fields.items()}


def _models(annotation: Any) -> list[type[BaseModel]]:
    """The pydantic models that an annotation mentions."""
    if isclass(annotation):
        return [annotation] if issubclass(annotation, BaseModel) else []
    return [model for inner in get_args(annotation) for model in _models(inner)]
