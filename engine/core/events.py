"""The append-only record of a run. Readings and decisions are written before the act, results after it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from engine.core.decision import Decision, Rule
from engine.core.measure import Observation
from engine.core.model import Mode
from engine.core.run import Act
from engine.core.standing import Standing
from engine.core.target import Weights

SCHEMA = 1
"""Version of the event records; old versions stay readable."""


CONCLUDED = "product experiment"
"""The source of orders that carry out the answer of a product experiment: a promotion of that source has
nobody's power to override (see `engine.core.concluded`)."""


class Verb(StrEnum):
    """What a person may ask of a run."""

    PROMOTE = "promote"
    ROLLBACK = "rollback"
    STOP = "stop"
    PAUSE = "pause"
    RESUME = "resume"
    APPROVE = "approve"


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who: a person with user and host, or the engine itself."""

    user: str
    host: str = ""

    def __str__(self) -> str:
        return f"{self.user}@{self.host}" if self.host else self.user


ENGINE = Actor(user="engine")


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A person's request, recorded until the engine that drives the run has done it.

    `treatment` names which one to promote where there are several.
    """

    id: int
    run_id: str
    verb: Verb
    actor: Actor
    reason: str
    source: str
    at_s: float
    treatment: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Freeze:
    """No run may give traffic while this lasts."""

    reason: str
    actor: Actor
    since_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Launched:
    """The run began. `spec` is the complete experiment document with every default filled in."""

    spec: Mapping[str, Any]
    name: str
    target_key: str
    mode: Mode


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """Windows that counted, in order, each exactly once over the whole log.

    `standing` is what the evidence came to after them; None in logs older than it.
    """

    observations: tuple[Observation, ...]
    standing: Standing | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """A decision that differs from the one before it."""

    decision: Decision


@dataclass(frozen=True, slots=True, kw_only=True)
class Intended:
    """An act is about to be done (in observe mode: would be)."""

    act: Act


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """The result of an act: what the target then really routed, or why it could not be done."""

    act_number: int
    ok: bool
    weights: Weights | None
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Commanded:
    """A person's command took effect, or was refused with a reason."""

    command_id: int
    verb: Verb
    step: int | None
    refused: str = ""


Payload = Launched | Observed | Decided | Intended | Applied | Commanded


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One row of the log. `seq` counts from 1 within the run without gaps."""

    run_id: str
    seq: int
    at_s: float
    actor: Actor
    source: str
    reason: str
    rule: Rule | None
    payload: Payload
    schema: int = SCHEMA
