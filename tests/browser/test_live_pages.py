"""The pages of `rampwise serve` in a real browser: readable, fresh by themselves, whole without scripts."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.looking import LOOKS, Look, open_all, opened, overflow_px, show, violations, widths_px
from tests.cli.conftest import desk as desk  # noqa: PLC0414 (a fixture of these tests too)
from tests.web.conftest import Served
from tests.web.conftest import served as served  # noqa: PLC0414

pytestmark = pytest.mark.slow

PATIENCE_MS = 20_000


@pytest.fixture
def run_id(served: Served) -> str:
    """A run with traffic and data."""
    launched = served.launched()
    served.tick(launched, 3)
    return launched


@pytest.mark.timeout(150)
@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("path", ["", "r/{run_id}"])
def test_live_pages_are_readable_by_all_and_fit(
    chromium: Browser, served: Served, run_id: str, pictures: Path, path: str, look: Look
) -> None:
    url = served.url + path.format(run_id=run_id)
    with opened(chromium, url, allow=served.url) as window:
        for width_px in widths_px(look):
            show(window.page, look, width_px)
            assert overflow_px(window.page) <= 0, f"{width_px} px"
            name = f"live-{'run' if path else 'list'}-{look}-{width_px}.png"
            window.page.screenshot(path=pictures / name, full_page=True)
        assert (window.said, window.asked) == ([], [])
        open_all(window.page)
        for width_px in widths_px(look):
            show(window.page, look, width_px)
            assert violations(window.page, colours=width_px == widths_px(look)[0]) == [], f"{width_px} px"


def test_a_run_s_page_follows_the_run_by_itself(chromium: Browser, served: Served, run_id: str) -> None:
    with opened(chromium, f"{served.url}r/{run_id}", allow=served.url) as window:
        page = window.page
        assert "v2 has 10 %" in page.locator("main").inner_text()
        served.tick(run_id, 3)
        expect(page.locator("main")).to_contain_text("v2 has 50 %", timeout=PATIENCE_MS)
        assert window.said == []


def test_an_update_leaves_the_reader_where_they_were(chromium: Browser, served: Served, run_id: str) -> None:
    with opened(chromium, f"{served.url}r/{run_id}", allow=served.url) as window:
        page = window.page
        last = page.locator("summary").last
        last.focus()
        last.press("Enter")
        name = last.inner_text()
        served.tick(run_id, 3)
        expect(page.locator("main")).to_contain_text("v2 has 50 %", timeout=PATIENCE_MS)
        assert page.evaluate("document.activeElement.innerText") == name
        assert page.evaluate("document.activeElement.parentElement.open")


def test_without_scripts_the_pages_are_whole_and_load_themselves_anew(
    chromium: Browser, served: Served, run_id: str
) -> None:
    for path in ("", f"r/{run_id}"):
        url = served.url + path
        with (
            opened(chromium, url, allow=served.url) as scripted,
            opened(chromium, url, allow=served.url, script=False) as bare,
        ):
            assert main_of(bare.page) == main_of(scripted.page)
            assert bare.page.locator("meta[http-equiv=refresh]").count() == 1
            assert "Without JavaScript this page reloads" in bare.page.locator("#live").inner_text()


def test_the_first_tab_stop_leads_past_the_bar(chromium: Browser, served: Served, run_id: str) -> None:
    for path in ("", f"r/{run_id}"):
        with opened(chromium, served.url + path, allow=served.url) as window:
            window.page.keyboard.press("Tab")
            skip = window.page.locator("a.skip")
            assert skip.evaluate("each => each === document.activeElement")
            window.page.keyboard.press("Enter")
            assert window.page.locator(f"main{skip.get_attribute('href')}").count() == 1


def main_of(page: Page) -> str:
    return page.locator("main").inner_text()
