"""The definition follows from the model, and is structural."""

from pathlib import Path

import pytest
import yaml

from engine.controller.crd import MOST_AMOUNT, MOST_NAME, definition
from engine.controller.structural import NUMBER_OR_TEXT, OPEN, structural
from engine.spec.document import Spec

COMMITTED = Path(__file__).parents[2] / "manifests/base/crd.yaml"
ROOT = definition()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]


def every_schema(schema, path="$"):
    yield path, schema
    for name, each in schema.get("properties", {}).items():
        yield from every_schema(each, f"{path}.{name}")
    for name in ("items", "additionalProperties"):
        if isinstance(schema.get(name), dict):
            yield from every_schema(schema[name], f"{path}.{name}")


def test_the_committed_definition_is_current():
    assert yaml.safe_load(COMMITTED.read_text()) == definition(), (
        "refresh it: python -m engine.controller.crd > manifests/base/crd.yaml"
    )


def test_the_committed_definition_is_written_out_without_aliases():
    assert "&id" not in COMMITTED.read_text()


def test_every_field_has_a_type_or_is_open():
    for path, schema in every_schema(ROOT):
        assert schema.keys() & {"type", *OPEN, *NUMBER_OR_TEXT}, path
        assert not {"anyOf", "oneOf", "allOf", "$ref", "const", "title", "default"} & schema.keys(), path


def test_no_field_of_the_model_is_lost():
    assert (
        ROOT["properties"]["spec"]["properties"].keys()
        == Spec.model_json_schema(by_alias=True)["properties"].keys()
    )


def test_the_longest_name_leaves_room_for_namespace_and_separator():
    assert MOST_NAME + len("--") < 63


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "string", "title": "X", "default": "a"}, {"type": "string"}),
        ({"const": "a", "type": "string"}, {"type": "string", "enum": ["a"]}),
        (
            {"anyOf": [{"type": "string"}, {"type": "null"}], "description": "d"},
            {"type": "string", "description": "d"},
        ),
        ({"anyOf": [{"type": "string"}, {"type": "object"}]}, {"x-kubernetes-preserve-unknown-fields": True}),
        (
            {"anyOf": [{"type": "string", "pattern": "x"}, {"type": "number", "minimum": 0}]},
            {"x-kubernetes-int-or-string": True, "pattern": "x", "minimum": 0},
        ),
        ({"anyOf": [{"type": "string"}, {"type": "string"}]}, {"x-kubernetes-preserve-unknown-fields": True}),
        ({"type": ["string", "null"]}, {"x-kubernetes-preserve-unknown-fields": True}),
        (
            {"type": "number", "exclusiveMinimum": 0},
            {"type": "number", "minimum": 0, "exclusiveMinimum": True},
        ),
        ({"type": "object"}, {"type": "object", "x-kubernetes-preserve-unknown-fields": True}),
        (
            {"type": "object", "additionalProperties": {"type": "string"}},
            {"type": "object", "additionalProperties": {"type": "string"}},
        ),
        (
            {"$ref": "#/$defs/A", "description": "mine", "$defs": {"A": {"type": "string"}}},
            {"type": "string", "description": "mine"},
        ),
        ({}, {"x-kubernetes-preserve-unknown-fields": True}),
    ],
)
def test_what_a_structural_schema_cannot_say_is_opened(schema, expected):
    assert structural(schema) == expected


def test_bounds_keep_the_units_of_all_kinds_of_metrics():
    metric = ROOT["properties"]["spec"]["properties"]["metrics"]["items"]
    for bound in ("tolerance", "margin"):
        part = metric["properties"][bound]["properties"]["absolute"]
        assert part == {"x-kubernetes-int-or-string": True, "maxLength": MOST_AMOUNT}
    assert len(metric["x-kubernetes-validations"]) == 4


def test_a_product_experiment_keeps_its_forms():
    product = ROOT["properties"]["spec"]["properties"]["product"]
    metric = product["properties"]["metrics"]["items"]
    assert {"conversion", "count", "sum", "ratio", "retention", "quantile"} < metric["properties"].keys()
    assert "required" not in metric
    for field in (
        product["properties"]["ends"],
        product["properties"]["mde"],
        metric["properties"]["within"],
    ):
        assert field["type"] == "string"
        assert field["pattern"]
    assert product["properties"]["variants"]["additionalProperties"]["type"] == "integer"


def test_a_choice_between_objects_is_one_object_that_takes_them_all():
    one = {
        "type": "object",
        "required": ["kind", "a"],
        "properties": {
            "kind": {"const": "one", "type": "string"},
            "a": {"type": "string"},
            "b": {"type": "string", "pattern": "x"},
        },
    }
    other = {
        "type": "object",
        "required": ["kind"],
        "properties": {
            "kind": {"const": "two", "type": "string"},
            "a": {"type": "integer"},
            "b": {"type": "string"},
        },
    }
    assert structural({"oneOf": [one, other]}) == {
        "type": "object",
        "required": ["kind"],
        "properties": {
            "kind": {"type": "string", "enum": ["one", "two"]},
            "a": {"x-kubernetes-preserve-unknown-fields": True},
            "b": {"type": "string"},
        },
    }
