"""The demonstration's processes: each has a log, a kill is no death by itself, and nothing is left."""

import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from engine.demo import processes as owned
from engine.demo.processes import Processes

DEAF = "import signal, time; signal.signal(15, print); print('begun', flush=True); time.sleep(300)"
FOR_LONG = ("-c", "import time; print('begun', flush=True); time.sleep(300)")


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    made = Processes(tmp_path, {"NAME": "ada"})
    yield made
    made.end()


def until(condition: object) -> None:
    deadline_s = time.monotonic() + 30
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline_s
        time.sleep(0.01)


def test_what_a_process_says_is_in_its_log(processes: Processes) -> None:
    ran = processes.run("talk", ("-c", "import os; print(os.environ['NAME'])"))
    assert ran.wait(30) == 0
    assert processes.log("talk").read_text() == "ada\n"


def test_one_that_ends_by_itself_is_dead_and_one_that_was_killed_is_not(processes: Processes) -> None:
    processes.serve("fails", ("-c", "raise SystemExit(3)")).wait(30)
    processes.serve("killed", FOR_LONG)
    processes.kill("killed")
    assert processes.dead() == {"fails": processes.log("fails")}


def test_another_may_take_the_place_of_one_that_was_killed(processes: Processes) -> None:
    first = processes.serve("engine", FOR_LONG)
    processes.kill("engine")
    processes.serve("engine", FOR_LONG)
    assert processes.pid("engine") != first.pid
    assert processes.dead() == {}


def test_nothing_is_left_at_the_end(processes: Processes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(owned, "_SHUTDOWN_S", 0.3)
    deaf = processes.serve("deaf", ("-c", DEAF))
    passing = processes.run("passing", FOR_LONG)
    until(lambda: "begun" in processes.log("deaf").read_text())
    processes.end()
    assert not psutil.pid_exists(deaf.pid)
    assert not psutil.pid_exists(passing.pid)
