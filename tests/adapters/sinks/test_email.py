"""E-mail goes over verified TLS, injects no header, and tells permanent refusals from others."""

from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any, cast

import pytest
from pydantic import ValidationError

from engine.adapters.sinks import EmailSink
from engine.core.letter import Delivered, Refused
from engine.plugins import check_options
from engine.testing.sinks import a_notice
from tests.adapters.sinks.receivers import MailBox, certificate, mail_box

PASSWORD = "s3cret-pw"


def email(at: int, **options: Any) -> EmailSink:
    defaults = {
        "host": "localhost",
        "port": at,
        "security": "none",
        "from": "rampwise@example.com",
        "to": ["night@example.com", "day@example.com"],
    }
    return EmailSink(check_options(EmailSink, defaults | options))


def read(mails: MailBox) -> EmailMessage:
    return cast("EmailMessage", message_from_bytes(mails.mails[-1].content or b"", policy=policy.default))


def test_the_mail_says_what_happened(mails: MailBox) -> None:
    assert email(mails.port).deliver(a_notice()) == Delivered()
    mail = read(mails)
    assert mail["Subject"] == "✖ checkout-v2: rolled back, v1 has all traffic"
    assert (mail["From"], mail["To"]) == ("rampwise@example.com", "night@example.com, day@example.com")
    assert mail["Message-ID"] == "<r1.7.rollback@example.com>"
    body = mail.get_content()
    assert body.startswith("Roll back: v2 is worse. errors: 4 % bad against 1 % (+3 pp)")
    assert "Traffic: v1 100 %, v2 0 %" in body
    assert "Notice: r1/7/rollback" in body


def test_no_text_becomes_a_header(mails: MailBox) -> None:
    email(mails.port).deliver(a_notice(title="x\r\nBcc: eve@example.com\r\n\r\nhello\x0bthere"))
    mail = read(mails)
    assert mail["Bcc"] is None
    assert mail["Subject"] == "✖ x Bcc: eve@example.com hello there"
    assert set(mails.mails[-1].rcpt_tos) == {"night@example.com", "day@example.com"}


@pytest.mark.parametrize("field", ["from", "to"])
@pytest.mark.parametrize("address", ["a@b\r\nBcc: c@d", "nobody", "a b@c", "Ada <a@b>", ""])
def test_an_address_is_an_address_and_nothing_else(field: str, address: str) -> None:
    with pytest.raises(ValidationError):
        email(25, **{field: address if field == "from" else [address]})


@pytest.mark.parametrize(
    "options",
    [
        {"username": "ada"},
        {"username": "ada", "password": {"env": "PW"}, "security": "none"},
        {"password": PASSWORD},
        {"to": []},
        {"port": 0},
        {"host": "mail example"},
    ],
)
def test_options_that_cannot_work_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        email(25, **options)


def test_a_log_in_goes_over_tls_only_and_is_accepted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trusted, context = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    monkeypatch.setenv("MAIL_PW", PASSWORD)
    with mail_box(context, starttls=True) as mails:
        sink = email(mails.port, security="starttls", username="ada", password={"env": "MAIL_PW"})
        assert sink.deliver(a_notice()) == Delivered()
        assert mails.logins == [(b"ada", PASSWORD.encode())]
        monkeypatch.setenv("MAIL_PW", "another-s3cret")
        refused = sink.deliver(a_notice())
        monkeypatch.delenv("MAIL_PW")
        nameless = sink.deliver(a_notice())
    where = f"the mail server localhost:{mails.port}"
    assert refused == Refused(detail=f"{where} refused the log-in (421)")
    assert nameless == Refused(
        detail="the environment variable MAIL_PW is not set or empty; the engine that sends needs it"
    )


@pytest.mark.parametrize(("trusted", "delivered"), [(True, True), (False, False)])
def test_tls_from_the_start_is_verified(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trusted: bool, delivered: bool
) -> None:
    cert, context = certificate(tmp_path)
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(cert))
    monkeypatch.setattr("aiosmtpd.controller.get_localhost", lambda: "127.0.0.1")
    with mail_box() as plain:
        stripped = email(plain.port, security="starttls").deliver(a_notice())
    assert isinstance(stripped, Refused)
    assert stripped.detail.endswith("does not offer starttls, or no log-in")
    assert plain.mails == []
    with mail_box(context) as mails:
        outcome = email(mails.port, security="tls").deliver(a_notice())
    assert isinstance(outcome, Delivered) is delivered
    if isinstance(outcome, Refused):
        assert outcome.detail.endswith("has a TLS certificate that is not trusted")
    assert len(mails.mails) == int(delivered)


def test_whoever_is_not_taken_is_told_with_the_others_success(mails: MailBox) -> None:
    mails.refused["day@example.com"] = "550 no such user"
    outcome = email(mails.port).deliver(a_notice())
    assert outcome == Delivered(
        detail=f"the mail server localhost:{mails.port} does not take day@example.com"
    )
    assert mails.mails[-1].rcpt_tos == ["night@example.com"]


@pytest.mark.parametrize(("answer", "retry"), [("550 no such user", False), ("450 later", True)])
def test_a_refusal_of_all_addresses_is_final_when_the_server_says_so(
    mails: MailBox, answer: str, retry: bool
) -> None:
    mails.refused = {"night@example.com": answer, "day@example.com": answer}
    outcome = email(mails.port).deliver(a_notice())
    assert isinstance(outcome, Refused)
    assert outcome.retry is retry
    assert f"takes none of the addresses ({answer[:3]})" in outcome.detail


@pytest.mark.parametrize(("answer", "retry"), [("554 spam", False), ("451 greylisted", True)])
def test_a_refused_message_is_final_when_the_server_says_so(mails: MailBox, answer: str, retry: bool) -> None:
    mails.answer = answer
    outcome = email(mails.port).deliver(a_notice())
    where = f"the mail server localhost:{mails.port}"
    assert outcome == Refused(detail=f"{where} refused the message ({answer[:3]})", retry=retry)
