"""`rampwise local down` does not pull a platform from under a run unless somebody says so."""

from pathlib import Path

import pytest

from engine.adapters.traefik import platform_record as records
from engine.cli import local, taking_down
from engine.core.outcome import ExitCode
from tests.cli.desk import EXPERIMENT, Desk


class Platform:
    """Remembers that it was taken down."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.is_down = False

    def down(self) -> None:
        self.is_down = True


@pytest.fixture
def platform(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Platform:
    """The default platform, as far as its record and `down` go."""
    made = Platform(records.locate("default"))
    made.directory.mkdir(parents=True)
    part = records.Part(pid=1, created_s=0.0, ports={})
    record = records.PlatformRecord(
        phase="up", starter=part, owned=False, versions={"checkout": ("v1", "v2")}, parts={}
    )
    records.write(made.directory, record)
    monkeypatch.setattr(local, "_platform", lambda _name: made)
    return made


def launched_on(desk: Desk, service: str) -> str:
    key = f"local/default/{service}"
    return desk.launched(EXPERIMENT.replace("{desk: {}}", f"{{desk: {{key: {key}}}}}", 1))


def test_a_run_that_goes_on_keeps_its_platform_and_is_named(desk: Desk, platform: Platform) -> None:
    run_id = launched_on(desk, "checkout")
    result = desk.call("local", "down")
    assert result.exit_code == ExitCode.USAGE
    assert f"`rampwise stop {run_id} --reason TEXT` ends {run_id}" in result.stderr
    assert "--force" in result.stderr
    assert not platform.is_down


def test_force_takes_the_platform_down_all_the_same(desk: Desk, platform: Platform) -> None:
    launched_on(desk, "checkout")
    desk.data("local", "down", "--force")
    assert platform.is_down


@pytest.mark.parametrize(("typed", "is_down"), [("\n", False), ("y\n", True)])
def test_on_a_terminal_it_asks_and_no_is_the_default(
    desk: Desk, platform: Platform, monkeypatch: pytest.MonkeyPatch, typed: str, is_down: bool
) -> None:
    launched_on(desk, "checkout")
    monkeypatch.setattr(taking_down, "is_terminal", lambda: True)
    desk.call("local", "down", typed=typed)
    assert platform.is_down is is_down


def test_runs_elsewhere_and_runs_that_have_ended_are_in_nobodys_way(desk: Desk, platform: Platform) -> None:
    launched_on(desk, "elsewhere")
    desk.data("stop", "checkout-v2", "--reason", "done")
    desk.data("stop", launched_on(desk, "checkout"), "--reason", "done")
    desk.data("local", "down")
    assert platform.is_down


def test_looking_for_runs_makes_no_database(desk: Desk, platform: Platform) -> None:
    desk.data("local", "down")
    assert platform.is_down
    assert not desk.database.exists()


def test_a_dead_database_is_not_in_the_way(desk: Desk, platform: Platform) -> None:
    desk.database.write_bytes(b"this is no database" * 100)
    result = desk.call("local", "down")
    assert result.exit_code == ExitCode.OK
    assert "cannot be told" in result.stderr
    assert platform.is_down


def test_a_record_that_cannot_be_read_is_not_in_the_way(desk: Desk, platform: Platform) -> None:
    launched_on(desk, "checkout")
    (platform.directory / records.RECORD).write_text("{", encoding="utf-8")
    desk.data("local", "down")
    assert platform.is_down
