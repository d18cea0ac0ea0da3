"""A whole release by flags: the engine ticks, users evaluate the file, and what they get is counted."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.adapters.flags import FlagTarget
from engine.adapters.flags.evaluator import Evaluator
from engine.adapters.gates import open_gate
from engine.core.model import GateChoice
from engine.core.target import ALL_TO_CONTROL
from engine.testing.targets import state
from tests.adapters.flags.places import pins, target_at
from tests.engine.world import World

SWITCH, VARIANT = "exp.checkout.enabled", "exp.checkout.variant"
VARIANTS = {"control": "v1", "treatments": ["v2"]}


@dataclass
class FlagWorld(World):
    """Each request is a user's, who has the variant that the file's flag says.

    Attributes:
        more: options of the target. had: the treatment's users so far.
        lost: those of them who were given control again.
    """

    file: Path = field(kw_only=True)
    more: dict[str, Any] = field(default_factory=dict)
    had: set[str] = field(default_factory=set)
    lost: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        super().__post_init__()
        options = {**VARIANTS, **self.more}
        state(target_at(self.file, **options).apply(ALL_TO_CONTROL))
        self.target: FlagTarget = target_at(self.file, **{**options, **pins(self.file, **options)})
        gate = GateChoice(provider="file", flag=SWITCH, options={"path": str(self.file)})
        self.gate = open_gate(gate, "checkout")

    def pass_time(self, seconds: int) -> None:
        for _ in range(seconds // 5):
            self.clock.at_s += 5
            evaluator = Evaluator(json.loads(self.file.read_text())["flags"])
            for _ in range(self.requests_per_s * 5):
                self._serve(evaluator, f"user-{self.chance.randrange(3000)}")
            self.scrape()

    def _serve(self, evaluator: Evaluator, user: str) -> None:
        variant = evaluator.string(VARIANT, user).value
        rate = self.error_rates[variant != "v1"]
        self._counts[variant][0] += 1
        self._counts[variant][1] += self.chance.random() < rate
        if variant == "v2":
            self.had.add(user)
        elif user in self.had:
            self.lost.add(user)
