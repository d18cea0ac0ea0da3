"""An in-memory target for tests, ours and those of people who write plugins. It keeps the same contract."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from engine.core.model import Arm
from engine.core.target import (
    ALL_TO_CONTROL,
    Health,
    RouterSeries,
    SessionSeries,
    TargetFacts,
    TargetGone,
    TargetState,
    Weights,
)
from engine.ports import Probed


class FakeTargetOptions(BaseModel):
    """Identity and variant names."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    key: str = "fake/checkout"
    control: str = "v1"
    treatment: str = "v2"
    more_treatments: tuple[str, ...] = ()


class FakeTarget:
    """A target whose health and failures are scripted by the test.

    Attributes:
        weights: what it routes; set it to play a foreign writer.
        health: per arm; both ready since time 0 at first. more_health: of further treatments.
        gone: while this is a text, the target gives no usable answer and changes nothing.
        loses_answers: acts take effect, but the caller hears `gone`.
        applied: every act that changed something, in order.
        router, source_options, sticky, preview_url, sessions: handed out by `facts`.
    """

    Options: ClassVar[type[FakeTargetOptions]] = FakeTargetOptions

    def __init__(self, options: FakeTargetOptions | None = None) -> None:
        self._options = options or FakeTargetOptions()
        self.weights = ALL_TO_CONTROL
        self.health: dict[Arm, Health] = {arm: Health(ready=True, ready_since_s=0.0) for arm in Arm}
        self.more_health = [Health(ready=True, ready_since_s=0.0)] * len(self._options.more_treatments)
        self.gone: str | None = None
        self.loses_answers = False
        self.applied: list[Weights] = []
        self.router: RouterSeries | None = None
        self.source_options: Mapping[str, object] = {}
        self.sticky = False
        self.preview_url: str | None = None
        self.sessions: SessionSeries | None = None
        self.ended = ""
        self.exact = True
        self.rungs_pct: tuple[int, ...] | None = None
        self.pinned: dict[str, object] = {}

    def facts(self) -> TargetFacts:
        """Identity, variant names and labels."""
        options = self._options
        return TargetFacts(
            key=options.key,
            control=options.control,
            treatment=options.treatment,
            arm_labels={
                Arm.CONTROL: {"version": options.control},
                Arm.TREATMENT: {"version": options.treatment},
            },
            router=self.router,
            source_options=self.source_options,
            more_treatments=options.more_treatments,
            more_labels=tuple({"version": version} for version in options.more_treatments),
            sticky=self.sticky,
            preview_url=self.preview_url,
            sessions=self.sessions,
            rungs_pct=self.rungs_pct,
            pinned=self.pinned,
        )

    def observe(self) -> TargetState | TargetGone:
        """The scripted state."""
        if self.gone is not None:
            return TargetGone(detail=self.gone)
        return TargetState(
            weights=self.weights,
            control=self.health[Arm.CONTROL],
            treatment=self.health[Arm.TREATMENT],
            version=self._version(),
            more=tuple(self.more_health),
            ended=self.ended,
            exact=self.exact,
        )

    def _version(self) -> str:
        return hashlib.sha256(f"{self.weights} {self.ended}".encode()).hexdigest()[:16]

    def apply(self, weights: Weights, found: str | None = None) -> TargetState | TargetGone:
        """Be at these weights, unless scripted to be gone, or they are for more treatments than there are."""
        if found is not None and self.gone is None and found != self._version():
            return TargetGone(detail="somebody else moved traffic meanwhile")
        if len(weights.more) > len(self._options.more_treatments):
            return TargetGone(detail=f"{weights} splits traffic over more treatments than there are")
        if self.gone is None and weights != self.weights:
            self.weights = weights
            self.applied.append(weights)
        if self.gone is None and self.loses_answers:
            return TargetGone(detail="the answer was lost")
        return self.observe()


class FakeProber:
    """Answers every probe alike.

    Attributes:
        answer: what every probe finds. asked: how many were sent, call by call.
    """

    def __init__(self) -> None:
        self.answer = Probed(ok=True, took_s=0.01)
        self.asked: list[int] = []

    def probe(
        self, url: str, *, count: int, rate_per_s: float, timeout_s: float, within_s: float
    ) -> Sequence[Probed]:
        """As many answers as asked for, at most as the rate allows."""
        del url, timeout_s
        sent = min(count, max(1, int(rate_per_s * within_s)))
        self.asked.append(sent)
        return [self.answer] * sent
