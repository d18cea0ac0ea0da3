"""The committed JSON Schema is the models' own, takes the examples and refuses what it can."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from engine.spec import init, parse, to_plain
from engine.spec.schema import json_schema, schema_text
from engine.spec.yaml_text import load
from tests.spec import documents, test_bad_documents, test_bad_kinds, test_bad_metrics
from tests.spec.documents import threshold

MANIFESTS = Path(__file__).parents[2] / "manifests"
EXAMPLES = sorted(MANIFESTS.glob("examples/*/experiment.yaml"))
BEYOND_A_SCHEMA = {
    # Rules over several fields, the selectors' grammar, the time zone database, and YAML itself.
    *("margin of an empty part", "margin of nothing", "tolerance beyond margin"),
    "tolerance beyond the default margin of good trials",
    *("margin within the default tolerance", "latency without slo", "two metrics of one name"),
    *("one preset twice", "only quality metrics", "weight of a quality metric", "arms of the same labels"),
    *("expression as selector", "selector with an offset", "selector without a name", "limit of everything"),
    *("horizon shorter than the ramp", "ramp longer than the default horizon", "unknown time zone"),
    *("time zone outside of the database", "unknown day", "duration of nothing", "duration of years"),
    *("field twice", "field name that is no text", "document that is no mapping", "empty file"),
    *("two documents", "not YAML", "control character", "alias", "tag", "very deep"),
    *("option of a source that is missing", "number where text belongs", "text where a truth value belongs"),
    *("native histogram of classic buckets", "duration of values without a unit", "effect of nothing"),
    *("duration of values in milliseconds", "duration of a count", "margin of a ratio of nothing"),
    *("tolerance of a mean beyond its margin", "effect within the tolerance", "expression that is none"),
    *("expression of a placeholder", "expression of a range", "expression of a number"),
    *("mean after a switch", "latency without slo after a switch", "nothing to take a switch back"),
}
CASES = test_bad_documents.CASES | test_bad_metrics.CASES | test_bad_kinds.CASES
BAD = {name: text for name, (text, _) in CASES.items() if name not in BEYOND_A_SCHEMA}


def errors_of(document: Any) -> list[str]:
    return [error.message for error in Draft202012Validator(json_schema()).iter_errors(document)]


def test_the_committed_schema_is_up_to_date() -> None:
    committed = MANIFESTS / "schema" / "releaseexperiment.schema.json"
    assert committed.read_text(encoding="utf-8") == schema_text(), (
        f"write it anew: rampwise validate --schema > {committed}"
    )


def test_the_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(json_schema())


def test_there_are_examples_good_and_bad() -> None:
    assert EXAMPLES
    assert set(CASES) > BEYOND_A_SCHEMA


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.parent.name)
def test_the_schema_takes_the_examples(path: Path) -> None:
    # As our loader and editors read YAML 1.2, in which a time is a text.
    assert errors_of(load(path.read_text(encoding="utf-8"), path.name).data) == []


@pytest.mark.parametrize("text", [documents.GOOD, threshold("limit: 1%")])
def test_the_schema_takes_documents_before_and_after_filling_in(text: str) -> None:
    assert errors_of(yaml.safe_load(text)) == []
    assert errors_of(to_plain(parse(text, "x.yaml"))) == []


def test_the_schema_takes_what_init_writes() -> None:
    assert errors_of(yaml.safe_load(init("local"))) == []


@pytest.mark.parametrize("text", BAD.values(), ids=BAD.keys())
def test_the_schema_refuses_bad_fields(text: str) -> None:
    assert errors_of(yaml.safe_load(text)) != []
