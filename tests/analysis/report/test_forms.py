"""The view as terminal text and as JSON: whole outputs, and what must hold for every run."""

import io
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from syrupy.assertion import SnapshotAssertion

from analysis.report.document import SCHEMA, to_json
from analysis.report.terminal import print_report
from analysis.report.view import ReportView
from engine.codec import from_plain
from engine.core.events import Verb
from engine.core.measure import Reading, Trials, TrialsReading
from tests.analysis.report import stories
from tests.analysis.report.scenario import Story, blind, observing, rolled_back
from tests.analysis.report.stories import QUERY
from tests.builders import an_experiment

STORIES = {"rolled_back": rolled_back, "nothing_observed": Story, "observing": observing}


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def text_of(view: ReportView, stream: io.StringIO | None = None) -> str:
    stream = stream or io.StringIO()
    print_report(view, stream)
    return stream.getvalue()


def rounded(value: Any) -> Any:
    """Six digits, and nothing of 1e-15: the last ones differ between processors."""
    match value:
        case float():
            return float(f"{round(value, 15) + 0.0:.6g}") if abs(value) < 1e9 else value
        case dict():
            return {key: rounded(each) for key, each in value.items()}
        case list():
            return [rounded(each) for each in value]
        case _:
            return value


@pytest.mark.parametrize("name", stories.STORIES)
def test_terminal_text_is_as_agreed(name: str, snapshot: SnapshotAssertion) -> None:
    assert text_of(stories.STORIES[name]().view(queries=[QUERY])) == snapshot


@pytest.mark.parametrize("name", STORIES)
def test_json_is_as_agreed(name: str, snapshot: SnapshotAssertion) -> None:
    assert rounded(json.loads(to_json(STORIES[name]().view(queries=[QUERY])))) == snapshot


def test_off_a_terminal_there_is_no_colour() -> None:
    assert "\x1b" not in text_of(rolled_back().view())


def test_off_a_terminal_no_line_is_broken() -> None:
    story = rolled_back()
    reason = "no series: " + "a_long_counter_name_" * 20 + " and some more words " * 20
    story.command(Verb.PAUSE, reason)

    assert any(reason.strip() in line for line in text_of(story.view()).splitlines())


def test_on_a_terminal_verdicts_have_a_colour_and_still_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.delenv("NO_COLOR", raising=False)

    shown = text_of(rolled_back().view(), Terminal())

    assert "\x1b[31m✖ worse" in shown


def test_no_color_is_honoured_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.setenv("NO_COLOR", "1")

    assert "\x1b[31m" not in text_of(rolled_back().view(), Terminal())


def test_square_brackets_in_names_are_text_and_not_markup() -> None:
    story = Story(an_experiment(name="[red]x[/red]"))

    assert "[red]x[/red]" in text_of(story.view())


def test_json_comes_back_as_the_same_view() -> None:
    view = rolled_back().view(queries=[QUERY])
    plain = json.loads(to_json(view))

    assert plain.pop("schema") == SCHEMA
    assert from_plain(ReportView, plain) == view


def test_what_is_missing_is_null_and_never_zero() -> None:
    story = Story()
    story.observe([blind()])

    plain = json.loads(to_json(story.view()))

    assert plain["exposure"]["treatment"] is None
    assert plain["metrics"][0]["treatment"]["rate"] is None
    assert plain["metrics"][0]["effect"] is None
    assert plain["points"][0]["metrics"][0]["control"] is None
    assert plain["decided_after_s"] is None


@st.composite
def arms(draw: st.DrawFn) -> Trials:
    total = draw(st.integers(0, 10**7))
    return Trials(bad=draw(st.integers(0, total)), total=total)


readings: st.SearchStrategy[Reading] = st.one_of(
    st.builds(TrialsReading, control=arms(), treatment=arms()), st.just(blind()["errors"])
)


@settings(max_examples=40, deadline=None)
@given(st.lists(readings, max_size=6))
def test_json_and_text_exist_for_every_run(windows: list[Reading]) -> None:
    story = Story(an_experiment())
    if windows:
        story.observe([{"errors": reading} for reading in windows])
    view = story.view()

    def refuse(constant: str) -> None:
        pytest.fail(f"{constant} is not JSON")

    plain = json.loads(to_json(view), parse_constant=refuse)
    assert len(plain["points"]) == len(windows)
    assert "nan" not in text_of(view).lower().split()
