"""Pages of declared origins: what they may ask for and send from a browser, and all that they may not."""

import json
from collections.abc import Iterator

import pytest
import requests

from engine.web.origins import origin_of
from tests.cli.desk import Desk
from tests.web.conftest import Served, serve
from tests.web.test_intake import BATCH, EXPOSURE, an_event
from tests.web.test_ofrep import OTHERS, put

SHOP, ELSEWHERE = "https://shop.example", "https://evil.example"
FLAGS, FLAG, EVENTS = "ofrep/v1/evaluate/flags", "ofrep/v1/evaluate/flags/limit", "events"
_CORS = "access-control-"


@pytest.fixture
def opened(desk: Desk) -> Iterator[Served]:
    with serve(desk, origins={SHOP}) as made:
        put(made, {"limit": OTHERS["limit"]})
        yield made


def preflight(
    served: Served, path: str, origin: str = SHOP, method: str = "POST", headers: str = "content-type"
) -> requests.Response:
    """What a browser asks before it lets a page ask."""
    asked = {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": headers,
    }
    return served.session.options(served.url + path, headers=asked, timeout=20)


def post(served: Served, path: str, origin: str = SHOP, **headers: str) -> requests.Response:
    sent = {"Origin": origin, "Content-Type": BATCH if path == EVENTS else "application/json", **headers}
    body = [an_event(0, EXPOSURE)] if path == EVENTS else {}
    return served.session.post(served.url + path, json.dumps(body), headers=sent, timeout=20)


def cors_of(answer: requests.Response) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name.lower().startswith(_CORS)}


@pytest.mark.parametrize("path", [FLAGS, FLAG, EVENTS])
def test_a_declared_page_may_ask_and_read_the_answer(opened: Served, path: str) -> None:
    before = preflight(opened, path, headers="authorization, content-type, if-none-match")
    assert (before.status_code, before.headers[f"{_CORS}allow-origin"]) == (200, SHOP)
    assert before.headers[f"{_CORS}allow-methods"] == "POST"
    answer = post(opened, path)
    assert answer.ok
    assert answer.headers[f"{_CORS}allow-origin"] == SHOP
    assert answer.headers[f"{_CORS}expose-headers"] == "ETag, Retry-After"
    for each in (before, answer):
        assert "Origin" in each.headers["vary"]
        assert f"{_CORS}allow-credentials" not in each.headers
        assert each.headers["x-content-type-options"] == "nosniff"


def test_a_declared_page_gets_all_flags_only_when_they_changed(opened: Served) -> None:
    tag = post(opened, FLAGS).headers["etag"]
    again = post(opened, FLAGS, **{"If-None-Match": tag})
    assert (again.status_code, again.headers[f"{_CORS}allow-origin"]) == (304, SHOP)


def test_a_declared_page_can_read_what_is_wrong(opened: Served) -> None:
    answer = post(opened, "ofrep/v1/evaluate/flags/unknown")
    assert (answer.status_code, answer.headers[f"{_CORS}allow-origin"]) == (404, SHOP)


@pytest.mark.parametrize(
    "origin", [ELSEWHERE, "null", "https://shop.example.evil.example", "http://shop.example"]
)
@pytest.mark.parametrize("path", [FLAGS, FLAG, EVENTS])
def test_another_page_neither_reads_nor_does_anything(opened: Served, path: str, origin: str) -> None:
    assert preflight(opened, path, origin).status_code == 400
    assert f"{_CORS}allow-origin" not in preflight(opened, path, origin).headers
    answer = post(opened, path, origin)
    assert answer.status_code == 403
    assert "--allow-origin" in answer.text
    assert f"{_CORS}allow-origin" not in answer.headers
    assert list(opened.desk.store.intake.exposures("checkout")) == []


@pytest.mark.parametrize("path", [FLAGS, FLAG, EVENTS])
def test_without_declared_origins_no_page_may_ask(served: Served, path: str) -> None:
    assert preflight(served, path).status_code == 405
    answer = post(served, path)
    assert (answer.status_code, cors_of(answer)) == (403, {})


def test_an_answer_to_no_page_depends_on_the_origin_too(opened: Served) -> None:
    answer = opened.session.post(opened.url + FLAG, json={}, timeout=20)
    assert (answer.status_code, answer.headers["vary"]) == (200, "Origin")


def test_a_declared_page_cannot_ask_for_a_verdict(opened: Served) -> None:
    assert preflight(opened, "verdict").status_code == 405
    answer = post(opened, "verdict")
    assert (answer.status_code, cors_of(answer)) == (403, {})


@pytest.mark.parametrize("path", ["", "events", "metrics", "readyz", "r/x", "r/x.json", "events/x"])
def test_a_declared_page_reads_nothing_of_runs(opened: Served, path: str) -> None:
    with opened.session.get(opened.url + path, headers={"Origin": SHOP}, stream=True, timeout=20) as answer:
        assert cors_of(answer) == {}
    assert preflight(opened, path, method="GET").status_code in {400, 405}


def test_a_declared_page_needs_the_token_as_everybody_does(desk: Desk) -> None:
    with serve(desk, token="s3cret", origins={SHOP}) as opened:
        put(opened, {"limit": OTHERS["limit"]})
        assert preflight(opened, FLAG, headers="authorization").ok
        refused = post(opened, FLAG)
        assert (refused.status_code, refused.headers[f"{_CORS}allow-origin"]) == (401, SHOP)
        assert post(opened, FLAG, Authorization="Bearer s3cret").status_code == 200
        assert post(opened, FLAG, ELSEWHERE, Authorization="Bearer s3cret").status_code == 403


def test_a_page_that_was_led_here_by_its_name_server_gets_nothing(opened: Served) -> None:
    assert post(opened, FLAG, Host="shop.example").status_code == 421


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("https://shop.example", "https://shop.example"),
        ("HTTPS://Shop.Example:443/", "https://shop.example"),
        ("http://localhost:3000", "http://localhost:3000"),
        ("http://[::1]:80", "http://[::1]"),
        ("https://BÜCHER.example:443", "https://xn--bcher-kva.example"),
        ("https://straße.example:8443", "https://xn--strae-oqa.example:8443"),
        ("https://xn--bcher-kva.example", "https://xn--bcher-kva.example"),
    ],
)
def test_an_origin_is_as_browsers_write_it(text: str, origin: str) -> None:
    assert origin_of(text) == origin


@pytest.mark.parametrize(
    "text", ["", "*", "null", "shop.example", "ftp://shop.example", "https://", "https://a:70000", "https://a/b",
             "https://a?b", "https://a#b", "https://u@a", "https://*.a", "https://☃.example", "https://ü..example"],
)  # fmt: skip
def test_what_is_no_origin_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"an origin such as https://shop\.example"):
        origin_of(text)
