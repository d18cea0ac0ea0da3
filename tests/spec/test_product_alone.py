"""A document with `product` alone declares nothing to launch; half a release stays wrong."""

from itertools import combinations
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from engine.errors import SpecError
from engine.spec import (
    Document,
    ProductDocument,
    from_plain,
    parse,
    parse_any,
    product_plan,
    read_any,
    to_plain,
    to_yaml,
)
from engine.spec.schema import json_schema
from tests.spec.documents import GOOD
from tests.spec.products import SMALLEST

RELEASE = ("target", "strategy", "metrics")


def without(*fields: str, text: str = SMALLEST) -> str:
    document = yaml.safe_load(text)
    for field in fields:
        del document["spec"][field]
    return yaml.safe_dump(document, sort_keys=False)


ALONE = without(*RELEASE)


def problems(text: str) -> list[str]:
    with pytest.raises(SpecError) as caught:
        parse_any(text, "x.yaml")
    return [str(each) for each in caught.value.problems]


def is_valid(text: str) -> bool:
    return Draft202012Validator(json_schema()).is_valid(yaml.safe_load(text))


def test_it_is_read_as_a_product_experiment() -> None:
    document = parse_any(ALONE, "x.yaml")
    assert isinstance(document, ProductDocument)
    assert document.name == "checkout-v2"
    assert product_plan(document) == product_plan(parse(SMALLEST, "x.yaml"))
    assert is_valid(ALONE)


def test_a_release_is_read_as_one_with_and_without_a_product_experiment() -> None:
    for text in (GOOD, SMALLEST):
        document = parse_any(text, "x.yaml")
        assert isinstance(document, Document)
        assert document.content == parse(text, "x.yaml").content


def test_it_may_be_described_and_survives_being_written(tmp_path: Path) -> None:
    document = yaml.safe_load(ALONE)
    document["spec"]["description"] = "One page instead of three."
    file = tmp_path / "alone.yaml"
    file.write_text(yaml.safe_dump(document))
    first = read_any(file)
    again = parse_any(to_yaml(first), "again.yaml")
    assert again.content == first.content
    assert is_valid(to_yaml(first))
    assert to_plain(again)["spec"]["description"] == "One page instead of three."


def test_to_who_wants_a_release_it_says_what_to_add() -> None:
    with pytest.raises(SpecError) as caught:
        parse(ALONE, "x.yaml")
    assert str(caught.value) == (
        "x.yaml:5: spec: found a product experiment alone, which declares nothing to launch; "
        "expected target, strategy and metrics beside product; `rampwise ab` looks at it as it is"
    )
    with pytest.raises(SpecError, match="declares nothing to launch"):
        from_plain(yaml.safe_load(ALONE))


@pytest.mark.parametrize("gone", [*combinations(RELEASE, 1), *combinations(RELEASE, 2)])
def test_half_a_release_names_what_is_missing(gone: tuple[str, ...]) -> None:
    text = without(*gone)
    told = [each.split(": ")[1] for each in problems(text) if "found nothing" in each]
    assert sorted(told) == sorted(f"spec.{field}" for field in gone)
    assert not is_valid(text)


def test_a_field_of_a_release_asks_for_the_rest_of_it() -> None:
    document = yaml.safe_load(ALONE)
    document["spec"]["interval"] = "10s"
    told = [each.split(": ")[1] for each in problems(yaml.safe_dump(document))]
    assert sorted(told) == ["spec.metrics", "spec.strategy", "spec.target"]


def test_its_own_mistakes_are_told_by_line() -> None:
    text = ALONE.replace("  product:", "  descripton: some\n  product:").replace("data: data/", "data: 5")
    assert problems(text) == [
        "x.yaml:6: spec.descripton: found an unknown field; expected description",
        "x.yaml:12: spec.product.data: found 5; expected a mapping of fields",
    ]


def test_rules_over_several_fields_hold_for_it_too() -> None:
    (told,) = problems(ALONE.replace("control: 50", "contrl: 50"))
    assert "spec.product.control: found 'control', which is no variant" in told
