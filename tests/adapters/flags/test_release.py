"""Whole releases by flags: the engine ticks, users evaluate the file, and what they get is counted."""

import json
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from engine.adapters.flags import FlagTarget
from engine.adapters.flags.evaluator import Evaluator
from engine.adapters.gates import open_gate, write_flag
from engine.core.decision import Rule
from engine.core.model import GateChoice
from engine.core.run import Phase
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
        had: the treatment's users so far. lost: those of them who were given control again.
    """

    file: Path = field(kw_only=True)
    had: set[str] = field(default_factory=set)
    lost: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        super().__post_init__()
        state(target_at(self.file, **VARIANTS).apply(ALL_TO_CONTROL))
        self.target: FlagTarget = target_at(self.file, **{**VARIANTS, **pins(self.file, **VARIANTS)})
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


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "flags.json"


def test_a_good_variant_is_released_to_everybody_and_nobody_goes_back_on_the_way(file: Path) -> None:
    world = FlagWorld(file=file)
    world.launch()
    assert world.until_ended().run.phase is Phase.PROMOTED
    assert len(world.had) > 1000
    assert world.lost == set()
    released = Evaluator(json.loads(file.read_text())["flags"])
    assert [released.string(VARIANT, user).value for user in ("anybody", None)] == ["v2", "v2"]


def test_a_harmful_variant_is_taken_from_everybody(file: Path) -> None:
    world = FlagWorld(file=file, error_rates=(0.01, 0.3))
    world.launch()
    assert world.until_ended().run.phase is Phase.ROLLED_BACK
    assert state(world.target.observe()).weights == ALL_TO_CONTROL


def test_the_kill_switch_stops_a_run_within_a_tick(file: Path) -> None:
    world = FlagWorld(file=file)
    world.launch()
    while world.tick().run.weights == ALL_TO_CONTROL:
        world.pass_time(10)
    write_flag(SWITCH, is_open=False, path=file)
    assert world.tick().run.ended_by is Rule.GATE_CLOSED
    assert state(world.target.observe()).weights == ALL_TO_CONTROL


def test_a_run_stands_back_from_flags_that_somebody_else_wrote(file: Path) -> None:
    world = FlagWorld(file=file)
    world.launch()
    while world.tick().run.weights == ALL_TO_CONTROL:
        world.pass_time(10)
    document = json.loads(file.read_text())
    document["flags"][VARIANT] |= {"targeting": {}, "defaultVariant": "v2"}
    file.write_text(json.dumps(document))
    ended = world.tick().run
    assert ended.ended_by is Rule.SUPERSEDED
    assert json.loads(file.read_text()) == document
