"""The command as a process: signals, broken pipes, unexpected errors, and how little `--help` loads."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from engine.cli import main, session, trouble
from engine.core.outcome import ExitCode
from tests.cli.desk import Desk

HEAVY = (
    "numpy",
    "scipy",
    "sqlalchemy",
    "alembic",
    "pydantic",
    "requests",
    "openfeature",
    "rich",
    "structlog",
    "duckdb",
    "ibis",
    "pyarrow",
)
COMMAND = [sys.executable, "-m", "tests.cli.process"]


@contextmanager
def process(desk: Desk, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    env = {**os.environ, "RAMPWISE_HOME": str(desk.home)}
    started = subprocess.Popen(
        [*COMMAND, *arguments], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        yield started
    finally:
        started.kill()
        started.communicate()


def read_until(started: subprocess.Popen[str], text: str) -> str:
    """The first line of its stderr with this text; its end without one fails the test."""
    assert started.stderr is not None
    for line in started.stderr:
        if text in line:
            return line
    raise AssertionError(f"ended without saying {text!r}")


@pytest.mark.parametrize(
    ("asked", "loaded"),
    [
        (["--help"], []),
        # typer itself reads a command's arguments with pydantic.
        (["launch", "--help"], ["pydantic"]),
        (["local", "--help"], ["pydantic"]),
        (["ab", "analyze", "--help"], ["pydantic"]),
    ],
)
def test_help_loads_nothing_heavy(asked: list[str], loaded: list[str]) -> None:
    script = (
        "import sys, atexit, json\n"
        f"heavy = {HEAVY!r}\n"
        "atexit.register(lambda: print(json.dumps([name for name in heavy if name in sys.modules])))\n"
        f"sys.argv = ['rampwise', *{asked!r}]\n"
        "from engine.cli.main import main\n"
        "main()\n"
    )
    shown = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert "Usage: rampwise" in shown
    assert json.loads(shown.splitlines()[-1]) == loaded


@pytest.mark.slow
@pytest.mark.parametrize("kind", [signal.SIGTERM, signal.SIGINT])
def test_serve_ends_cleanly_on_a_signal_and_gives_its_runs_up(desk: Desk, kind: signal.Signals) -> None:
    run_id = desk.launched()
    with process(desk, "serve") as engine:
        line = json.loads(read_until(engine, '"run": '))
        engine.send_signal(kind)
        _, rest = engine.communicate(timeout=30)
    assert (line["run"], engine.returncode) == (run_id, ExitCode.OK)
    assert json.loads(rest.splitlines()[-1])["event"] == "ended"
    assert desk.store.holder(run_id, 0.0) is None


@pytest.mark.slow
def test_an_interrupted_launch_is_exit_130_and_its_run_goes_on(desk: Desk) -> None:
    with process(desk, "launch", desk.file(), "--wait") as launching:
        read_until(launching, "at 0 %")
        launching.send_signal(signal.SIGINT)
        _, rest = launching.communicate(timeout=30)
    assert launching.returncode == ExitCode.INTERRUPTED
    assert "goes on only while somebody drives it: start `rampwise serve`" in rest
    assert len(desk.store.active()) == 1


@pytest.mark.slow
def test_a_closed_pipe_is_no_traceback(desk: Desk) -> None:
    with process(desk, "validate", "--schema") as printing:
        assert printing.stdout is not None
        printing.stdout.close()
        printing.stdout = None
        _, said = printing.communicate(timeout=30)
    assert "Traceback" not in said


def test_an_unexpected_error_says_where_the_details_are(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code = broken_call(monkeypatch)
    said = capsys.readouterr().err
    assert code == ExitCode.ERROR
    assert "unexpected ZeroDivisionError: " in said
    assert "RAMPWISE_DEBUG=1" in said
    assert "Traceback" not in said


def test_debug_shows_the_traceback_of_every_error(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(trouble.DEBUG_VARIABLE, "1")
    assert broken_call(monkeypatch) == ExitCode.ERROR
    assert "Traceback" in capsys.readouterr().err
    result = desk.call("status", "nothing")
    assert result.exit_code == ExitCode.USAGE
    assert "Traceback" in result.stderr


def broken_call(monkeypatch: pytest.MonkeyPatch) -> int | str | None:
    monkeypatch.setattr("engine.plugins.listing", lambda: 1 // 0)
    monkeypatch.setattr(sys, "argv", ["rampwise", "plugins"])
    with pytest.raises(SystemExit) as ended:
        main.main()
    return ended.value.code


def test_quiet_leaves_data_and_errors(desk: Desk) -> None:
    result = desk.call("--quiet", "launch", desk.file(), "-o", "name")
    assert (result.stdout, result.stderr) == ("checkout-v2-0001\n", "")
    assert desk.call("--quiet", "launch", desk.file()).stderr.startswith("rampwise: checkout-v2 is already")


def test_db_names_the_database(desk: Desk) -> None:
    other = desk.home / "other.sqlite3"
    desk.data("--db", f"sqlite:///{other}", "freeze", "on", "--reason", "elsewhere")
    assert other.exists()
    assert not desk.database.exists()


def test_the_version_is_the_distributions(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.metadata.version", lambda name: f"1.2.3 of {name}")
    assert desk.data("--version") == "rampwise 1.2.3 of rampwise\n"


def test_an_unknown_command_names_the_near_one(desk: Desk) -> None:
    result = desk.call("lanch")
    assert result.exit_code == ExitCode.USAGE
    assert "launch" in result.stderr


def test_off_a_terminal_there_is_no_colour(desk: Desk) -> None:
    desk.launched()
    assert "\x1b" not in desk.data("list") + desk.data("status", "checkout-v2") + desk.data("plugins")


def test_a_screen_that_cannot_redraw_gets_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session.sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "dumb")
    assert session.redraws() is False
    monkeypatch.setenv("TERM", "xterm")
    assert session.redraws() is True


def test_docs_name_every_exit_code() -> None:
    text = Path("docs/reference/cli.md").read_text(encoding="utf-8")
    for code in ExitCode:
        assert f"| {code.value} |" in text
