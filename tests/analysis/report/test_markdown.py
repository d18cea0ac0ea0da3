"""The report as Markdown: whole outputs, and foreign text that stays text."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from syrupy.assertion import SnapshotAssertion

from analysis.report.markdown import MOST_LOG_ENTRIES, to_markdown
from analysis.report.markdown_text import code, plain
from engine.core.events import Verb
from tests.analysis.report.scenario import Story, renamed, rolled_back
from tests.analysis.report.stories import QUERY, STORIES

HOSTILE = "x|y <img src=x> [a](javascript:b) ![c](d) **e** `zz` @ops #1\n# heading\n| g |"


def cells(line: str) -> int:
    """How many cells a table's line has; an escaped bar is none."""
    return len(re.findall(r"(?<!\\)\|", line)) - 1


def headings(text: str) -> list[str]:
    """All but the title, which is a name."""
    return re.findall(r"^#+ .*", text, re.MULTILINE)[1:]


@pytest.mark.parametrize("name", STORIES)
def test_markdown_is_as_agreed(name: str, snapshot: SnapshotAssertion) -> None:
    assert to_markdown(STORIES[name]().view(queries=[QUERY])) == snapshot


@pytest.mark.parametrize("name", STORIES)
def test_every_line_of_a_table_has_as_many_cells_as_its_head(name: str) -> None:
    for text in (to_markdown(STORIES[name]().view()), to_markdown(renamed(STORIES[name](), HOSTILE).view())):
        tables = re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE)
        assert len(tables) >= 3
        for each in tables:
            assert len({cells(line) for line in each.splitlines()}) == 1


def test_foreign_text_brings_no_markup_of_its_own() -> None:
    story = renamed(rolled_back(), HOSTILE)
    story.command(Verb.PAUSE, HOSTILE)

    text = to_markdown(story.view())

    assert not re.search(r"(?<!\\)<(?!/?(details|summary)>)", text)
    assert not re.search(r"(?<!\\)\]\(", text)
    assert not re.search(r"(?<!\\)`zz", text)
    assert "@ops" not in text
    assert headings(text) == headings(to_markdown(rolled_back().view()))


@given(st.text())
def test_any_text_becomes_one_line_without_active_characters(text: str) -> None:
    line = plain(text)

    assert len(line.splitlines()) <= 1
    assert not re.search(r"[*_`|<>\[\]]", re.sub(r"\\.", "", line))


@given(st.text(alphabet="a`| \n", min_size=1))
def test_a_code_span_ends_where_its_text_ends(text: str) -> None:
    span = code(text)
    if not text.split():
        assert span == ""
        return
    fence = re.match("`+", span)
    assert fence is not None
    inside = span.removeprefix(fence[0]).removesuffix(fence[0])
    assert fence[0] not in re.findall("`+", inside)
    assert inside.strip() == " ".join(text.split())


@pytest.mark.parametrize("text", ["- x", "1. x", "12) x", "+ x", "=x"])
def test_a_line_begins_no_list(text: str) -> None:
    assert plain(text) != text
    assert plain(text).replace("\\", "") == text


def test_a_long_log_is_cut_to_its_end_and_says_so() -> None:
    story = Story()
    for number in range(MOST_LOG_ENTRIES + 10):
        story.command(Verb.PAUSE, f"reason {number}.")

    text = to_markdown(story.view())

    assert "reason 9." not in text
    assert f"reason {MOST_LOG_ENTRIES + 9}." in text
    assert f"The last {MOST_LOG_ENTRIES} of {MOST_LOG_ENTRIES + 11} lines" in text


def test_a_short_log_is_whole_and_says_nothing_about_it() -> None:
    assert "The last" not in to_markdown(rolled_back().view())
