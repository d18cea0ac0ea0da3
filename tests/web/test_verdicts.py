"""`POST /verdict` as the `web` provider of an AnalysisTemplate calls it: a 2xx has a verdict, or is none."""

import json
import socket
from dataclasses import replace
from http import HTTPStatus
from typing import Any

import pytest
import requests

from engine.cli import serving_loop
from engine.cli.session import a_driver
from engine.errors import StoreBusy
from engine.provider.provider import Provider, TooMany
from engine.web import admission, verdicts
from engine.web.verdicts import MOST_BYTES, TOKEN_VARIABLE, in_json
from tests.provider.asking import body, equip, spec
from tests.web.conftest import Served

JSON = {"Content-Type": "application/json"}


@pytest.fixture(autouse=True)
def plugins(served: Served) -> None:
    equip(served.desk)


def ask(served: Served, data: object = None, **headers: str) -> requests.Response:
    text = data if isinstance(data, str | bytes) else json.dumps(body() if data is None else data)
    return served.session.post(served.url + "verdict", data=text, headers={**JSON, **headers}, timeout=20)


def refusal(answer: requests.Response, status: int) -> dict[str, Any]:
    """The body of an error, which an analysis must never take for a success."""
    assert answer.status_code == status >= HTTPStatus.BAD_REQUEST
    assert answer.headers["content-type"] == "application/json"
    told: dict[str, Any] = answer.json()
    assert "verdict" not in told
    assert told["error"]
    return told


def test_every_success_is_a_json_document_with_a_verdict(served: Served) -> None:
    first = ask(served)
    assert first.status_code == HTTPStatus.OK
    assert first.headers["content-type"] == "application/json"
    assert first.headers["cache-control"] == "no-store"
    assert first.json()["verdict"] == "undecided"
    served.tick(first.json()["run"], 6)
    assert ask(served).json()["verdict"] == "pass"
    assert served.get(first.json()["report"].lstrip("/")).status_code == HTTPStatus.OK


def test_no_answer_holds_what_is_no_json() -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        in_json({"verdict": float("nan")}, 200)


@pytest.mark.parametrize(
    "text", ["", "verdict", "[", '{"key": NaN}', "[" * 30000, b"\xff\xfe\xff", "null", "[]", '"pass"']
)
def test_what_is_no_question_is_an_error(served: Served, text: str | bytes) -> None:
    refusal(ask(served, text), 400)


def test_a_wrong_spec_names_every_field(served: Served) -> None:
    told = refusal(ask(served, body(spec_=spec(alpha_promote=7, interval=3))), 400)
    assert {each["field"] for each in told["problems"]} == {"spec.alpha_promote", "spec.interval"}
    assert "spec.alpha_promote: found 7, expected a probability" in told["error"]


def test_another_spec_under_the_same_key_is_a_conflict(served: Served) -> None:
    ask(served)
    assert "attempt" in refusal(ask(served, body(spec_=spec(interval="20s"))), 409)["error"]


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (TooMany("enough"), 429),
        (StoreBusy("locked"), 503),
        (RuntimeError("password=hunter2"), 500),
    ],
)
def test_whatever_goes_wrong_is_an_error(
    served: Served, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int
) -> None:
    def trouble(*_: object) -> None:
        raise error

    monkeypatch.setattr(Provider, "answer", trouble)
    assert "hunter2" not in refusal(ask(served), status)["error"]


def test_a_gate_that_does_not_answer_is_an_error(served: Served) -> None:
    gated = spec(gate={"provider": "file", "options": {"path": str(served.desk.home / "absent.json")}})
    refusal(ask(served, body(spec_=gated)), 422)


def test_a_question_is_small(served: Served) -> None:
    refusal(ask(served, b" " * (MOST_BYTES + 1)), 413)


def test_a_question_that_does_not_come_is_given_up(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verdicts, "BODY_WITHIN_S", 0.1)
    host, port = served.url.removeprefix("http://").rstrip("/").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as half:
        head = f"POST /verdict HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
        half.sendall(f"{head}Content-Length: 100\r\n\r\n{{".encode())
        assert b" 408 " in half.recv(4096)


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
def test_verdicts_are_asked_for_by_post_alone(served: Served, method: str) -> None:
    answer = served.session.request(method, served.url + "verdict", timeout=20)
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


def test_other_pages_stay_read_only(served: Served) -> None:
    for path in ("", "metrics", "verdict/"):
        answer = served.session.post(served.url + path, json={}, timeout=20)
        assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_what_a_foreign_page_can_send_by_itself_is_refused(served: Served, kind: str) -> None:
    refusal(ask(served, **{"Content-Type": kind}), 415)
    refusal(ask(served, Origin="https://evil.example"), 403)
    refusal(ask(served, Host="evil.example"), 421)


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "Via"])
def test_without_a_token_a_proxy_on_this_machine_asks_for_nobody(served: Served, header: str) -> None:
    assert TOKEN_VARIABLE in refusal(ask(served, **{header: "for=203.0.113.7"}), 403)["error"]


@pytest.mark.parametrize(
    ("host", "own"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("10.1.2.3", False),
        ("::ffff:10.1.2.3", False),
        ("testclient", False),
    ],
)
def test_without_a_token_only_this_machine_may_ask(host: str, own: bool) -> None:
    scope = {"type": "http", "headers": [], "client": (host, 1)}
    assert admission.is_from_here(verdicts.Request(scope)) is own
    assert not admission.is_from_here(verdicts.Request({**scope, "client": None}))


def test_the_token_comes_from_the_environment(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TOKEN_VARIABLE, "s3cret")
    site = serving_loop.site_of(served.site.store, a_driver(served.site.store))
    assert site.verdicts.token == "s3cret"
    site.reports.close()


@pytest.mark.parametrize(
    ("sent", "status"), [("", 401), ("Bearer s3cre", 401), ("s3cret", 401), ("Bearer s3cret", 200)]
)
def test_with_a_token_everybody_has_to_send_it(
    served: Served, monkeypatch: pytest.MonkeyPatch, sent: str, status: int
) -> None:
    guarded = replace(served.site.verdicts, token="s3cret")
    monkeypatch.setattr(verdicts.Verdicts, "_admit", lambda _, request: plain_admit(guarded, request))
    answer = ask(served, **({"Authorization": sent} if sent else {}))
    assert answer.status_code == status
    if status == 401:
        assert TOKEN_VARIABLE in refusal(answer, 401)["error"]


plain_admit = verdicts.Verdicts._admit
