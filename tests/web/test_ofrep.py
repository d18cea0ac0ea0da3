"""Flags over OFREP, to the letter: answers, errors, limits, the file behind them, and exposures."""

import json
import socket
from pathlib import Path
from typing import Any

import pytest
import requests

from engine.adapters.store.intake import SqlIntake
from engine.core.target import Weights
from engine.errors import StoreBusy
from engine.flags.document import document
from engine.flags.plan import FlagPlan
from engine.web import ofrep
from engine.web.ofrep import Ofrep
from tests.cli.desk import Desk
from tests.web.conftest import Served, serve

PLAN = FlagPlan(
    experiment="checkout",
    control="v1",
    treatments=("v2",),
    salt="s",
    split_pct=(50, 50),
    metadata={"run": "checkout-1", "dimensions": "country,tester"},
)
VARIANT = "exp.checkout.variant"
OTHERS: dict[str, Any] = {
    "limit": {"state": "ENABLED", "variants": {"low": 1, "high": 2}, "defaultVariant": "low"},
    "factor": {"state": "ENABLED", "variants": {"one": 1, "half": 0.5}, "defaultVariant": "one"},
    "theme": {"state": "ENABLED", "variants": {"dark": {"bg": "#000"}}, "defaultVariant": "dark"},
    "off": {"state": "DISABLED", "variants": {"on": True, "off": False}, "defaultVariant": "on"},
    "open": {"state": "ENABLED", "variants": {"on": True, "off": False}},
    "mixed": {"state": "ENABLED", "variants": {"a": "x", "b": 1}, "defaultVariant": "a"},
    "lost": {
        "state": "ENABLED",
        "variants": {"a": "x"},
        "defaultVariant": "a",
        "targeting": {"if": [True, "nowhere"]},
    },
}


def file_of(served: Served) -> Path:
    return served.desk.home / "served-flags.json"


def put(served: Served, flags: dict[str, Any]) -> None:
    """In place, by rename, as the engine's own writer does."""
    new = file_of(served).with_suffix(".new")
    new.write_text(json.dumps({"flags": flags}))
    new.replace(file_of(served))


@pytest.fixture(autouse=True)
def flags(served: Served) -> None:
    put(served, {**document(PLAN, Weights.of(50))["flags"], **OTHERS})


def ask(served: Served, key: str = "", context: object = None, **headers: str) -> requests.Response:
    url = f"{served.url}ofrep/v1/evaluate/flags{'/' * bool(key)}{key}"
    return served.session.post(url, json={"context": context or {}}, headers=headers, timeout=20)


def refusal(answer: requests.Response, status: int, code: str) -> dict[str, Any]:
    assert answer.status_code == status
    told: dict[str, Any] = answer.json()
    assert told["errorCode"] == code
    assert told["errorDetails"]
    return told


def ours(served: Served) -> Ofrep:
    applications = served.site.applications
    assert applications is not None
    assert applications.ofrep is not None
    return applications.ofrep


def exposures(served: Served) -> list[Any]:
    assert ours(served).exposing.flush(10)
    return list(served.desk.store.intake.exposures("checkout"))


def test_an_answer_has_key_value_variant_reason_and_metadata(served: Served) -> None:
    answer = ask(served, VARIANT, {"targetingKey": "ada"})
    told = answer.json()
    assert answer.status_code == 200
    assert (told["key"], told["reason"]) == (VARIANT, "TARGETING_MATCH")
    assert told["value"] == told["variant"] in {"v1", "v2"}
    assert told["metadata"]["run"] == "checkout-1"


@pytest.mark.parametrize(("key", "text"), [("limit", '"value":1}'), ("factor", '"value":1.0}')])
def test_numbers_have_a_decimal_point_where_the_flag_has_one(served: Served, key: str, text: str) -> None:
    assert ask(served, key).text.endswith(text)


def test_a_disabled_flag_leaves_the_value_to_the_application(served: Served) -> None:
    told = ask(served, "off").json()
    assert (told["reason"], told["variant"], "value" in told) == ("DISABLED", "", False)
    told = ask(served, "open").json()
    assert (told["reason"], told["variant"], "value" in told) == ("DEFAULT", "", False)


@pytest.mark.parametrize(
    ("key", "status", "code"),
    [
        ("unknown", 404, "FLAG_NOT_FOUND"),
        ("exp.other.variant", 404, "FLAG_NOT_FOUND"),
        ("mixed", 400, "PARSE_ERROR"),
        ("lost", 400, "GENERAL"),
    ],
)
def test_what_cannot_be_evaluated_has_a_code(served: Served, key: str, status: int, code: str) -> None:
    assert refusal(ask(served, key), status, code)["key"] == key


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "PARSE_ERROR"),
        (b"{", "PARSE_ERROR"),
        (b'{"context": {"x": NaN}}', "PARSE_ERROR"),
        (b"[]", "INVALID_CONTEXT"),
        (b'{"context": []}', "INVALID_CONTEXT"),
        (b'{"context": {"targetingKey": 7}}', "INVALID_CONTEXT"),
    ],
)
def test_what_is_no_context_is_an_error(served: Served, body: bytes, code: str) -> None:
    for path in (VARIANT, ""):
        url = f"{served.url}ofrep/v1/evaluate/flags{'/' * bool(path)}{path}"
        refusal(served.session.post(url, data=body, timeout=20), 400, code)


