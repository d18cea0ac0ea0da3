"""How a product experiment was released: the course of the run that carried it. Values only; reads no log.

Made of a run's events by whoever holds them; the report shows it beside what users did.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from engine.core.run import Phase


class CourseStage(StrEnum):
    """What a stretch of the release asked."""

    CANARY = "canary"
    """Whether the variants are safe, with little traffic."""
    TEST = "test"
    """Which variant is better, at the fixed split."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CourseStep:
    """A stretch of time at one split, as the target confirmed it.

    Attributes:
        at_s: since when, Unix seconds. weights_pct: whole percents per variant of the product experiment,
            control too, 100 together.
    """

    at_s: float
    stage: CourseStage
    weights_pct: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class CourseEnd:
    """How the release ended.

    Attributes:
        at_s: when, Unix seconds. phase: one of those that have ended. variant: what everybody has had since,
            empty where the run left traffic as it was. reason: why, as its decision says. by: who decided,
            empty for the engine.
    """

    at_s: float
    phase: Phase
    variant: str
    reason: str
    by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """One release from its launch on.

    Attributes:
        run_id: which one. strategy: its name. steps: in the order of time; none before the first weights were
            confirmed. ended: None while it runs.
    """

    run_id: str
    strategy: str
    steps: tuple[CourseStep, ...]
    ended: CourseEnd | None = None

    def began_s(self, stage: CourseStage) -> float | None:
        """When the first stretch of a stage began, Unix seconds; None before that."""
        return next((step.at_s for step in self.steps if step.stage is stage), None)

    def as_of(self, at_s: float) -> "Course":
        """What was known at a time: for a look into the past. Looks are at whole seconds, so are these."""
        return replace(
            self,
            steps=tuple(step for step in self.steps if step.at_s // 1 <= at_s),
            ended=None if self.ended is None or self.ended.at_s // 1 > at_s else self.ended,
        )
