"""The JSON Schema of experiment documents, for editors; made from the models, never by hand.

It knows fields and formats; rules over several fields and the options of plugins are checked by
`rampwise validate` only.
"""

import json
from typing import Any

from engine.spec.document import AnyExperiment


def json_schema() -> dict[str, Any]:
    """The schema as plain JSON values (draft 2020-12)."""
    schema = AnyExperiment.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def schema_text() -> str:
    """The schema as the committed file has it."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"
