"""A product experiment's report as JSON: the whole analysis with its answer in words, under a schema's name.

The JSON Schema is made from the values; `python -m analysis.report.product.document` prints it.
"""

import json
import sys
from dataclasses import dataclass
from typing import Any

from analysis.product.result import Analysis, Outcome
from analysis.report.document import schema_of
from analysis.report.product import answers
from analysis.report.product.course import Course
from analysis.report.product.ordered import ordered
from analysis.report.product.view import NOTHING, Origin
from engine.codec import from_plain, to_plain

SCHEMA = "rampwise.dev/product-report/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductDocument:
    """What a program reads. Names are never taken away; new ones may come.

    Attributes:
        outcome: what the report says, a grave fault taken into account. headline, why, next_step: in words.
        version, command: see `Origin`. course: how it was released until the look, null where that is not
            known. analysis: all numbers; what is not known is null, and never 0.
    """

    outcome: Outcome
    headline: str
    why: tuple[str, ...]
    next_step: str
    version: str
    command: str
    course: Course | None
    analysis: Analysis


def document(analysis: Analysis, origin: Origin = NOTHING) -> str:
    """JSON text, ending with a newline. ValueError if a number is not finite."""
    made = ProductDocument(
        outcome=answers.outcome_of(analysis),
        headline=answers.headline(analysis),
        why=answers.why(analysis),
        next_step=answers.next_step(analysis),
        version=origin.version,
        command=origin.command,
        course=None if origin.course is None else ordered(origin.course.as_of(analysis.at_s), analysis.plan),
        analysis=ordered(analysis, analysis.plan),
    )
    plain = {"schema": SCHEMA, **to_plain(ProductDocument, made)}
    return json.dumps(plain, allow_nan=False, ensure_ascii=False, indent=2) + "\n"


def read(text: str) -> Analysis:
    """The analysis again. ValueError when the text is no document of this schema."""
    plain = json.loads(text)
    if not isinstance(plain, dict) or plain.get("schema") != SCHEMA:
        msg = f"its `schema` is not {SCHEMA}"
        raise ValueError(msg)
    made = from_plain(ProductDocument, {name: value for name, value in plain.items() if name != "schema"})
    return made.analysis


def json_schema() -> dict[str, Any]:
    """The schema of such documents as plain JSON values (draft 2020-12)."""
    return schema_of(ProductDocument, SCHEMA)


def schema_text() -> str:
    """The schema as the committed file has it."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(schema_text())
