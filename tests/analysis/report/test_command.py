"""`rampwise report RUN`: the form asked for, on stdout or in a file."""

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from analysis.report.view import ReportView
from engine.cli.report import report
from engine.cli.session import Session
from engine.errors import UsageError
from engine.ports import Snapshot, Store, StoredRun
from tests.analysis.report.scenario import rolled_back


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> typer.Typer:
    """A command line with this one command, over a store that has one run."""
    story = rolled_back()
    stored = StoredRun(spec={}, snapshot=Snapshot(run=story.run, evidence={}, cursor={}))

    def view_of(_: Store, run_id: str) -> ReportView:
        assert run_id == "run-1"
        return story.view()

    monkeypatch.setattr("engine.cli.session.the_store", lambda: None)
    monkeypatch.setattr("engine.cli.lookup.find_run", lambda _, text: stored)
    monkeypatch.setattr("engine.reporting.view_of", view_of)
    app = typer.Typer()
    app.command()(report)
    return app


def test_the_default_is_text_for_people(app: typer.Typer) -> None:
    result = CliRunner().invoke(app, ["checkout-v2"], obj=Session(quiet=False))

    assert result.exit_code == 0
    assert "Rolled back: v1 has all traffic." in result.stdout


def test_json_on_stdout_is_only_json(app: typer.Typer) -> None:
    result = CliRunner().invoke(app, ["checkout-v2", "--format", "json"], obj=Session(quiet=False))

    assert json.loads(result.stdout)["schema"] == "rampwise.dev/report/v1"


def test_a_file_gets_the_page_and_stderr_the_talk(app: typer.Typer, tmp_path: Path) -> None:
    page = tmp_path / "page.html"

    arguments = ["checkout-v2", "--format", "html", "-o", str(page)]
    result = CliRunner().invoke(app, arguments, obj=Session(quiet=False))

    assert page.read_text("utf-8").startswith("<!doctype html>")
    assert result.stdout == ""
    assert str(page) in result.stderr


def test_a_file_that_cannot_be_written_is_named(app: typer.Typer, tmp_path: Path) -> None:
    page = tmp_path / "nowhere" / "page.html"

    result = CliRunner().invoke(app, ["checkout-v2", "-o", str(page)], obj=Session(quiet=False))

    assert isinstance(result.exception, UsageError)
    assert str(page) in str(result.exception)
