"""What every page is held to in a real browser: quiet, on its own, readable and within the window."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Route

Look = Literal["light", "dark", "print"]
LOOKS: tuple[Look, ...] = ("light", "dark", "print")
_PHONE_PX, _TABLET_PX, _LAPTOP_PX = 390, 820, 1280
_A4_PX = 680
"""Between margins of 15 mm, at 96 dots per inch."""
HEIGHT_PX = 900

_AXE = Axe()


def widths_px(look: Look) -> tuple[int, ...]:
    """A phone, a tablet and a laptop; no paper is as narrow as a phone."""
    return (_A4_PX if look == "print" else _PHONE_PX, _TABLET_PX, _LAPTOP_PX)


@dataclass
class Window:
    """A page with everything that it said and asked for."""

    page: Page
    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)


@contextmanager
def opened(browser: Browser, url: str, *, allow: str, script: bool = True) -> Iterator[Window]:
    """The page at `url`; a request outside of `allow` is noted and goes nowhere."""
    context = browser.new_context(
        viewport={"width": _LAPTOP_PX, "height": HEIGHT_PX}, java_script_enabled=script
    )
    page = context.new_page()
    window = Window(page)

    def guard(route: Route) -> None:
        if route.request.url.startswith(allow):
            route.continue_()
            return
        window.asked.append(route.request.url)
        route.abort()

    context.route("**/*", guard)
    page.on("console", lambda message: window.said.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: window.said.append(f"error: {error}"))
    try:
        page.goto(url, wait_until="load")
        yield window
    finally:
        context.close()


def show(page: Page, look: Look, width_px: int) -> None:
    page.set_viewport_size({"width": width_px, "height": HEIGHT_PX})
    if look == "print":
        page.emulate_media(media="print", color_scheme="light")
    else:
        page.emulate_media(media="screen", color_scheme=look)


def overflow_px(page: Page) -> int:
    """By how much the page is wider than the window."""
    return int(page.evaluate("document.scrollingElement.scrollWidth - window.innerWidth"))


def open_all(page: Page) -> None:
    """Unfold everything, so that nothing is left out because it is hidden."""
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")


def violations(page: Page, *, colours: bool) -> list[str]:
    """What axe-core finds, one line per rule and element.

    Colours are most of its work and do not change with the width: once per look is enough for them.
    """
    options = {
        "resultTypes": ["violations"],
        "preload": False,
        "rules": {"color-contrast": {"enabled": colours}},
    }
    found: dict[str, Any] = _AXE.run(page, options=options).response
    return [
        f"{rule['id']}: {node['target']}: {node['failureSummary']}"
        for rule in found["violations"]
        for node in rule["nodes"]
    ]
