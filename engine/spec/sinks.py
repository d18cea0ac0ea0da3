"""Who is told of what, as a document writes it: one sink plugin by name with its options, and two fields."""

from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from engine.core.model import NoticeKind
from engine.spec.metric_parts import Name
from engine.spec.strict import StrictModel


def _each_once(kinds: tuple[NoticeKind, ...]) -> tuple[NoticeKind, ...]:
    if not kinds:
        msg = "at least one, such as [rollback, promoted]"
        raise ValueError(msg)
    return tuple(dict.fromkeys(kinds))


class SinkField(StrictModel):
    """Somebody to be told: one sink plugin by name with its options, and of what."""

    model_config = ConfigDict(extra="allow", json_schema_extra={"minProperties": 1, "maxProperties": 3})
    __pydantic_extra__: dict[str, dict[str, object] | None] = Field(init=False)

    name: Name | None = None
    """Name of this sink, unique in the experiment; the plugin's, if absent."""
    on: Annotated[tuple[NoticeKind, ...], AfterValidator(_each_once)] = Field(
        default=tuple(kind for kind in NoticeKind if kind is not NoticeKind.LAUNCHED),
        json_schema_extra={"minItems": 1},
    )
    """What to tell: launched, needs_approval, blocked, rollback, promoted, stopped."""

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if len(self.__pydantic_extra__) != 1:
            msg = "one sink plugin by name with its options, besides name and on"
            raise ValueError(msg)
        return self

    @property
    def plugin(self) -> tuple[str, Mapping[str, object]]:
        """The sink plugin's name and options."""
        name, options = next(iter(self.__pydantic_extra__.items()))
        return name, options or {}


def plugin_of(entry: Any) -> Any:
    """What is left of an entry of `notify:` without our own fields; anything but a mapping as it is."""
    if not isinstance(entry, dict):
        return entry
    return {name: value for name, value in entry.items() if name not in SinkField.model_fields}
