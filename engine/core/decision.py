"""What to do, why, and by which rule: the value that `decide` returns and the event log keeps."""

from dataclasses import dataclass
from enum import StrEnum

from engine.core.target import Weights


class DecisionKind(StrEnum):
    """The five things the engine can do to traffic."""

    SHIFT = "shift"
    PROMOTE = "promote"
    ROLLBACK = "rollback"
    STOP = "stop"
    HOLD = "hold"


class Rule(StrEnum):
    """Rule ids; documentation, events and wording are made from this list."""

    GATE_CLOSED = "gate_closed"
    STOPPED = "stopped"
    SUPERSEDED = "superseded"
    FOREIGN_WRITER = "foreign_writer"
    ROLLED_BACK = "rolled_back"
    TREATMENT_UNHEALTHY = "treatment_unhealthy"
    HARM = "harm"
    ARM_HARMFUL = "arm_harmful"
    PREVIEW_FAILED = "preview_failed"
    HORIZON = "horizon"
    BLIND_TOO_LONG = "blind_too_long"
    UNTRUSTWORTHY_TOO_LONG = "untrustworthy_too_long"
    BLOCKED = "blocked"
    PROMOTED = "promoted"
    CONCLUDED = "concluded"
    FLOORS_MET = "floors_met"
    EVIDENCE = "evidence"
    SETTLED = "settled"
    NOT_YET = "not_yet"


class BlockerKind(StrEnum):
    """What forbids going up and promoting; it never forbids going down."""

    GATE_UNKNOWN = "gate_unknown"
    PAUSED = "paused"
    AWAITING_APPROVAL = "awaiting_approval"
    OUTSIDE_RELEASE_WINDOW = "outside_release_window"
    FREEZE = "freeze"
    FOREIGN_WRITER = "foreign_writer"
    TARGET_GONE = "target_gone"
    CONTROL_UNHEALTHY = "control_unhealthy"
    TREATMENT_NOT_READY = "treatment_not_ready"
    NO_DATA = "no_data"
    UNTRUSTWORTHY = "untrustworthy"
    WARM_UP = "warm_up"
    CLOCK = "clock"


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocker:
    """One reason not to give the treatment more traffic, since when (epoch seconds).

    `treatment_index` says which treatment it is about, where it is about one.
    """

    kind: BlockerKind
    detail: str
    since_s: float
    treatment_index: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What to do now.

    Attributes:
        weights: where traffic should be; None for hold. step: the rung this leads to; None for hold and ends.
        reason: one sentence with numbers. actor: `engine`, or the person whose command this carries out.
        blockers: everything that forbids going up now, also when it did not matter.
    """

    kind: DecisionKind
    rule: Rule
    reason: str
    actor: str = "engine"
    weights: Weights | None = None
    step: int | None = None
    blockers: tuple[Blocker, ...] = ()
