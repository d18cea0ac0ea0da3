"""What every test leaves as it was."""

from collections.abc import Iterator

import pytest
import structlog


@pytest.fixture(autouse=True)
def _logs_go_where_nobody_sent_them() -> Iterator[None]:
    """A command sends the log lines of the whole process to stderr; the next test has them on stdout."""
    yield
    structlog.reset_defaults()
