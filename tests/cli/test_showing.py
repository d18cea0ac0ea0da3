"""What list, status and events print: whole outputs, for people and for programs."""

import io
import json
import signal
import sqlite3
import threading

import pytest
import yaml
from rich.console import Console
from syrupy.assertion import SnapshotAssertion

from engine.cli import events as events_module
from engine.cli import status as status_module
from engine.cli import summary, watching
from engine.core.decision import BlockerKind
from engine.core.outcome import ExitCode
from engine.driver import LEASE_S
from tests.cli.desk import EXPERIMENT, Desk
from tests.contracts.store_samples import started

CALIBRATED = EXPERIMENT.replace("margin: {absolute: 5pp}", "margin: {absolute: 5pp}, dispersion: 1")
"""Decided in a few windows, because nothing about them has to be estimated first."""
FORMS = ("table", "wide", "json", "yaml", "name")


def a_mixed_day(desk: Desk) -> None:
    """A finished run, a blind one, one that waits for a person, and one that cannot be read."""
    desk.source.bad["treatment"] = 200
    desk.call("launch", desk.file(experiment("bad-release", "shop/search")), "--wait")
    desk.source.bad["treatment"] = 10
    desk.launched(experiment("needs-approval", "shop/cart", "steps: [{weight: 10, approve: true}, 50]"))
    driven(desk, "needs-approval", ticks=8)
    desk.launched(experiment("is-blind", "shop/checkout"))
    desk.source.silent = True
    driven(desk, "is-blind", ticks=3)
    desk.source.silent = False
    desk.launched(experiment("undriven", "shop/mail"))
    snapshot, _, log = started("old-1", name="old", target_key="gone/x", at_s=desk.clock.at_s - 500)
    desk.store.create(snapshot, {"document": {}, "facts": {}}, log)


def experiment(name: str, key: str, steps: str = "steps: [10, 50]") -> str:
    text = CALIBRATED.replace("checkout-v2", name).replace("{desk: {}}", f"{{desk: {{key: {key}}}}}", 1)
    return text.replace("steps: [10, 50]", steps)


def driven(desk: Desk, name: str, ticks: int) -> None:
    """Tick a run some times, and leave it in the hands of an engine elsewhere."""
    run_id = next(run_id for run_id in desk.store.active() if run_id.startswith(name))
    for _ in range(ticks):
        desk.clock.at_s += 10
        desk.data("-q", "serve", "--once")
    assert desk.store.acquire(run_id, "elsewhere/7", desk.clock.at_s, LEASE_S * 10)


def test_list_shows_trouble_first(desk: Desk, snapshot: SnapshotAssertion) -> None:
    a_mixed_day(desk)
    for form in FORMS:
        assert desk.data("list", "--all", "-o", form) == snapshot(name=form)


def test_list_leaves_finished_runs_out_unless_asked(desk: Desk) -> None:
    desk.call("launch", desk.file(CALIBRATED), "--wait")
    result = desk.call("list", "-o", "name")
    assert (result.stdout, result.exit_code) == ("", 0)
    assert "No runs." in result.stderr
    assert desk.data("list", "--all", "-o", "name") == "checkout-v2-0001\n"


def test_status_of_a_blocked_run(desk: Desk, snapshot: SnapshotAssertion) -> None:
    a_mixed_day(desk)
    for form in FORMS:
        assert desk.data("status", "needs-approval", "-o", form) == snapshot(name=form)


def test_status_of_a_run_that_was_rolled_back(desk: Desk, snapshot: SnapshotAssertion) -> None:
    a_mixed_day(desk)
    assert desk.data("status", "bad-release") == snapshot


def test_status_tells_what_the_target_really_routes(desk: Desk) -> None:
    run_id = desk.launched(CALIBRATED)
    desk.target.gone = "connection refused"
    told = json.loads(desk.data("status", run_id, "-o", "json"))["live"]
    assert (told["weight_pct"], told["target_trouble"]) == (None, "connection refused")
    assert "actual unknown" in desk.data("status", run_id)


def test_status_tells_of_breakdowns_below_the_metrics(desk: Desk) -> None:
    breakdown = "breakdown: {label: route, values: [/pay, /cart]}, kind: proportion"
    run_id = desk.launched(CALIBRATED.replace("kind: proportion", breakdown))
    told = desk.data("status", run_id)
    assert "errors: None of the 2 values of route is shown to be worse" in told
    assert "errors (route=/pay)" not in told
    (plain,) = json.loads(desk.data("status", run_id, "-o", "json"))["breakdowns"]
    assert [part["value"] for part in plain["parts"]] == ["/pay", "/cart"]


def test_status_explains_queries_when_asked(desk: Desk) -> None:
    run_id = desk.launched(CALIBRATED)
    told = json.loads(desk.data("status", run_id, "--explain", "-o", "json"))
    assert [query["outcome"] for query in told["queries"]] == ["2 series"]
    assert 'errors_total{version=~"v1|v2"}' in desk.data("status", run_id, "--explain")


