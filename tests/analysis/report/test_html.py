"""The page: well-formed, self-contained, harmless with hostile names, and readable without its charts."""

import re
from collections import Counter
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from importlib.resources import files
from itertools import pairwise

import pytest
from markupsafe import Markup

from analysis.report.html import to_html
from analysis.report.live import LiveBar
from engine.core.measure import MissingReason, Trials, TrialsReading
from tests.analysis.report.scenario import (
    Story,
    better_of_two,
    blind,
    measured,
    observing,
    preview_failed,
    promoted,
    renamed,
    rolled_back,
    settled,
    split_broken,
    three_metrics,
)
from tests.builders import a_metric, an_experiment

VOID = {"meta", "br", "link", "img", "hr", "input"}
LOADING = {"src", "href", "srcset", "action", "data", "poster", "background", "xlink:href", "formaction"}
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"


@dataclass
class Page(HTMLParser):
    """Elements with their attributes, checked for matching tags while parsing."""

    elements: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    inside: list[str] = field(default_factory=list)
    text: str = ""

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.inside.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.inside.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]


def parsed(text: str) -> Page:
    page = Page()
    page.feed(text)
    page.close()
    assert page.inside == []
    return page


def only_missing() -> Story:
    story = Story()
    story.observe([blind(), blind(MissingReason.STALE)])
    return story


STORIES = {
    "rolled_back": rolled_back,
    "promoted": promoted,
    "observing": observing,
    "nothing_observed": Story,
    "only_missing": only_missing,
    "better_of_two": better_of_two,
    "split_broken": split_broken,
    "settled": settled,
    "preview_failed": preview_failed,
}


@pytest.fixture(scope="module", params=STORIES)
def html(request: pytest.FixtureRequest) -> str:
    return to_html(STORIES[request.param]().view())


def test_the_page_is_well_formed_and_accessible(html: str) -> None:
    page = parsed(html)
    ids = Counter(attributes["id"] for _, attributes in page.elements if "id" in attributes)

    assert max(ids.values()) == 1
    assert len(page.all("h1")) == 1
    assert page.all("html") == [{"lang": "en"}]
    assert {each["aria-labelledby"] for _, each in page.elements if "aria-labelledby" in each} <= set(ids)
    assert len(page.all("table")) == len(page.all("caption"))
    assert all(each.get("scope") in {"row", "col", "rowgroup"} for each in page.all("th"))
    assert all(each["datetime"].endswith("Z") for each in page.all("time"))
    pictures = [attributes for _, attributes in page.elements if attributes.get("role") == "img"]
    assert 2 * len(pictures) == len(charts(page))
    assert all(each["aria-hidden"] == "true" for each in page.all("svg"))
    assert all(len(each["aria-label"]) > 40 for each in pictures)


def test_the_page_loads_nothing(html: str) -> None:
    page = parsed(html)
    targets = [value for _, each in page.elements for name, value in each.items() if name in LOADING]

    assert targets == ["#report"]
    assert page.all("script") == []
    assert "url(" not in html
    assert "@import" not in html
    assert "xmlns" not in html


def test_a_run_with_data_has_a_chart_in_every_figure() -> None:
    page = parsed(to_html(rolled_back().view()))

    assert len(page.all("figure")) == 7
    assert len(charts(page)) == 14


def test_a_run_without_data_says_so_in_place_of_its_charts() -> None:
    page = parsed(to_html(Story().view()))

    assert page.text.count("Nothing measured yet.") == 5
    assert "no complete window yet" in page.text
    assert "0 of 0" not in page.text


def test_a_metric_that_control_never_failed_has_its_difference_drawn_and_not_its_ratio() -> None:
    page = parsed(to_html(flawless().view()))

    assert len(charts(page)) == 2 * len(page.all("figure"))
    assert "v1 had no bad requests, so there is no ratio; drawn is the difference" in page.text
    assert "no ratio (v1 had none)" in page.text
    assert "Nothing measured yet." not in page.text


def test_a_latency_without_an_objective_says_why_it_has_no_chart() -> None:
    _, latency, _ = three_metrics()
    story = Story(an_experiment(metrics=(replace(latency, slo_s=None, weight=1.0),)))
    story.observe([{"latency": measured(treatment=5)["latency"]}] * 3)

    assert "Without a latency objective there is no share to draw." in parsed(to_html(story.view())).text


def test_every_cell_that_becomes_a_line_on_a_phone_says_what_it_is() -> None:
    text = to_html(rolled_back().view())
    cells = re.findall(r"<td([^>]*)>", re.sub(r'<table class="data">.*?</table>', "", text, flags=re.DOTALL))

    assert cells
    assert all("data-label=" in cell or "first" in cell for cell in cells)


