"""What people ask of a run: done at once where nobody drives it, recorded where somebody does."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from engine import wiring
from engine.cli import session
from engine.core.outcome import ExitCode
from engine.core.run import Phase
from engine.core.target import ALL_TO_CONTROL, ALL_TO_TREATMENT, Weights
from engine.driver import LEASE_S, Driver, serve
from engine.ports import Clock
from tests.cli.desk import EXPERIMENT, Desk
from tests.contracts.store_samples import started


def phase(desk: Desk, run_id: str) -> Phase:
    return desk.store.load(run_id).snapshot.run.phase


@pytest.mark.parametrize(
    ("verb", "end", "weights"),
    [
        ("rollback", Phase.ROLLED_BACK, ALL_TO_CONTROL),
        ("stop", Phase.STOPPED, ALL_TO_CONTROL),
        ("promote", Phase.PROMOTED, ALL_TO_TREATMENT),
    ],
)
def test_a_run_that_nobody_drives_is_ended_on_the_spot(
    desk: Desk, verb: str, end: Phase, weights: Weights
) -> None:
    run_id = desk.launched()
    yes = ["--yes"] if verb == "promote" else []
    result = desk.call(verb, run_id, "--reason", "because", *yes)
    assert result.exit_code == ExitCode.OK
    assert (phase(desk, run_id), desk.target.weights) == (end, weights)
    assert "Nobody drives the run, so it is done here." in result.stderr
    assert desk.store.holder(run_id, desk.clock.at_s) is None


def test_a_run_is_found_by_its_experiments_name(desk: Desk) -> None:
    old = desk.launched()
    desk.data("stop", "checkout-v2", "--reason", "first")
    desk.clock.at_s += 100
    new = desk.launched()
    desk.data("stop", "checkout-v2", "--reason", "second")
    reasons = [desk.store.load(run_id).snapshot.run.reason for run_id in (old, new)]
    assert reasons == ["Stopped by ada@desk: first", "Stopped by ada@desk: second"]


def test_pause_resume_and_approve_take_effect(desk: Desk) -> None:
    run_id = desk.launched(EXPERIMENT.replace("[10, 50]", "[{weight: 10, approve: true}, 50]"))
    desk.data("pause", run_id, "--reason", "lunch")
    assert phase(desk, run_id) is Phase.PAUSED
    desk.data("resume", run_id, "--reason", "back")
    assert phase(desk, run_id) is Phase.RUNNING
    for _ in range(8):
        desk.clock.at_s += 10
        desk.data("-q", "serve", "--once")
    desk.data("approve", run_id, "--reason", "fine")
    assert desk.store.load(run_id).snapshot.run.approved == (0,)


def test_a_refused_command_is_exit_1_with_the_reason(desk: Desk) -> None:
    result = desk.call("resume", desk.launched(), "--reason", "back")
    assert result.exit_code == ExitCode.ERROR
    assert "resume was refused: not paused" in result.stderr


def test_promotion_is_refused_while_releases_are_frozen(desk: Desk) -> None:
    run_id = desk.launched()
    desk.data("freeze", "on", "--reason", "Black Friday")
    result = desk.call("promote", run_id, "--reason", "now", "--yes")
    assert result.exit_code == ExitCode.ERROR
    assert "promote was refused: frozen by ada@desk: Black Friday" in result.stderr
    assert desk.target.weights == ALL_TO_CONTROL


def test_promote_without_a_terminal_needs_yes(desk: Desk) -> None:
    run_id = desk.launched()
    result = desk.call("promote", run_id, "--reason", "now")
    assert result.exit_code == ExitCode.USAGE
    assert "add --yes" in result.stderr
    assert list(desk.store.requested(run_id)) == []


@pytest.mark.parametrize(
    ("typed", "end"), [("\n", Phase.RUNNING), ("n\n", Phase.RUNNING), ("y\n", Phase.PROMOTED)]
)
def test_promote_on_a_terminal_asks_and_no_is_the_default(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, typed: str, end: Phase
) -> None:
    monkeypatch.setattr(session, "is_terminal", lambda: True)
    run_id = desk.launched()
    desk.call("promote", run_id, "--reason", "now", typed=typed)
    assert phase(desk, run_id) is end


@pytest.mark.parametrize(
    ("end", "verb"), [("stop", "stop"), ("stop", "rollback"), ("rollback", "stop"), ("promote", "promote")]
)
def test_a_run_that_has_ended_as_asked_for_is_exit_0(desk: Desk, end: str, verb: str) -> None:
    run_id = desk.launched()
    desk.data(end, run_id, "--reason", "done", *(["--yes"] if end == "promote" else []))
    before = len(desk.store.events(run_id))
    result = desk.call(verb, run_id, "--reason", "late", *(["--yes"] if verb == "promote" else []))
    assert result.exit_code == ExitCode.OK
    word = {"stop": "stopped", "rollback": "rolled back", "promote": "promoted"}[end]
    assert result.stderr == f"{run_id}: already {word}; there is nothing to do.\n"
    assert len(desk.store.events(run_id)) == before


@pytest.mark.parametrize("verb", ["promote", "pause", "resume", "approve"])
def test_a_finished_run_takes_no_commands(desk: Desk, verb: str) -> None:
    run_id = desk.launched()
    desk.data("stop", run_id, "--reason", "done")
    result = desk.call(verb, run_id, "--reason", "late", *(["--yes"] if verb == "promote" else []))
    assert result.exit_code == ExitCode.USAGE
    assert f"run {run_id} has ended (stopped on 2027-01-15 08:00:00 UTC)" in result.stderr


@pytest.mark.parametrize("verb", ["promote", "rollback", "stop", "pause", "resume", "approve"])
def test_every_command_wants_a_reason(desk: Desk, verb: str) -> None:
    run_id = desk.launched()
    assert desk.call(verb, run_id).exit_code == ExitCode.USAGE
    result = desk.call(verb, run_id, "--reason", " ")
    assert result.exit_code == ExitCode.USAGE
    assert "say why" in result.stderr


def test_an_unknown_run_is_wrong_usage_and_names_the_near_one(desk: Desk) -> None:
    desk.launched()
    result = desk.call("stop", "checkout-v3", "--reason", "x")
    assert result.exit_code == ExitCode.USAGE
    assert result.stderr == "rampwise: there is no run 'checkout-v3'. Did you mean checkout-v2-0001?\n"


def test_an_act_that_the_target_does_not_do_is_exit_1_and_stays_pending(desk: Desk) -> None:
    run_id = desk.launched()
    desk.target.gone = "connection refused"
    result = desk.call("rollback", run_id, "--reason", "bad", "--timeout", "50ms")
    assert result.exit_code == ExitCode.ERROR
    assert "traffic has not moved yet: connection refused" in result.stderr
    desk.target.gone = None
    desk.data("serve", "--once")
    assert phase(desk, run_id) is Phase.ROLLED_BACK


def test_a_command_to_a_run_that_an_engine_drives_is_done_by_that_engine(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = desk.launched()
    with serving(desk, monkeypatch):
        result = desk.call("stop", run_id, "--reason", "wrong build", "--wait")
    assert result.exit_code == ExitCode.OK
    sources = {event.source for event in desk.store.events(run_id)}
    assert sources == {"cli", "elsewhere/7"}


def test_a_command_that_a_dead_engine_keeps_waiting_is_recorded_and_says_what_to_do(desk: Desk) -> None:
    run_id = desk.launched()
    assert desk.store.acquire(run_id, "dead/9", desk.clock.at_s, LEASE_S)
    result = desk.call("stop", run_id, "--reason", "x", "--timeout", "50ms")
    assert result.exit_code == ExitCode.ERROR
    assert "recorded and not done yet (dead/9 drives it)" in result.stderr
    assert "`rampwise target reset FILE`" in result.stderr
    assert [command.reason for command in desk.store.requested(run_id)] == ["x"]


def test_stop_all_stops_every_run(desk: Desk) -> None:
    first = desk.launched()
    second = desk.launched(
        EXPERIMENT.replace("checkout-v2", "search-v2").replace("{}", "{key: shop/search}", 1)
    )
    result = desk.call("stop", "--all", "--reason", "incident", "--yes")
    assert result.exit_code == ExitCode.OK
    assert [phase(desk, run_id) for run_id in (first, second)] == [Phase.STOPPED, Phase.STOPPED]
    assert f"{second}: stopped: all traffic goes to control." in result.stderr


def test_stop_all_tells_the_runs_it_could_not_stop_and_stops_the_others(desk: Desk) -> None:
    desk.store.create(*another_run(desk))
    desk.launched()
    result = desk.call("stop", "--all", "--reason", "incident", "--yes")
    assert result.exit_code == ExitCode.ERROR
    assert "rampwise: broken-1:" in result.stderr
    assert "`rampwise target reset FILE`" in result.stderr
    assert phase(desk, "checkout-v2-0001") is Phase.STOPPED


def test_stop_all_without_a_terminal_needs_yes(desk: Desk) -> None:
    desk.launched()
    result = desk.call("stop", "--all", "--reason", "incident")
    assert result.exit_code == ExitCode.USAGE
    assert "add --yes" in result.stderr


def test_stop_all_with_a_dead_database_says_how_to_do_without_it(desk: Desk) -> None:
    desk.database.write_bytes(b"this is no database" * 100)
    result = desk.call("stop", "--all", "--reason", "incident", "--yes")
    assert result.exit_code == ExitCode.ERROR
    assert "`rampwise target reset FILE`. It needs nothing but the target." in result.stderr


def test_stop_wants_one_run_or_all(desk: Desk) -> None:
    assert desk.call("stop", "--reason", "x").exit_code == ExitCode.USAGE
    assert desk.call("stop", "some", "--all", "--reason", "x").exit_code == ExitCode.USAGE


def test_a_locked_database_is_exit_1_and_loses_nothing(desk: Desk) -> None:
    run_id = desk.launched()
    other = sqlite3.connect(desk.database, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        result = desk.call("stop", run_id, "--reason", "x")
    finally:
        other.close()
    assert result.exit_code == ExitCode.ERROR
    assert "locked by another program" in result.stderr
    assert phase(desk, run_id) is Phase.RUNNING
    assert desk.call("stop", run_id, "--reason", "again").exit_code == ExitCode.OK


def another_run(desk: Desk):
    """A run whose experiment names a target that is not installed any more."""
    snapshot, _, events = started("broken-1", name="broken", target_key="gone/x", at_s=desk.clock.at_s - 5)
    document = {"apiVersion": "rampwise.dev/v1alpha1", "kind": "ReleaseExperiment"}
    return snapshot, {"document": document, "facts": {}}, events


@contextmanager
def serving(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Another engine that drives all runs, under its own name."""
    store = desk.store
    clock: Clock = desk.clock
    driver = Driver(
        store=store,
        assemble=lambda run_id: wiring.assemble(store, run_id, "elsewhere/7"),
        clock=clock,
        owner="elsewhere/7",
    )
    for run_id in store.active():
        assert driver.step(run_id) is not None
    stop = threading.Event()
    engine = threading.Thread(target=serve, args=(driver, stop, 1))
    engine.start()
    try:
        yield
    finally:
        stop.set()
        engine.join()
