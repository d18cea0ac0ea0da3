"""A run: one experiment being carried out. State is a fold of events, done by `engine.core.evolve`."""

from dataclasses import dataclass
from enum import StrEnum

from engine.core.decision import Blocker, DecisionKind, Rule
from engine.core.model import Mode
from engine.core.target import ALL_TO_CONTROL, Weights


class Phase(StrEnum):
    """Where a run is in its life."""

    PENDING = "pending"
    RUNNING = "running"
    PAUSED = "paused"
    PROMOTED = "promoted"
    ROLLED_BACK = "rolled_back"
    STOPPED = "stopped"
    EXPIRED = "expired"
    FAILED = "failed"

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen."""
        return self not in {Phase.PENDING, Phase.RUNNING, Phase.PAUSED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """An absolute act on the target: be at these weights.

    Attributes:
        number: counts the run's acts from 1. step: the rung it leads to, None for an end.
        found: weights seen on the target when this was decided. version: the target's version then.
    """

    number: int
    kind: DecisionKind
    rule: Rule
    weights: Weights
    step: int | None
    found: Weights | None
    version: str

    @property
    def takes_all_away(self) -> bool:
        """Whether it ends the run by giving everything to control."""
        return self.kind in {DecisionKind.ROLLBACK, DecisionKind.STOP} and self.rule is not Rule.SUPERSEDED

    @property
    def finishes(self) -> bool:
        """Whether it ends the run by its own will: what only the run needs goes with it."""
        return self.takes_all_away or self.kind is DecisionKind.PROMOTE


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A topic that somebody was told of, and when (epoch seconds)."""

    topic: str
    at_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """The state of one run.

    Attributes:
        seq: number of events folded so far. step: current rung, -1 before the first.
        weights: what the engine last brought about (what it would have, in observe mode).
        step_since_s: when the current weights took effect. windows_done: how many windows counted.
        step_before: the rung at the weights before, None where that is the one below `step`.
        control_well_since_s: when control was last seen to recover, 0 if it was never seen ill.
        pending: an act that was decided and has no successful result yet.
        approved: rungs that a person has allowed to leave upwards. blockers: in force since their `since_s`.
        ended_by: the rule that ended the run.
        last_actor: who made the last decision: `engine`, or a person.
        pending_reason: why the pending act was decided, empty without one. told: see `engine.core.news`.
    """

    id: str
    name: str
    target_key: str
    mode: Mode
    phase: Phase = Phase.PENDING
    seq: int = 0
    launched_s: float = 0.0
    step: int = -1
    weights: Weights = ALL_TO_CONTROL
    step_since_s: float = 0.0
    acts: int = 0
    windows_done: int = 0
    control_well_since_s: float = 0.0
    pending: Act | None = None
    approved: tuple[int, ...] = ()
    blockers: tuple[Blocker, ...] = ()
    last_decision: DecisionKind = DecisionKind.HOLD
    last_rule: Rule = Rule.NOT_YET
    reason: str = ""
    ended_by: Rule | None = None
    ended_s: float | None = None
    last_event_s: float = 0.0
    step_before: int | None = None
    last_actor: str = "engine"
    pending_reason: str = ""
    told: tuple[Told, ...] = ()