def test_the_source_s_own_text_about_a_gap_is_folded_away() -> None:
    text = to_html(only_missing().view())

    said = r'<details class="said"><summary>What the source said last</summary>(.*?)</details>'
    folded = re.findall(said, text)
    assert len(folded) == 6
    assert all("connection refused" in each for each in folded)
    assert "connection refused" not in re.sub(r'<details class="said">.*?</details>', "", text)


def test_observe_mode_says_that_nothing_was_changed() -> None:
    assert "observe mode: nothing was changed" in parsed(to_html(observing().view())).text
    assert "observe mode" not in parsed(to_html(promoted().view())).text


def test_hostile_names_stay_text() -> None:
    story = renamed(rolled_back(), HOSTILE)

    page = parsed(to_html(story.view()))

    assert page.all("script") == []
    assert page.all("img") == []
    assert not any(name.startswith("on") for _, each in page.elements for name in each)
    assert HOSTILE in page.text


def test_hostile_metric_names_stay_text_inside_charts() -> None:
    page = parsed(to_html(hostile_metric().view()))

    assert page.all("script") == []
    assert page.all("img") == []
    assert page.text.count("<script>alert(1)</script>") > 5
    assert len(charts(page)) == 8


def test_headings_come_in_order(html: str) -> None:
    levels = [int(name[1]) for name, _ in parsed(html).elements if re.fullmatch(r"h[1-6]", name)]

    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_rows_are_grouped_by_role_and_share_one_axis_per_unit() -> None:
    page = parsed(to_html(better_of_two().view()))
    scales = [each["viewbox"] for each in page.all("svg") if each.get("class") == "scale"]

    groups = re.findall(r"(Objectives|Guardrails|Shown only): ", page.text)
    assert groups == ["Objectives", "Guardrails"]
    assert len(set(scales)) == 1
    assert len([each for each in page.all("svg") if each.get("class") == "forest"]) == 8


def test_results_that_are_not_to_be_trusted_stand_in_place_of_the_verdict() -> None:
    page = parsed(to_html(split_broken().view()))

    assert "Do not trust these results: traffic is not split as planned." in page.text
    assert "planned 49.3 %, seen 37.5 % of 32,000 visitors" in page.text
    assert "is better" not in page.text.split("Metrics")[0]


def test_stages_of_a_plan_are_told_apart() -> None:
    page = parsed(to_html(settled().view()))

    assert "Promoted and settled: v2 has all traffic and kept it." in page.text
    assert "before and after the switch, not concurrent" in page.text
    assert "probes of the preview, no traffic" in page.text
    assert "0 % (preview) for 60 s, 50 % for 60 s, 100 % (settling) for 2 min" in page.text


def test_a_server_puts_its_bar_into_the_page_and_states_its_own_policy() -> None:
    live = LiveBar(head=Markup("<script>1</script>"), bar=Markup("<p>live</p>"))
    view = promoted().view()

    served = to_html(view, live=live)

    assert served.index("Skip to the report") < served.index("<p>live</p>") < served.index("<main")
    assert "Content-Security-Policy" not in served
    assert "Content-Security-Policy" in to_html(view)


def test_every_colour_is_readable_in_both_themes_and_in_print() -> None:
    css = files("analysis.report").joinpath("templates/report.css").read_text("utf-8")
    themes = [
        dict(re.findall(r"--([\w-]+): (#\w+)", block))
        for block in re.findall(r":root \{(.*?)\}", css, re.DOTALL)
    ]

    assert len(themes) == 3
    for theme in themes:
        for name in ("ink", "muted", "good", "bad", "unsure"):
            assert contrast(theme[name], theme["paper"]) >= 4.5
            assert contrast(theme[name], theme["tint"]) >= 4.5
        for name in ("series-1", "series-2", "series-3", "series-4", "grid-strong"):
            assert contrast(theme[name], theme["paper"]) >= 3


def hostile_metric() -> Story:
    story = Story(an_experiment(metrics=(a_metric(name=HOSTILE),)))
    story.step(0)
    story.observe([{HOSTILE: measured(treatment=5)["errors"]}] * 3)
    return story


def flawless() -> Story:
    story = Story(an_experiment())
    story.step(0)
    perfect = TrialsReading(control=Trials(bad=0, total=900), treatment=Trials(bad=1, total=100))
    story.observe([{"errors": perfect}] * 3)
    return story


def charts(page: Page) -> list[dict[str, str]]:
    return [each for each in page.all("div") if each.get("class", "").startswith("chart ")]


def contrast(one: str, other: str) -> float:
    """WCAG 2 contrast ratio."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    parts = [int(digits[start : start + 2], 16) / 255 for start in (0, 2, 4)]
    red, green, blue = (
        part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