def test_a_context_may_be_left_out(served: Served) -> None:
    answer = served.session.post(f"{served.url}ofrep/v1/evaluate/flags/limit", json={}, timeout=20)
    assert answer.json()["value"] == 1


def test_a_body_is_small(served: Served) -> None:
    refusal(ask(served, VARIANT, {"x": "y" * ofrep.MOST_BYTES}), 413, "GENERAL")


def test_a_body_that_does_not_come_is_given_up(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ofrep, "BODY_WITHIN_S", 0.1)
    host, port = served.url.removeprefix("http://").rstrip("/").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as half:
        head = f"POST /ofrep/v1/evaluate/flags/limit HTTP/1.1\r\nHost: {host}\r\n"
        half.sendall(f"{head}Content-Length: 100\r\n\r\n{{".encode())
        assert b" 408 " in half.recv(4096)


def test_who_comes_when_it_is_full_is_told_to_come_again(served: Served) -> None:
    ours(served)._room.most = 0
    answer = ask(served, VARIANT)
    refusal(answer, 429, "GENERAL")
    assert answer.headers["retry-after"] == "1"


def test_flags_are_evaluated_by_post_alone(served: Served) -> None:
    answer = served.get("ofrep/v1/evaluate/flags/limit")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


def test_no_foreign_page_and_no_proxy_may_ask_without_the_token(served: Served) -> None:
    refusal(ask(served, VARIANT, Origin="https://evil.example"), 403, "GENERAL")
    refusal(ask(served, VARIANT, Host="evil.example"), 421, "GENERAL")
    assert (
        "RAMPWISE_APPLICATION_TOKEN" in refusal(ask(served, VARIANT, Via="x"), 403, "GENERAL")["errorDetails"]
    )


@pytest.mark.parametrize(("sent", "status"), [("", 401), ("Bearer no", 401), ("Bearer s3cret", 200)])
def test_with_a_token_everybody_has_to_send_it(desk: Desk, sent: str, status: int) -> None:
    with serve(desk, token="s3cret") as guarded:
        answer = ask(guarded, VARIANT, **({"Authorization": sent} if sent else {}))
        assert answer.status_code == status


def test_all_flags_come_at_once_and_only_when_they_changed(served: Served) -> None:
    first = ask(served, context={"targetingKey": "ada"})
    told = {flag["key"]: flag for flag in first.json()["flags"]}
    assert told["limit"]["value"] == 1
    assert told["lost"]["errorCode"] == "GENERAL"
    assert told[VARIANT]["reason"] == "TARGETING_MATCH"
    tag = first.headers["etag"]
    again = ask(served, context={"targetingKey": "ada"}, **{"If-None-Match": f'"other", W/{tag}'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    put(
        served,
        {**document(PLAN, Weights.of(50))["flags"], "limit": {**OTHERS["limit"], "defaultVariant": "high"}},
    )
    assert ask(served, context={"targetingKey": "ada"}, **{"If-None-Match": tag}).status_code == 200


def test_a_changed_file_counts_at_once(served: Served) -> None:
    assert ask(served, "limit").json()["variant"] == "low"
    put(served, {"limit": {**OTHERS["limit"], "defaultVariant": "high"}})
    assert ask(served, "limit").json()["variant"] == "high"


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        "{}",
        '{"flags": {"limit": {"state": "ENABLED"}}}',
        '{"flags": {"limit": 1}}',
        '{"flags": NaN}',
        None,
    ],
)
def test_a_broken_file_leaves_the_last_good_one_in_force_until_it_is_mended(
    served: Served, text: str | None
) -> None:
    assert ask(served, "limit").json()["value"] == 1
    file_of(served).unlink()
    if text is not None:
        file_of(served).write_text(text)
    assert ask(served, "limit").json()["value"] == 1
    assert ours(served).flags.trouble
    put(served, {"limit": {**OTHERS["limit"], "defaultVariant": "high"}})
    assert ask(served, "limit").json()["value"] == 2
    assert not ours(served).flags.trouble


def test_without_any_file_every_flag_is_an_error(served: Served) -> None:
    file_of(served).unlink()
    refusal(ask(served, VARIANT), 503, "PROVIDER_NOT_READY")
    refusal(ask(served), 503, "GENERAL")


def test_the_first_exposure_of_a_unit_is_recorded_with_what_the_flag_declares(served: Served) -> None:
    context = {"targetingKey": "ada", "country": "de", "tester": False, "email": "ada@example.org"}
    for _ in range(3):
        told = ask(served, VARIANT, context).json()
    (exposure,) = exposures(served)
    assert (exposure.unit, exposure.variant) == ("ada", told["variant"])
    assert exposure.dimensions == {"country": "de", "tester": "false"}


def test_neither_all_at_once_nor_a_default_nor_a_released_flag_is_an_exposure(served: Served) -> None:
    ask(served, context={"targetingKey": "ada"})
    ask(served, VARIANT)
    put(served, document(PLAN, Weights.of(100))["flags"])
    assert ask(served, VARIANT, {"targetingKey": "ada"}).json()["reason"] == "DEFAULT"
    assert exposures(served) == []


def test_a_database_in_trouble_delays_no_evaluation_and_loses_no_exposure(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(*_: object) -> None:
        raise StoreBusy("locked")

    with monkeypatch.context() as patched:
        patched.setattr(SqlIntake, "take_in", busy)
        assert ask(served, VARIANT, {"targetingKey": "ada"}).status_code == 200
        assert not ours(served).exposing.flush(0.1)
    assert [each.unit for each in exposures(served)] == ["ada"]
