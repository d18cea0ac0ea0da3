"""An HTTP receiver, a mail server, and a port where nobody listens."""

import socket
from collections.abc import Iterator

import pytest

from tests.adapters.sinks.receivers import Inbox, MailBox, http_inbox, mail_box


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    with http_inbox() as made:
        yield made


@pytest.fixture
def mails() -> Iterator[MailBox]:
    with mail_box() as made:
        yield made


@pytest.fixture
def closed_port() -> Iterator[int]:
    """Bound and not listening, so that nobody else gets it."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield int(bound.getsockname()[1])
