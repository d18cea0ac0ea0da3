"""The reference of product experiments names every field and default, and its examples are valid."""

import re
from pathlib import Path

import pytest
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from engine.core.product import Correction, Method, Spending
from engine.fields import format_percent
from engine.spec import parse, product_plan, to_plain
from engine.spec.product import ColumnsField, DataField, DimensionField, ProductField
from engine.spec.product_metrics import KINDS
from engine.spec.product_parts import QuantileField, RatioField, RetentionField, ValueField, default_name

TEXT = (Path(__file__).parents[2] / "docs" / "reference" / "product.md").read_text(encoding="utf-8")
SMALLEST, FULL = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
SECTIONS: list[tuple[str, type[BaseModel]]] = [
    ("product", ProductField),
    ("data", DataField),
    ("columns", ColumnsField),
    ("dimensions", DimensionField),
]
NEEDED = {"sum": ValueField, "ratio": RatioField, "retention": RetentionField, "quantile": QuantileField}


def section(title: str) -> str:
    return re.split(rf"\n##+ {re.escape(title)}\n", TEXT)[1].split("\n##")[0]


def rows(title: str) -> dict[str, str]:
    """Default per field, as the section's table has it."""
    return dict(re.findall(r"^\| `([a-z_]+)` \| (.*?) \|", section(title), flags=re.MULTILINE))


def spelled(model: type[BaseModel]) -> set[str]:
    return {field.alias or name for name, field in model.model_fields.items()}


@pytest.mark.parametrize(("title", "model"), SECTIONS)
def test_every_field_is_in_the_reference_and_no_other(title: str, model: type[BaseModel]) -> None:
    assert set(rows(title)) == spelled(model)


@pytest.mark.parametrize(("title", "model"), SECTIONS)
def test_defaults_are_those_of_the_models(title: str, model: type[BaseModel]) -> None:
    for name, field in model.model_fields.items():
        assert (rows(title)[name] == "required") == field.is_required(), name
        default = format_percent(field.default) if name == "mde" else field.default
        if isinstance(default, bool):
            default = str(default).lower()
        if default is not PydanticUndefined and isinstance(default, str | int | float):
            assert rows(title)[name] == f"`{default}`", name


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_of_a_metric_is_in_the_reference(kind: str) -> None:
    (needs, may_have) = re.findall(rf"^\| `{kind}` \| (.*?) ?\| (.*?) \|$", section("metrics"), re.MULTILINE)[
        0
    ]
    needed = spelled(NEEDED[kind]) if kind in NEEDED else set()
    assert set(re.findall(r"`([a-z_]+)`", needs)) == needed
    fields = set(re.findall(r"`([a-z_]+)`", may_have))
    assert fields == spelled(KINDS[kind]) - {kind}
    assert fields <= set(re.findall(r"^\| `([a-z_]+)` \|", section("metrics"), re.MULTILINE))


@pytest.mark.parametrize(
    ("title", "words"), [("method", Method), ("correction", Correction), ("product", Spending)]
)
def test_every_choice_is_in_the_reference(title: str, words: type[Method | Correction | Spending]) -> None:
    assert all(f"`{word}`" in section(title) for word in words)


def test_the_first_example_has_nothing_but_what_is_required() -> None:
    section = parse(SMALLEST, "docs").source.data["spec"]["product"]
    assert set(section) == {name for name, field in ProductField.model_fields.items() if field.is_required()}


def test_the_second_example_has_every_field_and_every_kind() -> None:
    document = parse(FULL, "docs")
    said = document.source.data["spec"]["product"]
    assert set(said) == spelled(ProductField)
    assert {kind for metric in said["metrics"] for kind in KINDS if kind in metric} == set(KINDS)
    assert product_plan(document) is not None


def test_metrics_are_called_as_the_reference_says() -> None:
    said = parse(FULL, "docs").source.data["spec"]["product"]["metrics"]
    names = re.search(r"unique among these: (.*?)\.", section("metrics"))
    assert names is not None
    assert {default_name(metric) for metric in said} == set(re.findall(r"`([^`]+)`", names[1]))


def test_a_guardrail_has_the_margin_that_the_reference_says() -> None:
    text = SMALLEST + "      - {count: visit, role: guardrail}\n"
    margin = to_plain(parse(text, "docs"))["spec"]["product"]["metrics"][1]["margin"]
    assert f"`{{relative: {margin['relative']}}}` of a guardrail" in section("metrics")
