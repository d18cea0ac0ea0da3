"""The pages in a real browser: they move by themselves, keep the reader's place, and admit what they miss."""

import shutil
import time
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from engine.core.events import Actor, Verb
from tests.browser.conftest import FLAGS
from tests.web.conftest import Served

ADA = Actor(user="ada", host="desk")
SAID = "document.getElementById('told').textContent === document.getElementById('verdict').textContent"
pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


@pytest.fixture
def browser() -> Iterator[Browser]:
    program = shutil.which("chromium")
    assert program, "these tests need Debian's `chromium` package"
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, args=list(FLAGS))
        yield started
        started.close()


def until(page: Page, holds: str) -> None:
    """Waits in the test, because the page's policy forbids to evaluate texts."""
    end_s = time.monotonic() + 15
    while not page.evaluate(holds):
        assert time.monotonic() < end_s, (holds, page.inner_text("#live-says"))
        page.wait_for_timeout(50)


def test_a_run_page_moves_by_itself_and_keeps_the_readers_place(served: Served, browser: Browser) -> None:
    run_id = served.launched()
    served.tick(run_id, 2)
    page = browser.new_page(viewport={"width": 1280, "height": 700})
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.goto(f"{served.url}r/{run_id}")
    until(page, "document.getElementById('live').className === 'live live'")
    seen = page.get_attribute("#live", "data-seen")
    page.evaluate("document.querySelectorAll('details')[1].open = true; scrollTo(0, 400)")
    page.focus("summary >> nth=1")
    page.evaluate("scrollTo(0, 400)")
    served.tick(run_id)
    until(page, f"document.getElementById('live').dataset.seen !== '{seen}'")
    assert page.evaluate("[scrollY, document.querySelectorAll('details')[1].open]") == [400, True]
    assert page.evaluate("document.activeElement.tagName") == "SUMMARY"
    served.site.store.request(run_id, Verb.STOP, ADA, "enough", "cli", served.desk.clock.now_s())
    served.tick(run_id)
    until(page, "document.getElementById('live').dataset.state === 'ended'")
    until(page, SAID)
    assert errors == []


def test_a_lost_connection_is_said_with_the_time_of_the_data(served: Served, browser: Browser) -> None:
    run_id = served.launched()
    served.tick(run_id)
    page = browser.new_page()
    page.goto(f"{served.url}r/{run_id}")
    until(page, "document.getElementById('live').className === 'live live'")
    page.context.set_offline(True)
    served.site.feeds.closing = True
    until(page, "document.getElementById('live-says').textContent.startsWith('Connection lost, data as of ')")
    served.site.feeds.closing = False
    page.context.set_offline(False)
    until(page, "document.getElementById('live').className === 'live live'")


def test_a_run_that_stops_ticking_stops_looking_live(served: Served, browser: Browser) -> None:
    run_id = served.launched()
    served.tick(run_id)
    page = browser.new_page()
    page.goto(f"{served.url}r/{run_id}")
    until(page, "document.getElementById('live').className === 'live live'")
    served.desk.clock.at_s += 60
    until(page, "document.getElementById('live').className === 'live silent'")


def test_the_list_shows_a_new_run_by_itself(served: Served, browser: Browser) -> None:
    page = browser.new_page()
    page.goto(served.url)
    page.wait_for_timeout(100)
    run_id = served.launched()
    until(page, f"document.querySelector('a[href=\"/r/{run_id}\"]') !== null")


def test_pages_work_without_javascript(served: Served, browser: Browser) -> None:
    run_id = served.launched()
    served.tick(run_id, 2)
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto(f"{served.url}r/{run_id}")
    assert "Without JavaScript this page reloads every 30 s" in page.inner_text("#live")
    assert page.inner_text("h1") == "checkout-v2"
    page.goto(served.url)
    assert run_id in page.inner_text("main")


def test_nobody_is_shut_out_and_nothing_overflows(served: Served, browser: Browser) -> None:
    live, over, never = (served.launched(name) for name in ("basket-v3", "checkout-v2", "search-v9"))
    served.site.store.request(over, Verb.STOP, ADA, "enough", "cli", served.desk.clock.now_s())
    served.tick(over)
    served.tick(live, 4)
    for scheme in ("light", "dark"):
        for width in (390, 820, 1280):
            page = browser.new_page(
                viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=True
            )
            for path in ("", f"r/{live}", f"r/{over}", f"r/{never}", "r/none"):
                page.goto(served.url + path)
                assert page.inner_text("h1")
                found = Axe().run(page).response["violations"]
                assert [(one["id"], one["nodes"][0]["html"]) for one in found] == [], path
                assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, (path, width)
            page.close()
