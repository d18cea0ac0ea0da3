"""One run's trouble is no other run's: neither the emergency stop nor a launch is held up by it."""

import sqlite3
from threading import Thread

import pytest

from engine.adapters.fakes import FakeTarget, FakeTargetOptions
from engine.cli import emergency
from engine.core.outcome import ExitCode
from engine.core.run import Phase
from engine.core.target import Weights
from tests.cli.desk import EXPERIMENT, Desk, DeskTargets
from tests.local.waiting import eventually

SEARCH = EXPERIMENT.replace("checkout-v2", "search-v2").replace("{}", "{key: shop/search}", 1)


def phase(desk: Desk, run_id: str) -> Phase:
    return desk.store.load(run_id).snapshot.run.phase


def damage(desk: Desk, run_id: str) -> None:
    connection = sqlite3.connect(desk.database)
    with connection:
        connection.execute("UPDATE runs SET snapshot = '{' WHERE id = ?", (run_id,))
    connection.close()


def test_a_plugin_that_fails_ends_no_emergency_stop(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = desk.launched(), desk.launched(SEARCH)
    made = DeskTargets.__call__

    def fail_for_the_first(plugin: DeskTargets, options: FakeTargetOptions) -> FakeTarget:
        return made(plugin, options) if options.key == "shop/search" else 1 // 0  # type: ignore[return-value]

    monkeypatch.setattr(DeskTargets, "__call__", fail_for_the_first)
    failed, stopped = emergency.stop_all("incident", 1.0)
    assert (failed.done, stopped.done) == (False, True)
    assert first in failed.text
    assert "`rampwise target reset FILE`" in failed.text
    assert phase(desk, second) is Phase.STOPPED


def test_a_run_that_cannot_be_read_ends_no_emergency_stop(desk: Desk) -> None:
    first, second = desk.launched(), desk.launched(SEARCH)
    damage(desk, first)
    result = desk.call("stop", "--all", "--reason", "incident", "--yes")
    assert result.exit_code == ExitCode.ERROR
    assert f"rampwise: {first}: run {first}, snapshot at event 1 cannot be read" in result.stderr
    assert phase(desk, second) is Phase.STOPPED


def test_a_run_that_does_not_stop_does_not_keep_the_others_waiting(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = desk.launched(), desk.launched(SEARCH)
    monkeypatch.setattr(emergency, "FIRST_LOOK_S", 0.2)
    search = _spoiled(desk.target, desk.targets(FakeTargetOptions(key="shop/search")))
    stopping = Thread(target=emergency.stop_all, args=("incident", None))
    stopping.start()
    try:
        eventually(lambda: phase(desk, second) is Phase.STOPPED)
        assert phase(desk, first) is not Phase.STOPPED
        assert search.weights == Weights.of(0)
    finally:
        desk.target.gone = None
        stopping.join()
    assert phase(desk, first) is Phase.STOPPED


def _spoiled(gone: FakeTarget, other: FakeTarget) -> FakeTarget:
    gone.weights = other.weights = Weights.of(10)
    gone.gone = "no route to host"
    return other


def test_a_run_that_cannot_be_read_blocks_no_launch_of_others(desk: Desk) -> None:
    first = desk.launched()
    damage(desk, first)
    second = desk.launched(SEARCH)
    assert phase(desk, second) is Phase.RUNNING


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (EXPERIMENT, "checkout-v2 is already being released by run checkout-v2-0001"),
        (EXPERIMENT.replace("checkout-v2", "other"), "run checkout-v2-0001 owns the target"),
    ],
)
def test_a_run_that_cannot_be_read_still_owns_its_name_and_target(desk: Desk, text: str, said: str) -> None:
    damage(desk, desk.launched())
    result = desk.call("launch", desk.file(text))
    assert result.exit_code == ExitCode.USAGE
    assert said in " ".join(result.stderr.split())
