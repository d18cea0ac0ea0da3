"""The report's page in a real browser: every story, every look, every width."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from analysis.report.html import to_html
from tests.analysis.report.stories import QUERY, STORIES
from tests.browser.looking import LOOKS, Look, open_all, opened, overflow_px, show, violations, widths_px

pytestmark = pytest.mark.slow


@pytest.fixture(scope="session")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the page of every story."""
    directory = tmp_path_factory.mktemp("pages")
    for name, story in STORIES.items():
        (directory / f"{name}.html").write_text(to_html(story().view(queries=[QUERY])), encoding="utf-8")
    return directory


@pytest.mark.timeout(150)
@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("name", STORIES)
def test_the_page_is_readable_by_all_and_fits(
    chromium: Browser, pages: Path, pictures: Path, name: str, look: Look
) -> None:
    url = (pages / f"{name}.html").as_uri()
    with opened(chromium, url, allow=url) as window:
        for width_px in widths_px(look):
            show(window.page, look, width_px)
            assert overflow_px(window.page) <= 0, f"{width_px} px"
            window.page.screenshot(path=pictures / f"{name}-{look}-{width_px}.png", full_page=True)
        assert (window.said, window.asked) == ([], [])
        open_all(window.page)
        for width_px in widths_px(look):
            show(window.page, look, width_px)
            assert overflow_px(window.page) <= 0, f"{width_px} px, unfolded"
            assert violations(window.page, colours=width_px == widths_px(look)[0]) == [], f"{width_px} px"


@pytest.mark.parametrize("name", STORIES)
def test_the_first_tab_stop_leads_past_the_top(chromium: Browser, pages: Path, name: str) -> None:
    url = (pages / f"{name}.html").as_uri()
    with opened(chromium, url, allow=url) as window:
        window.page.keyboard.press("Tab")
        link = window.page.locator("a.skip")
        assert link.evaluate("each => each === document.activeElement")
        assert link.evaluate("each => each.getBoundingClientRect().top >= 0"), "in sight while it has focus"
        window.page.keyboard.press("Enter")
        target = link.get_attribute("href")
        assert target is not None
        assert window.page.url == f"{url}{target}"
        window.page.keyboard.press("Tab")
        assert window.page.evaluate(
            "target => document.querySelector(target).contains(document.activeElement)", target
        )


@pytest.mark.parametrize("name", STORIES)
def test_everything_folded_unfolds_by_keyboard(chromium: Browser, pages: Path, name: str) -> None:
    url = (pages / f"{name}.html").as_uri()
    with opened(chromium, url, allow=url) as window:
        page = window.page
        count = page.locator("summary").count()
        assert count > 0
        unfolded = 0
        for _ in range(page.locator("a, summary, [tabindex]").count() * 2 + 10):
            page.keyboard.press("Tab")
            if not page.evaluate("document.activeElement.matches('details:not([open]) > summary')"):
                continue
            page.keyboard.press("Enter")
            assert page.evaluate("document.activeElement.parentElement.open")
            unfolded += 1
        assert unfolded == count
        assert window.said == []


def test_focus_is_seen(chromium: Browser, pages: Path) -> None:
    url = (pages / "rolled_back.html").as_uri()
    with opened(chromium, url, allow=url) as window:
        summary = window.page.locator("summary").first
        window.page.keyboard.press("Tab")
        while not summary.evaluate("each => each === document.activeElement"):
            window.page.keyboard.press("Tab")
        outline = summary.evaluate("each => getComputedStyle(each).outlineStyle")
        assert outline != "none"


def test_the_page_is_whole_without_scripts(chromium: Browser, pages: Path) -> None:
    url = (pages / "rolled_back.html").as_uri()
    with opened(chromium, url, allow=url) as scripted, opened(chromium, url, allow=url, script=False) as bare:
        assert bare.page.locator("main").inner_text() == scripted.page.locator("main").inner_text()
