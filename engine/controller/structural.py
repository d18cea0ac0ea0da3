"""JSON Schema as pydantic writes it, made a structural schema as a CustomResourceDefinition takes it. Pure.

What a structural schema cannot say is left open and checked by the engine, which says so in the status:
choices between types become open fields, choices between objects one object with the fields of all. Only a
number or a text stays such a choice, and the number must then be whole.
"""

from collections.abc import Mapping, Sequence
from typing import Any

Schema = dict[str, Any]

OPEN: Schema = {"x-kubernetes-preserve-unknown-fields": True}
"""Anything at all."""
NUMBER_OR_TEXT: Schema = {"x-kubernetes-int-or-string": True}
"""The one choice between types that a structural schema has, and that rules can look into."""

_KEPT = (
    "description",
    "type",
    "enum",
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
)
_KEPT_TOO = ("pattern", "required", "minProperties", "maxProperties")
_LOOKS_AROUND = "(?!"
"""How an expression begins to look at what it does not take, which the API server cannot."""


def structural(schema: Mapping[str, Any], defs: Mapping[str, Any] | None = None) -> Schema:
    """The schema without references, unions, defaults and titles; `defs` are those of the whole document."""
    known = {**(defs or {}), **schema.get("$defs", {})}
    if "$ref" in schema:
        named = known[schema["$ref"].rpartition("/")[2]]
        return structural({**named, **{key: value for key, value in schema.items() if key != "$ref"}}, known)
    choices = [each for each in _choices(schema) if each.get("type") != "null"]
    if choices:
        about = {key: schema[key] for key in ("description",) if key in schema}
        return {**_one_of([structural(each, known) for each in choices]), **about}
    if isinstance(schema.get("type"), list) or not _says_type(schema):
        return {**OPEN, **{key: schema[key] for key in ("description",) if key in schema}}
    made = {key: schema[key] for key in (*_KEPT, *_KEPT_TOO) if key in schema}
    if _LOOKS_AROUND in made.get("pattern", ""):
        del made["pattern"]  # the API server's expressions know no such thing
    if "const" in schema:
        made["enum"] = [schema["const"]]
    for bound in ("minimum", "maximum"):
        exclusive = f"exclusive{bound.capitalize()}"
        if exclusive in schema:
            made |= {bound: schema[exclusive], exclusive: True}
    return {**made, **_inside(schema, known)}


def _choices(schema: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """What it chooses between; beside fields of its own, a choice only says which of them go together."""
    return () if "properties" in schema else schema.get("anyOf") or schema.get("oneOf") or ()


def _says_type(schema: Mapping[str, Any]) -> bool:
    return "type" in schema


def _inside(schema: Mapping[str, Any], known: Mapping[str, Any]) -> Schema:
    """Fields of an object, or elements of a list."""
    if "items" in schema:
        return {"items": structural(schema["items"], known)}
    properties = {name: structural(each, known) for name, each in schema.get("properties", {}).items()}
    if {"relative", "absolute"} == properties.keys():
        return {"properties": properties, "minProperties": 1}  # the API may not see into both
    if properties:
        return {"properties": properties}
    values = schema.get("additionalProperties")
    if isinstance(values, Mapping):
        return {"additionalProperties": structural(values, known)}
    return dict(OPEN) if schema.get("type") == "object" else {}


def _one_of(choices: Sequence[Schema]) -> Schema:
    """The one schema that takes all that these take."""
    if len(choices) == 1:
        return choices[0]
    if {_kind(choice) for choice in choices} == {"number", "string"}:
        return _number_or_text(choices)
    if any(choice.get("type") != "object" or "properties" not in choice for choice in choices):
        return dict(OPEN)
    properties: Schema = {}
    for choice in choices:
        for name, each in choice["properties"].items():
            properties[name] = _either(properties.get(name), each)
    needed = set.intersection(*(set(choice.get("required", ())) for choice in choices))
    merged: Schema = {"type": "object", "properties": properties}
    return {**merged, "required": sorted(needed)} if needed else merged


def _number_or_text(choices: Sequence[Schema]) -> Schema:
    """A whole number or a text, with the limits of both; other numbers have to be written as texts."""
    limits: Schema = {key: value for choice in choices for key, value in choice.items() if key != "type"}
    return {**NUMBER_OR_TEXT, **limits}


def _kind(schema: Schema) -> str | None:
    """Its type, in which whole numbers are numbers."""
    if "x-kubernetes-int-or-string" in schema:
        return "number or string"
    return "number" if schema.get("type") == "integer" else schema.get("type")


def _either(one: Schema | None, other: Schema) -> Schema:
    """What fits one or the other; their descriptions may differ, so that the first is kept."""
    if one is None or _same(one, other):
        return one or other
    if "enum" in one and "enum" in other:
        return {**one, "enum": sorted({*one["enum"], *other["enum"]})}
    about = {key: one[key] for key in ("description",) if key in one}
    if "properties" in one and "properties" in other:
        least = {key: one[key] for key in ("minProperties",) if one.get(key) == other.get(key) and key in one}
        return {**about, **_one_of([one, other]), **least}
    kinds = {_kind(one), _kind(other)}
    if "number or string" in kinds and kinds <= {"number or string", "string"}:
        return {**about, **NUMBER_OR_TEXT}
    same_type = one.get("type") == other.get("type") and "type" in one
    if same_type and one["type"] in {"string", "number", "integer", "boolean"}:
        return {**about, "type": one["type"]}
    return {**OPEN, **about}


def _same(one: Schema, other: Schema) -> bool:
    return {**one, "description": ""} == {**other, "description": ""}
