"""Whole releases by flags: the engine ticks, users evaluate the file, and what they get is counted."""

import json
from pathlib import Path

import pytest

from engine.adapters.flags.evaluator import Evaluator
from engine.adapters.gates import write_flag
from engine.core.decision import Rule
from engine.core.run import Phase
from engine.core.target import ALL_TO_CONTROL
from engine.testing.targets import state
from tests.adapters.flags.world import SWITCH, VARIANT, FlagWorld


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
