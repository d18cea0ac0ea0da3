"""An exposure and an event of a user, as rows. Knows neither HTTP nor tables.

What an exposure is called depends on nothing but who saw what: however many processes tell of the same one,
it is one.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

EXPOSURE_TYPE = "dev.rampwise.exposure.v1"
EVENT_TYPE = "dev.rampwise.event.v1"
"""CloudEvents types."""

EXPOSURE_SOURCE = "/rampwise/exposures"
"""Source of all exposures that are recorded by our own means, so that they count once together."""

LONGEST_TEXT = 200
"""Characters of a name, a unit, or a dimension's value."""

_DIMENSION = re.compile(r"[a-z_][a-z0-9_]{0,62}")
_OTHER_COLUMNS = frozenset({"unit", "time", "variant"})
_VARIANT_FLAG = re.compile(r"exp\.(.+)\.variant")
_USED = frozenset({"STATIC", "TARGETING_MATCH", "SPLIT", "CACHED"})


class Unfit(ValueError):  # noqa: N818 (a state, as in engine.errors)
    """What is wrong with one record, and what would be right; the others are none the worse for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """A unit got a variant for the first time.

    Attributes:
        source, id: together they name the record; the same pair again is the same exposure.
        at_s: Unix time. dimensions: by which results are broken down.
    """

    source: str
    id: str
    experiment: str
    unit: str
    variant: str
    at_s: float
    dimensions: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Occurrence:
    """Something a unit did: a purchase, a click.

    Attributes:
        source, id: together they name the record; the same pair again is the same occurrence.
        value: its number (an amount, minutes), None where it has none.
        event_id: what the application calls it (an order's number); the same one counts once in an analysis.
    """

    source: str
    id: str
    unit: str
    name: str
    value: float | None
    at_s: float
    event_id: str


Record = Exposure | Occurrence


def experiment_of(flag_key: str) -> str | None:
    """The experiment whose variant this flag tells, None for any other flag.

    >>> experiment_of("exp.checkout-v2.variant"), experiment_of("exp.checkout-v2.enabled")
    ('checkout-v2', None)
    """
    found = _VARIANT_FLAG.fullmatch(flag_key)
    return found and found[1]


def is_exposure(reason: str | None, variant: str | None) -> bool:
    """Whether an evaluation gave a unit its variant, rather than a default that stands in for one.

    >>> is_exposure("TARGETING_MATCH", "v2"), is_exposure("DEFAULT", "v1"), is_exposure("DISABLED", None)
    (True, False, False)
    """
    return bool(variant) and reason in _USED


def exposure_id(experiment: str, run: str, variant: str, unit: str) -> str:
    """The same for whoever tells of it. `run` keeps a later run of the same experiment apart."""
    told = json.dumps([experiment, run, variant, unit]).encode()
    return hashlib.sha256(told).hexdigest()[:32]


def is_text(value: object) -> bool:
    """Whether this can be a name or a value in a table: printable, not empty, not too long."""
    return isinstance(value, str) and 0 < len(value) <= LONGEST_TEXT and value.isprintable()


def is_dimension(name: object) -> bool:
    """Whether this can be the name of a column of exposures, in every database.

    >>> is_dimension("app_version"), is_dimension("appVersion"), is_dimension("unit")
    (True, False, False)
    """
    return isinstance(name, str) and bool(_DIMENSION.fullmatch(name)) and name not in _OTHER_COLUMNS


def dimension_text(value: object) -> str | None:
    """A dimension's value as text, None where it is none.

    >>> dimension_text(True), dimension_text(3), dimension_text("de"), dimension_text(["de"])
    ('true', '3', 'de', None)
    """
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return str(value)
        case str() if is_text(value):
            return value
        case _:
            return None
