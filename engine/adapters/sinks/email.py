"""The sink `email`: one plain-text message per notice over SMTP. One attempt per call."""

import re
import smtplib
import socket
import ssl
from contextlib import suppress
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime
from enum import StrEnum
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from engine.adapters.sinks.secret import Secret, SecretMissing, SinkOptions
from engine.core.letter import Delivered, Refused
from engine.core.notice import Notice, weights_by_variant
from engine.core.numbers import clock_time
from engine.core.printable import printable
from engine.core.wording import NOTICE_WORDS
from engine.fields import Duration

_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9.-]+")
_LONGEST_SUBJECT = 200
_HUNG_UP = 421


class Security(StrEnum):
    """How the connection to the mail server is protected."""

    NONE = "none"
    STARTTLS = "starttls"
    TLS = "tls"


def _address(text: str) -> str:
    if not _ADDRESS.fullmatch(text):
        msg = "an address such as releases@example.com"
        raise ValueError(msg)
    return text


Address = Annotated[str, AfterValidator(_address)]


class EmailOptions(SinkOptions):
    """Which mail server to use, and who writes to whom."""

    host: str = Field(pattern=r"^[A-Za-z0-9.:-]+$")
    """The mail server."""
    port: int = Field(default=587, ge=1, le=65535)
    """Its port."""
    security: Security = Security.STARTTLS
    """none, starttls or tls; certificates are verified."""
    sender: Address = Field(alias="from")
    """Who writes."""
    to: tuple[Address, ...] = Field(min_length=1)
    """Who is written to."""
    username: str | None = None
    """For servers that need a log-in."""
    password: Secret | None = None
    """Where the password is found."""
    timeout: Duration = 10.0
    """How long to wait for each answer of the server."""

    @model_validator(mode="after")
    def _is_safe(self) -> Self:
        if (self.username is None) != (self.password is None):
            msg = "username and password together, or neither"
            raise ValueError(msg)
        if self.password is not None and self.security is Security.NONE:
            msg = "security starttls or tls, because a password is not sent in the clear"
            raise ValueError(msg)
        return self


class EmailSink:
    """Writes every notice as one message; its id is the same for every attempt."""

    Options = EmailOptions

    def __init__(self, options: EmailOptions) -> None:
        self._options = options
        self._where = f"mail server {options.host}:{options.port}"

    def deliver(self, notice: Notice) -> Delivered | Refused:
        """One attempt. Whoever the server does not take is told with the success of the others."""
        message = message_of(notice, self._options)
        try:
            password = self._options.password.read() if self._options.password else ""
            server = self._connected()
            try:
                left_out = self._sent(server, password, message)
            finally:
                with suppress(smtplib.SMTPException, OSError):
                    server.quit()
        except SecretMissing as error:
            return Refused(detail=str(error))
        except (smtplib.SMTPException, OSError, ValueError) as error:
            return self._refused(error)
        gone = ", ".join(sorted(left_out))
        return Delivered(detail=f"the {self._where} does not take {gone}" if gone else "")

    def _connected(self) -> smtplib.SMTP:
        options, me = self._options, socket.gethostname()
        if options.security is Security.TLS:
            context = ssl.create_default_context()
            return smtplib.SMTP_SSL(options.host, options.port, me, timeout=options.timeout, context=context)
        return smtplib.SMTP(options.host, options.port, me, timeout=options.timeout)

    def _sent(self, server: smtplib.SMTP, password: str, message: EmailMessage) -> set[str]:
        """Addresses that the server does not take."""
        if self._options.security is Security.STARTTLS:
            server.starttls(context=ssl.create_default_context())
        if self._options.username is not None:
            _log_in(server, self._options.username, password)
        return set(server.send_message(message, self._options.sender, list(self._options.to)))

    def _refused(self, error: Exception) -> Refused:
        """What went wrong, without the server's own words: they may repeat what was sent."""
        match error:
            case smtplib.SMTPRecipientsRefused():
                codes = sorted({code for code, _ in error.recipients.values()})
                why = f"takes none of the addresses ({', '.join(map(str, codes))})"
                return Refused(detail=f"the {self._where} {why}", retry=codes[0] < 500)
            case smtplib.SMTPResponseException() if not isinstance(error, smtplib.SMTPAuthenticationError):
                why = f"refused the message ({error.smtp_code})"
                return Refused(detail=f"the {self._where} {why}", retry=error.smtp_code < 500)
        return Refused(detail=f"the {self._where} {self._trouble(error)}")

    def _trouble(self, error: Exception) -> str:
        """What another attempt may find mended."""
        match error:
            case smtplib.SMTPAuthenticationError():
                return f"refused the log-in ({error.smtp_code})"
            case smtplib.SMTPNotSupportedError():
                return f"does not offer {self._options.security.value}, or no log-in"
            case ssl.SSLError():
                return "has a TLS certificate that is not trusted"
            case TimeoutError():
                return f"did not answer within {self._options.timeout:g} s"
        return f"cannot be reached ({type(error).__name__})"


def _log_in(server: smtplib.SMTP, username: str, password: str) -> None:
    try:
        server.login(username, password)
    except smtplib.SMTPServerDisconnected as error:  # some servers hang up on whom they do not know
        raise smtplib.SMTPAuthenticationError(_HUNG_UP, b"") from error


def message_of(notice: Notice, options: EmailOptions) -> EmailMessage:
    """The message; no text of the notice can become a header of its own."""
    icon, _ = NOTICE_WORDS[notice.kind]
    message = EmailMessage()
    message["Subject"] = _one_line(f"{icon} {notice.title}")[:_LONGEST_SUBJECT]
    message["From"] = options.sender
    message["To"] = ", ".join(options.to)
    message["Date"] = format_datetime(datetime.fromtimestamp(notice.at_s, UTC))
    domain = options.sender.rpartition("@")[2]
    message["Message-ID"] = f"<{notice.id.replace('/', '.')}@{domain}>"
    message["X-Rampwise-Notice"] = notice.id
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(_body(notice))
    return message


def _body(notice: Notice) -> str:
    weights = ", ".join(f"{name} {share} %" for name, share in weights_by_variant(notice).items())
    rule = "–" if notice.rule is None else notice.rule.value
    facts = {
        "Run": notice.run_id,
        "Target": notice.target_key,
        "Traffic": weights,
        "Rule": rule,
        "By": notice.actor,
        "When": clock_time(notice.at_s),
        "Notice": notice.id,
    }
    lines = [f"{name}: {_one_line(value)}" for name, value in facts.items()]
    return "\n".join([_one_line(notice.sentence), "", *lines, ""])


def _one_line(text: str) -> str:
    return printable(" ".join(text.split()))
