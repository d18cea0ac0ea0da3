"""The report as JSON, for machines: the whole view under a schema name. Strict: a missing value is null.

The JSON Schema is made from the view, never by hand; `python -m analysis.report.document` prints it.
"""

import json
import sys
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

from analysis.report.view import ReportView
from engine.codec import from_plain, to_plain

SCHEMA = "rampwise.dev/report/v1"


def to_json(view: ReportView) -> str:
    """JSON text, ending with a newline. ValueError if a number is not finite."""
    return json.dumps(_document(view), allow_nan=False, ensure_ascii=False, indent=2) + "\n"


def canonical_json(view: ReportView) -> str:
    """The same on one line without spaces: the same view has the same text, byte for byte."""
    return json.dumps(_document(view), allow_nan=False, ensure_ascii=False, separators=(",", ":")) + "\n"


def from_json(text: str) -> ReportView:
    """The view again. ValueError when the text is not a report of this schema."""
    document = json.loads(text)
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        msg = f"its `schema` is not {SCHEMA}"
        raise ValueError(msg)
    return from_plain(ReportView, {name: value for name, value in document.items() if name != "schema"})


def json_schema() -> dict[str, Any]:
    """The schema of such documents as plain JSON values (draft 2020-12)."""
    return schema_of(ReportView, SCHEMA)


def schema_of(kind: type, name: str) -> dict[str, Any]:
    """The schema of documents that hold one value and say the schema's name."""
    schema = TypeAdapter(kind).json_schema(mode="serialization", schema_generator=_Untitled)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "properties": {"schema": {"const": name}, **schema["properties"]},
        "required": ["schema", *schema["required"]],
    }


def schema_text() -> str:
    """The schema as the committed file has it."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"


def _document(view: ReportView) -> dict[str, Any]:
    return {"schema": SCHEMA, **to_plain(ReportView, view)}


class _Untitled(GenerateJsonSchema):
    """Without a title per field, which would only repeat its name."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        del schema
        return False


if __name__ == "__main__":
    sys.stdout.write(schema_text())
