"""Pages of other origins in a real browser: a declared one uses flags and events, none anything else."""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from engine.core.target import Weights
from engine.flags.document import document
from engine.flags.plan import FlagPlan
from tests.cli.conftest import desk as desk  # noqa: PLC0414 (a fixture of these tests too)
from tests.cli.desk import Desk
from tests.local.waiting import eventually
from tests.web.conftest import Served, serve
from tests.web.test_intake import BATCH, EXPOSURE, an_event
from tests.web.test_ofrep import put

pytestmark = pytest.mark.slow

HOW_TO = Path(__file__).parents[2] / "docs/how-to/instrument-an-application.md"
PLAN = FlagPlan(experiment="checkout", control="v1", treatments=("v2",), testers={"v2": ("ada",)}, salt="s")
ASK = """
async ([url, method, headers, body, mode]) => {
  try {
    const answer = await fetch(url, {method, headers, body, mode})
    const tag = answer.headers.get("etag")
    return {status: answer.status, tag, text: await answer.text()}
  } catch (error) {
    return {error: error.name}
  }
}
"""
REFUSED_BY_THE_BROWSER = {"error": "TypeError"}


class Empty(BaseHTTPRequestHandler):
    """A shop's page, which has nothing on it."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>Shop</title>")

    def log_message(self, *_: object) -> None:
        """Nothing to tell."""


@contextmanager
def a_site() -> Iterator[str]:
    """A site of its own origin."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Empty)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def shop() -> Iterator[str]:
    with a_site() as origin:
        yield origin


@pytest.fixture
def engine(desk: Desk, shop: str) -> Iterator[Served]:
    with serve(desk, origins={shop}) as made:
        put(made, document(PLAN, Weights.of(50))["flags"])
        yield made


@contextmanager
def page_of(browser: Browser, origin: str) -> Iterator[Page]:
    context = browser.new_context()
    try:
        page = context.new_page()
        page.goto(origin)
        yield page
    finally:
        context.close()


def ask(
    page: Page, url: str, method: str = "POST", headers: Any = None, body: object = None, mode: str = "cors"
) -> dict[str, Any]:
    text = None if body is None else json.dumps(body)
    answer: dict[str, Any] = page.evaluate(ASK, [url, method, headers or {}, text, mode])
    return answer


def exposed(engine: Served) -> list[str]:
    return [each.unit for each in engine.desk.store.intake.exposures("checkout")]


def test_a_declared_page_gets_flags_and_sends_events(chromium: Browser, engine: Served, shop: str) -> None:
    flags, in_json = f"{engine.url}ofrep/v1/evaluate/flags", {"Content-Type": "application/json"}
    with page_of(chromium, shop) as page:
        first = ask(page, flags, headers=in_json, body={"context": {"targetingKey": "ada"}})
        assert first["status"] == 200
        told = {each["key"]: each.get("value") for each in json.loads(first["text"])["flags"]}
        assert told["exp.checkout.variant"] == "v2"
        known = {**in_json, "If-None-Match": first["tag"]}
        assert ask(page, flags, headers=known, body={"context": {"targetingKey": "ada"}})["status"] == 304
        sent = ask(page, f"{engine.url}events", headers={"Content-Type": BATCH}, body=[an_event(0, EXPOSURE)])
        assert (sent["status"], json.loads(sent["text"])) == (202, {"accepted": 1})
    assert exposed(engine) == ["ada"]


def test_a_declared_page_reaches_nothing_else(chromium: Browser, engine: Served, shop: str) -> None:
    with page_of(chromium, shop) as page:
        for path in ("", "metrics", "events", "r/x.json"):
            assert ask(page, engine.url + path, "GET") == REFUSED_BY_THE_BROWSER, path
        in_json = {"Content-Type": "application/json"}
        assert ask(page, f"{engine.url}verdict", headers=in_json, body={}) == REFUSED_BY_THE_BROWSER
        assert ask(page, f"{engine.url}events", "DELETE") == REFUSED_BY_THE_BROWSER


def test_another_page_neither_reads_nor_records_anything(chromium: Browser, engine: Served) -> None:
    with a_site() as elsewhere, page_of(chromium, elsewhere) as page:
        one = f"{engine.url}ofrep/v1/evaluate/flags/exp.checkout.variant"
        body = {"context": {"targetingKey": "eve"}}
        assert ask(page, one, body=body) == REFUSED_BY_THE_BROWSER
        # Such a request is sent without asking, as forms are; whoever sent it must learn nothing either.
        assert ask(page, one, body=body, mode="no-cors") == REFUSED_BY_THE_BROWSER
        events = [an_event(0, EXPOSURE)]
        assert ask(page, f"{engine.url}events", body=events, mode="no-cors") == REFUSED_BY_THE_BROWSER
    assert engine.site.applications is not None
    assert engine.site.applications.ofrep is not None
    assert engine.site.applications.ofrep.exposing.flush(10)
    assert exposed(engine) == []


def test_the_code_on_the_page_works(chromium: Browser, engine: Served, shop: str) -> None:
    [code] = re.findall(r"```js\n(.*?)```", HOW_TO.read_text(encoding="utf-8"), re.DOTALL)
    here = code.replace("https://rampwise.shop.example", engine.url.rstrip("/"))
    with page_of(chromium, shop) as page:
        assert page.evaluate(f"async () => {{ {here}; return variant }}") == "v2"
    eventually(lambda: exposed(engine) == ["ada"])
    [order] = engine.desk.store.intake.occurrences("checkout")
    assert (order.name, order.value, order.event_id) == ("purchase", 12.5, "order-4711")
