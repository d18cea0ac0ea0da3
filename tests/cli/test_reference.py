"""docs/reference/cli.md says what the commands say of themselves, and every command teaches by an example."""

import pytest

from engine.core.outcome import ExitCode
from tests.cli import reference
from tests.cli.desk import Desk


def test_the_documented_help_is_the_real_help() -> None:
    text = reference.written()
    assert reference.refreshed(text) == text, "refresh it: python -m tests.cli.reference"


def test_every_command_is_documented() -> None:
    assert reference.documented(reference.written()).keys() == reference.commands()


@pytest.mark.parametrize("command", sorted(reference.commands() - {""}))
def test_every_command_teaches_by_an_example(command: str) -> None:
    shown = reference.documented(reference.written())[command]
    assert f"\n  Example:\n    rampwise {command}" in shown


def test_help_lists_every_exit_code(desk: Desk) -> None:
    shown = desk.data("--help")
    listed = shown[shown.index("Exit codes:") :]
    assert all(f" {code.value} " in listed for code in ExitCode)
