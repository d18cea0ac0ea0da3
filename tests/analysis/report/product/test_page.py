"""The page: well-formed, on its own, the same for the same analysis, harmless with hostile names."""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from analysis.product.result import Analysis, Fault, FaultKind, Outcome
from analysis.report.product.page import page
from analysis.report.product.view import Origin
from tests.analysis.report.product.parts import HOSTILE, TURNED, whole
from tests.analysis.report.product.samples import (
    SAMPLES,
    do_not_trust,
    keep_running,
    named,
    no_guardrails,
    ship,
    three_variants,
)
from tests.analysis.report.test_html import LOADING, parsed

STORIES: Mapping[str, Callable[[], Analysis]] = {
    **SAMPLES,
    "hostile": lambda: named(HOSTILE),
    "turned": lambda: named(TURNED),
}


@pytest.fixture(params=STORIES)
def text(request: pytest.FixtureRequest) -> str:
    return page(STORIES[request.param](), Origin(version="1.2.3", command="rampwise ab report x.yaml"))


def test_elements_match_and_ids_are_there_once(text: str) -> None:
    ids = [attributes["id"] for _, attributes in parsed(text).elements if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_nothing_is_loaded_and_nothing_runs(text: str) -> None:
    whole = parsed(text)
    names = {name for name, _ in whole.elements}
    assert not names & {"script", "link", "iframe", "img", "object", "form"}
    for _, attributes in whole.elements:
        assert not any(name.startswith("on") for name in attributes)
        assert all(value.startswith("#") for name, value in attributes.items() if name in LOADING)
    assert whole.all("meta")[-1]["content"].startswith("default-src 'none'")


def test_links_and_labels_lead_somewhere(text: str) -> None:
    whole = parsed(text)
    ids = {attributes["id"] for _, attributes in whole.elements if "id" in attributes}
    for _, attributes in whole.elements:
        assert attributes.get("aria-labelledby", "verdict") in ids
        assert attributes.get("href", "#verdict").removeprefix("#") in ids


def test_every_chart_has_a_label_a_caption_and_its_data(text: str) -> None:
    whole = parsed(text)
    figures = whole.all("figure")
    assert len(whole.all("figcaption")) == len(figures)
    pictures = [each for each in whole.all("div") if each.get("role") == "img"]
    assert all(each["aria-label"] for each in pictures)
    assert len([each for each in whole.all("details") if each.get("class") == "data-table"]) >= len(pictures)


def test_every_table_has_a_caption_and_scopes(text: str) -> None:
    whole = parsed(text)
    assert len(whole.all("caption")) == len(whole.all("table"))
    assert all(each.get("scope") for each in whole.all("th"))


def test_equal_analyses_have_equal_pages(text: str) -> None:
    assert text in {
        page(story(), Origin(version="1.2.3", command="rampwise ab report x.yaml"))
        for story in STORIES.values()
    }


def test_no_control_character_and_no_turned_direction_is_left(text: str) -> None:
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u200e\u200f\u202a-\u202e\u2066\u2067]", text)
    assert text.count("\u2068") == text.count("\u2069")


def test_words_from_right_to_left_keep_to_themselves() -> None:
    told = page(named("\u05e9\u05dc\u05d5\u05dd \u05e9\u05dc 7"))
    outside = re.sub("\u2068[^\u2068\u2069]*\u2069", "", told)
    assert "\u2068\u05e9\u05dc\u05d5\u05dd \u05e9\u05dc\u2069" in told, "words of one text stay together"
    assert "\u05e9" not in outside


def test_hostile_names_are_text() -> None:
    assert HOSTILE.split('"')[0] in parsed(page(named(HOSTILE))).text


def test_a_grave_fault_takes_the_place_of_the_answer() -> None:
    told = parsed(page(do_not_trust())).text
    assert "Do not trust these results: users are not split as planned where browser is safari" in told
    assert "Ship short" not in told
    assert "What it means with everybody" not in told
    assert "only to be read at the planned end" not in told
    assert verdict_words(page(do_not_trust())) == {"not to be trusted"}


def test_a_grave_fault_wins_over_any_answer() -> None:
    grave = Fault(kind=FaultKind.CROSSED, grave=True, count=900, share=0.07)
    told = page(replace(ship(), faults=(grave,)))
    assert "Ship short" not in told
    assert "too many users were seen in two variants" in told


def test_a_fault_that_is_not_grave_leaves_the_answer() -> None:
    told = parsed(page(keep_running())).text
    assert "Keep running: not enough evidence yet." in told
    assert "2,400 events (2.4\N{NO-BREAK SPACE}%) came again" in told


def test_no_line_ends_between_a_number_and_its_unit_but_a_command_stays_as_it_is() -> None:
    told = page(ship(), Origin(command="rampwise ab report '5 %.yaml'"))
    assert "+0.6\N{NO-BREAK SPACE}pp and +1.8\N{NO-BREAK SPACE}pp" in told
    before, _, rest = told.partition("<code>")
    command, _, after = rest.partition("</code>")
    assert "5 %" in command
    assert not re.search(r"\d (%|pp\b)", before + after)


def test_a_role_without_metrics_says_what_that_means() -> None:
    told = parsed(page(no_guardrails())).text
    assert "No guardrail is declared: harm elsewhere is not looked for." in told
    assert "Shown only" not in told


def test_several_variants_are_told_apart_in_every_row() -> None:
    whole = parsed(page(three_variants()))
    assert len([each for each in whole.all("span") if each.get("class") == "variant"]) == 10


def test_dimensions_say_what_they_may_be_used_for() -> None:
    told = re.sub(r"\s+", " ", parsed(page(ship())).text)
    assert "By browser confirmatory" in told
    assert "By country exploratory" in told
    assert "Claimed: purchase is better with short where it is chrome." in told
    assert told.count("exploratory: a hint for the next experiment, not a result") == 2


def test_only_claims_are_called_what_they_are() -> None:
    alone = replace(whole()[0], claimed=False)
    assert verdict_words(page(ship())) == {"better", "unclear", "not worse", "better, shown only"}
    assert verdict_words(page(replace(ship(), effects=(alone,)))) == {"better, not claimed"}


def test_avoided_words_are_avoided() -> None:
    for story in SAMPLES.values():
        told = parsed(page(story())).text.lower()
        assert "significant" not in told
        assert "winner" not in told
        headline = re.search(r'<h2 id="verdict">(.*?)</h2>', page(story()))
        assert headline is not None
        assert "p-value" not in headline[1]


def test_every_outcome_has_its_look() -> None:
    for name, outcome in (("ship", Outcome.SHIP), ("do_not_trust", Outcome.DO_NOT_TRUST)):
        assert f'<section class="verdict {outcome}"' in page(SAMPLES[name]())


def verdict_words(text: str) -> set[str]:
    """What the metric table says of each row."""
    table = text.partition('<table class="metrics">')[2].partition("</table>")[0]
    return set(re.findall(r'verdict-word \w+"><span aria-hidden="true">.</span> ([^<]+)<', table))
