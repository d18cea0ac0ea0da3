"""Users are asked while a test goes on, one look at a time, and never after the release has ended."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.core.run import Phase, Run
from engine.core.target import Weights
from engine.demo.asking import EVERY_S, FIRST_AFTER_S, Asking
from engine.demo.scenarios import SCENARIOS
from engine.errors import RampwiseError
from tests.builders import a_run

CHECKOUT = next(each for each in SCENARIOS if each.product is not None)


class Look:
    """A command that goes on until it is given its exit code."""

    def __init__(self, code: int | None = None) -> None:
        self.returncode = code

    def poll(self) -> int | None:
        return self.returncode

    def wait(self, _: float) -> int:
        assert self.returncode is not None
        return self.returncode


class Stage:
    """Notes the commands, and gives each a look."""

    def __init__(self) -> None:
        self.commands: list[tuple[str, ...]] = []
        self.looks: list[Look] = []
        self.next_code: int | None = None
        self.are_home = False
        self.processes = self

    def rampwise(self, _: object, *words: str) -> Look:
        self.commands.append(words)
        self.looks.append(Look(self.next_code))
        return self.looks[-1]

    def send_visitors_home(self, _: object) -> None:
        self.are_home = True

    def log(self, name: str) -> Path:
        return Path(f"{name}.log")


def asking(stage: Stage) -> Asking:
    return Asking(stage, CHECKOUT, Path("checkout.yaml"))  # type: ignore[arg-type]


def in_its_test(**changes: Any) -> Run:
    return a_run(weights=Weights.of(50), **changes)


def test_nobody_is_asked_during_the_canary() -> None:
    stage = Stage()
    made = asking(stage)
    for now_s in (0.0, 100.0, 200.0):
        made.look(a_run(weights=Weights.of(10)), now_s)
    assert (stage.commands, made.note) == ([], "")


def test_the_test_goes_on_for_a_while_before_the_first_look() -> None:
    stage = Stage()
    made = asking(stage)
    made.look(in_its_test(), 0.0)
    made.look(in_its_test(), FIRST_AFTER_S - 0.1)
    assert stage.commands == []
    made.look(in_its_test(), FIRST_AFTER_S)
    assert stage.commands == [("ab", "conclude", "checkout.yaml")]


def test_there_is_one_look_at_a_time_with_a_pause_between() -> None:
    stage = Stage()
    made = asking(stage)
    made.look(in_its_test(), 0.0)
    for now_s in (FIRST_AFTER_S, FIRST_AFTER_S + 1, FIRST_AFTER_S + 2):
        made.look(in_its_test(), now_s)
    assert len(stage.looks) == 1
    stage.looks[0].returncode = 4
    ended_s = FIRST_AFTER_S + 3
    made.look(in_its_test(), ended_s)
    assert made.note == "users say: keep running"
    made.look(in_its_test(), ended_s + EVERY_S - 0.1)
    assert len(stage.looks) == 1
    made.look(in_its_test(), ended_s + EVERY_S)
    assert len(stage.looks) == 2


def test_a_release_that_has_ended_is_asked_about_no_more_and_visitors_go_home() -> None:
    stage = Stage()
    made = asking(stage)
    made.look(in_its_test(), 0.0)
    made.look(replace(in_its_test(), phase=Phase.PROMOTED), 2 * FIRST_AFTER_S)
    assert stage.commands == []
    assert stage.are_home


@pytest.mark.parametrize(
    ("code", "answer"),
    [(0, "ship"), (3, "keep control"), (4, "keep running"), (5, "do not trust"), (1, "no answer")],
)
def test_the_exit_code_is_the_answer(code: int, answer: str) -> None:
    stage = Stage()
    stage.next_code = code
    made = asking(stage)
    for now_s in (0.0, FIRST_AFTER_S, FIRST_AFTER_S + 1):
        made.look(in_its_test(), now_s)
    assert made.answer == answer


def test_the_last_look_is_waited_for_and_the_report_written() -> None:
    stage = Stage()
    stage.next_code = 0
    made = asking(stage)
    for now_s in (0.0, FIRST_AFTER_S):
        made.look(in_its_test(), now_s)
    made.finish(Path("users.html"))
    assert made.answer == "ship"
    assert stage.commands[-1] == ("ab", "report", "checkout.yaml", "--output", "users.html")


def test_a_report_that_is_not_written_fails_the_demonstration() -> None:
    stage = Stage()
    stage.next_code = 1
    with pytest.raises(RampwiseError, match=r"rampwise\.log"):
        asking(stage).finish(Path("users.html"))
