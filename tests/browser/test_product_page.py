"""The page of a product experiment in a real browser: every sample, every look, every width, by keyboard."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from analysis.product.result import Analysis
from analysis.report.product.page import page
from analysis.report.product.view import Origin
from tests.analysis.report.product.parts import HOSTILE, TURNED, course
from tests.analysis.report.product.samples import SAMPLES, named, ship, three_variants
from tests.browser.looking import LOOKS, Look, open_all, opened, overflow_px, show, violations, widths_px

pytestmark = pytest.mark.slow


def _page_of(story: Callable[[], Analysis]) -> str:
    return page(story())


STORIES: Mapping[str, Callable[[], str]] = {
    **{name: partial(_page_of, story) for name, story in SAMPLES.items()},
    "hostile": lambda: page(named(HOSTILE), Origin(course=course(("control", HOSTILE)))),
    "turned": lambda: page(named(TURNED)),
    "released": lambda: page(ship(), Origin(course=course())),
    "three_released": lambda: page(
        three_variants(), Origin(course=course(("control", "short", "long"), phase=None))
    ),
}
NARROW_PX = 360


@pytest.fixture(scope="session")
def product_pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the page of every sample."""
    directory = tmp_path_factory.mktemp("product-pages")
    for name, story in STORIES.items():
        (directory / f"{name}.html").write_text(story(), encoding="utf-8")
    return directory


@pytest.mark.timeout(150)
@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("name", STORIES)
def test_the_page_is_readable_by_all_and_fits(
    chromium: Browser, product_pages: Path, pictures: Path, name: str, look: Look
) -> None:
    widths = widths_px(look) if look == "print" else (NARROW_PX, *widths_px(look))
    url = (product_pages / f"{name}.html").as_uri()
    with opened(chromium, url, allow=url) as window:
        for width_px in widths:
            show(window.page, look, width_px)
            assert overflow_px(window.page) <= 0, f"{width_px} px"
            window.page.screenshot(path=pictures / f"product-{name}-{look}-{width_px}.png", full_page=True)
        assert (window.said, window.asked) == ([], [])
        open_all(window.page)
        for width_px in widths:
            show(window.page, look, width_px)
            assert overflow_px(window.page) <= 0, f"{width_px} px, unfolded"
        assert violations(window.page, colours=True) == []


def test_the_first_tab_stop_leads_past_the_top(chromium: Browser, product_pages: Path) -> None:
    url = (product_pages / "ship.html").as_uri()
    with opened(chromium, url, allow=url) as window:
        window.page.keyboard.press("Tab")
        assert window.page.locator("a.skip").evaluate("each => each === document.activeElement")
        window.page.keyboard.press("Enter")
        assert window.page.url == f"{url}#report"


def test_everything_folded_unfolds_by_keyboard(chromium: Browser, product_pages: Path) -> None:
    url = (product_pages / "ship.html").as_uri()
    with opened(chromium, url, allow=url) as window:
        shown = window.page
        unfolded = 0
        for _ in range(shown.locator("a, summary, [tabindex]").count() * 2 + 10):
            shown.keyboard.press("Tab")
            if shown.evaluate("document.activeElement.matches('details:not([open]) > summary')"):
                shown.keyboard.press("Enter")
                unfolded += shown.evaluate("document.activeElement.parentElement.open")
        assert unfolded == shown.locator("summary").count() > 0


def test_a_metric_s_name_leads_to_its_details(chromium: Browser, product_pages: Path) -> None:
    url = (product_pages / "ship.html").as_uri()
    with opened(chromium, url, allow=url) as window:
        link = window.page.locator("table.metrics a").nth(1)
        link.click()
        target = window.page.locator(link.get_attribute("href") or "")
        assert "revenue" in target.inner_text()
        assert target.evaluate("each => each.getBoundingClientRect().top < innerHeight")


def test_the_page_is_whole_without_scripts(chromium: Browser, product_pages: Path) -> None:
    url = (product_pages / "ship.html").as_uri()
    with opened(chromium, url, allow=url) as scripted, opened(chromium, url, allow=url, script=False) as bare:
        assert bare.page.locator("main").inner_text() == scripted.page.locator("main").inner_text()
