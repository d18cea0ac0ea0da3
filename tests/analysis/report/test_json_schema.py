"""The committed JSON Schema of reports is the view's own, takes real documents and refuses broken ones."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from analysis.report.document import canonical_json, from_json, json_schema, schema_text, to_json
from tests.analysis.report.scenario import rolled_back
from tests.analysis.report.stories import QUERY, STORIES

COMMITTED = Path(__file__).parents[3] / "manifests" / "schema" / "report.schema.json"


def errors_of(document: Any) -> list[str]:
    return [error.message for error in Draft202012Validator(json_schema()).iter_errors(document)]


def test_the_committed_schema_is_up_to_date() -> None:
    assert COMMITTED.read_text(encoding="utf-8") == schema_text(), (
        f"write it anew: python -m analysis.report.document > {COMMITTED}"
    )


def test_the_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(json_schema())


@pytest.mark.parametrize("name", STORIES)
def test_the_schema_takes_real_reports(name: str) -> None:
    assert errors_of(json.loads(to_json(STORIES[name]().view(queries=[QUERY])))) == []


def broken() -> dict[str, dict[str, Any]]:
    whole = json.loads(to_json(rolled_back().view()))
    return {
        "another schema": whole | {"schema": "rampwise.dev/report/v0"},
        "no schema": {name: value for name, value in whole.items() if name != "schema"},
        "no headline": {name: value for name, value in whole.items() if name != "headline"},
        "a phase that is none": whole | {"phase": "lost"},
        "a weight in words": whole | {"weight_pct": "five"},
        "a log entry without a time": whole
        | {"log": [{name: value for name, value in whole["log"][0].items() if name != "at_s"}]},
    }


@pytest.mark.parametrize("name", broken())
def test_the_schema_refuses_what_is_broken(name: str) -> None:
    assert errors_of(broken()[name]) != []


@pytest.mark.parametrize("name", STORIES)
def test_a_report_comes_back_from_both_texts(name: str) -> None:
    view = STORIES[name]().view(queries=[QUERY])

    assert from_json(to_json(view)) == view
    assert from_json(canonical_json(view)) == view
    assert json.loads(canonical_json(view)) == json.loads(to_json(view))


def test_another_schema_s_text_is_refused() -> None:
    with pytest.raises(ValueError, match=r"rampwise\.dev/report/v1"):
        from_json('{"schema": "rampwise.dev/report/v2"}')
