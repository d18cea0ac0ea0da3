"""`rampwise report RUN`: the form asked for, on stdout or in a file."""

import json
import re
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from analysis.report.markdown import to_markdown
from analysis.report.table_csv import to_csv
from analysis.report.view import ReportView
from engine.cli.report import Format, report
from engine.cli.session import Session
from engine.errors import CorruptRecord, UsageError
from engine.ports import Snapshot, Store, StoredRun
from tests.analysis.report.scenario import rolled_back


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> typer.Typer:
    """A command line with this one command, over a store that has one run."""
    story = rolled_back()
    stored = StoredRun(spec={}, snapshot=Snapshot(run=story.run, evidence={}, cursor={}))

    def view_of(_: Store, run_id: str) -> ReportView:
        assert run_id == "run-1"
        return story.view()

    monkeypatch.setenv("RAMPWISE_HOME", str(tmp_path / "home"))
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


def test_markdown_and_csv_go_to_stdout_unchanged(app: typer.Typer) -> None:
    markdown = CliRunner().invoke(app, ["checkout-v2", "--format", "markdown"], obj=Session(quiet=False))
    table = CliRunner().invoke(app, ["checkout-v2", "--format", "csv"], obj=Session(quiet=False))

    assert markdown.stdout == to_markdown(rolled_back().view())
    assert table.stdout_bytes.decode() == to_csv(rolled_back().view())


@pytest.fixture
def address(app: typer.Typer) -> str:
    """Of a report that was frozen and whose run is gone."""
    frozen = CliRunner().invoke(app, ["checkout-v2", "--freeze"], obj=Session(quiet=False))
    assert frozen.exit_code == 0
    return frozen.stdout.strip()


@pytest.fixture
def no_store(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks for the database fails."""

    def gone() -> None:
        pytest.fail("a frozen report needs no database")

    monkeypatch.setattr("engine.cli.session.the_store", gone)


def test_freezing_prints_the_address_and_nothing_else(app: typer.Typer) -> None:
    frozen = CliRunner().invoke(app, ["checkout-v2", "--freeze"], obj=Session(quiet=False))

    assert re.fullmatch(r"sha256:[0-9a-f]{64}\n", frozen.stdout)


@pytest.mark.usefixtures("no_store")
@pytest.mark.parametrize("form", list(Format))
def test_a_frozen_report_is_shown_in_every_form_without_the_database(
    form: Format, address: str, app: typer.Typer
) -> None:
    arguments = [address[:20], "--format", form.value]
    shown = CliRunner().invoke(app, arguments, obj=Session(quiet=False))

    assert shown.exit_code == 0
    assert address in shown.stdout
    assert "checkout-v2" in shown.stdout


def test_freezing_with_a_file_writes_the_report_that_says_its_address(
    app: typer.Typer, tmp_path: Path
) -> None:
    page = tmp_path / "page.html"
    arguments = ["checkout-v2", "--freeze", "--format", "html", "-o", str(page)]
    frozen = CliRunner().invoke(app, arguments, obj=Session(quiet=False))

    assert frozen.stdout.strip() in page.read_text("utf-8")


def test_a_form_that_would_go_nowhere_is_refused(app: typer.Typer, tmp_path: Path) -> None:
    arguments = ["checkout-v2", "--freeze", "--format", "html"]
    result = CliRunner().invoke(app, arguments, obj=Session(quiet=False))

    assert isinstance(result.exception, UsageError)
    assert "--output" in str(result.exception)
    assert not (tmp_path / "home").exists()


def test_what_is_frozen_is_not_frozen_again(app: typer.Typer, address: str) -> None:
    result = CliRunner().invoke(app, [address, "--freeze"], obj=Session(quiet=False))

    assert isinstance(result.exception, UsageError)


def test_a_changed_frozen_report_is_refused(app: typer.Typer, address: str, tmp_path: Path) -> None:
    (file,) = (tmp_path / "home" / "reports").iterdir()
    file.write_bytes(file.read_bytes().replace(b"Rolled back", b"Promoted"))

    result = CliRunner().invoke(app, [address], obj=Session(quiet=False))

    assert isinstance(result.exception, CorruptRecord)
    assert result.stdout == ""


@pytest.mark.parametrize("form", list(Format))
def test_the_exit_code_does_not_depend_on_the_verdict(form: Format, app: typer.Typer, tmp_path: Path) -> None:
    arguments = ["checkout-v2", "--format", form.value, "-o", str(tmp_path / "report")]

    assert CliRunner().invoke(app, arguments, obj=Session(quiet=False)).exit_code == 0
