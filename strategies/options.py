"""Types of strategy options that more than one strategy has. Field types of every document are elsewhere."""

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict


def a_weight(value: object) -> object:
    """The value, if it is a weight. ValueError says what would be right."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 100:
        msg = "a whole number of percent from 1 to 99, such as 20 (promotion is the 100)"
        raise ValueError(msg)
    return value


Weight = Annotated[int, BeforeValidator(a_weight)]
"""Traffic of a treatment in whole percent, from 1 to 99."""


class StrictOptions(BaseModel):
    """Refuses unknown options and other types than asked for."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True)