def test_status_watched_off_a_terminal_prints_one_line_per_change(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = desk.launched(CALIBRATED)

    def tick(_pause_s: float) -> None:
        desk.clock.at_s += 10
        desk.call("-q", "serve", "--once")

    monkeypatch.setattr(status_module.time, "sleep", tick)
    lines = desk.data("status", run_id, "-w").splitlines()
    assert lines == sorted(set(lines), key=lines.index)
    assert lines[0].endswith("◐ running at 0 %  not_yet: launched")
    assert "✔ promoted at 100 %" in lines[-1]
    assert "\x1b" not in "".join(lines)


def test_a_screen_is_drawn_anew_with_every_snapshot(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    run_id = desk.launched(CALIBRATED)
    screen = Console(force_terminal=True, width=120, record=True)
    monkeypatch.setattr(watching, "redraws", lambda: True)
    monkeypatch.setattr(watching, "Console", lambda **_: screen)
    with watching.showing(desk.store, run_id, desk.clock, None, explain=False, stays=True) as show:
        show(desk.store.load(run_id).snapshot)
    assert f"{run_id}   canary   ◐ running at 0 %" in screen.export_text()


@pytest.mark.parametrize(("stays", "left"), [(True, "running at 0 %"), (False, "")])
def test_a_screen_leaves_its_last_picture_only_where_nothing_else_prints_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, stays: bool, left: str
) -> None:
    run_id, paper = desk.launched(CALIBRATED), io.StringIO()
    screen = Console(force_terminal=True, width=120, file=paper)
    monkeypatch.setattr(watching, "redraws", lambda: True)
    monkeypatch.setattr(watching, "Console", lambda **_: screen)
    with watching.showing(desk.store, run_id, desk.clock, None, explain=False, stays=stays) as show:
        show(desk.store.load(run_id).snapshot)
    erased = paper.getvalue().rpartition("\x1b[2K")[2]
    assert left in erased
    assert ("running" in erased) is stays


def test_a_run_that_goes_on_has_one_standing_line(desk: Desk) -> None:
    a_mixed_day(desk)
    shown = desk.data("status", "needs-approval")
    assert shown.count("needs approval") == 1
    assert "decision" not in shown
    assert "blocked" not in shown


def test_the_standing_line_is_the_latest_ticks(desk: Desk) -> None:
    run_id = desk.launched(
        experiment("slow", "shop/slow", "steps: [10, 50]").replace("hold: 30s", "hold: 5min")
    )
    seen = []
    for _ in range(6):
        desk.clock.at_s += 10
        desk.data("-q", "serve", "--once")
        seen.append(desk.data("status", run_id).splitlines()[1])
    assert seen[-2:] == ["Held 40 s of 5 min at 10 %", "Held 50 s of 5 min at 10 %"]


@pytest.mark.parametrize("form", FORMS)
def test_events_of_a_run(desk: Desk, snapshot: SnapshotAssertion, form: str) -> None:
    desk.call("launch", desk.file(CALIBRATED), "--wait")
    assert desk.data("events", "checkout-v2", "-o", form) == snapshot


def test_events_say_how_many_readings_are_left_out(desk: Desk) -> None:
    desk.call("launch", desk.file(CALIBRATED), "--wait")
    assert (
        "events with readings are left out; `-o wide` shows them."
        in desk.call("events", "checkout-v2").stderr
    )


@pytest.mark.parametrize("form", ["json", "yaml"])
def test_followed_events_are_one_document_a_line(desk: Desk, form: str) -> None:
    desk.call("launch", desk.file(CALIBRATED), "--wait")
    lines = desk.data("events", "checkout-v2", "-f", "-o", form).splitlines()
    read = [yaml.safe_load(line.removeprefix("--- ")) for line in lines]
    assert {each["schema"] for each in read} == {"rampwise.dev/event/v1"}
    assert [each["seq"] for each in read] == list(range(1, len(read) + 1))


def test_following_goes_on_until_the_run_ends(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    run_id = desk.launched(CALIBRATED)
    monkeypatch.setattr(
        events_module.time, "sleep", lambda _: desk.call("-q", "stop", run_id, "--reason", "enough")
    )
    lines = desk.data("events", run_id, "-f").splitlines()
    assert [line.split("  ")[3] for line in lines] == [
        "launched",
        "decided",
        "commanded",
        "intended",
        "applied",
    ]


def test_ctrl_c_while_following_is_exit_130(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    run_id = desk.launched(CALIBRATED)
    monkeypatch.setattr(
        events_module.time, "sleep", lambda _: signal.pthread_kill(threading.get_ident(), signal.SIGINT)
    )
    assert desk.call("events", run_id, "-f").exit_code == ExitCode.INTERRUPTED


def test_a_corrupt_event_is_one_clear_message(desk: Desk) -> None:
    run_id = desk.launched(CALIBRATED)
    with sqlite3.connect(desk.database) as database:
        database.execute("UPDATE events SET data = '{' WHERE seq = 1")
    result = desk.call("events", run_id)
    assert result.exit_code == ExitCode.ERROR
    assert result.stderr.startswith(f"rampwise: run {run_id}, event 1")
    assert "Traceback" not in result.stderr


def test_a_corrupt_run_is_told_by_list_and_hides_no_other(desk: Desk) -> None:
    first = desk.launched(CALIBRATED)
    desk.data("stop", first, "--reason", "done")
    second = desk.launched(CALIBRATED)
    with sqlite3.connect(desk.database) as database:
        database.execute("UPDATE runs SET snapshot = '{' WHERE id = ?", (first,))
    result = desk.call("list", "--all", "-o", "json")
    told = json.loads(result.stdout)
    assert [run["id"] for run in told["runs"]] == [second]
    assert [text.startswith(f"run {first}") for text in told["unreadable"]] == [True]
    assert "run_unreadable" in result.stderr


def test_json_is_strict_and_names_its_schema(desk: Desk) -> None:
    a_mixed_day(desk)

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    for command in (("list", "--all"), ("status", "bad-release"), ("events", "bad-release")):
        told = json.loads(desk.data(*command, "-o", "json"), parse_constant=refuse)
        assert told["schema"].startswith("rampwise.dev/")
        assert yaml.safe_load(desk.data(*command, "-o", "yaml")) == told


def test_every_blocker_has_its_place_in_the_order_of_trouble() -> None:
    assert set(summary._WORST_FIRST) == set(BlockerKind)
