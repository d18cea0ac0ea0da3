"""What all parts of a document have in common: strictness, and rules over several fields."""

from pydantic import BaseModel, ConfigDict


class FieldError(ValueError):
    """A rule over several fields is broken.

    Attributes:
        field: where it shows. found: what was found, if not just the field's value.
        reads: all fields that the rule looks at.
    """

    def __init__(self, field: str, expected: str, found: str = "", reads: tuple[str, ...] = ()) -> None:
        super().__init__(expected)
        self.field = field
        self.found = found
        self.reads = frozenset({field, *reads})


class BrokenRulesError(ValueError):
    """All rules over several fields that a model breaks."""

    def __init__(self, errors: tuple[FieldError, ...]) -> None:
        super().__init__("; ".join(map(str, errors)))
        self.errors = errors


class StrictModel(BaseModel):
    """Refuses unknown fields and other types than asked for."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True)
