"""Structured logs on stderr, so that stdout carries data only. Credentials in them are written out as ***."""

import logging
import re
import sys
from typing import Any

import structlog

_USERINFO = re.compile(r"(?<=//)[^/\s@'\"]+@")
_BEARER = re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{8,}")
_NAMED = re.compile(r"(?i)\b(password|passwd|token|secret|api[-_]?key)(['\"]?\s*[=:]\s*['\"]?)[^\s'\"&,}]+")


def log_to_stderr(level: int = logging.WARNING, *, as_json: bool = False) -> None:
    """Send log lines of this level and above to stderr: for machines as JSON, for people as short lines."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _without_credentials,
            structlog.processors.JSONRenderer(ensure_ascii=False) if as_json else _line,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        # Looked up at every line: stderr may have been replaced since.
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
        cache_logger_on_first_use=False,
    )


def without_credentials(text: str) -> str:
    """The text with what looks like a credential written out.

    >>> without_credentials("http://ada:pw@host/x?token=abc&y=1, Bearer abcdefgh")
    'http://***@host/x?token=***&y=1, Bearer ***'
    """
    text = _USERINFO.sub("***@", text)
    text = _BEARER.sub(r"\1 ***", text)
    return _NAMED.sub(r"\1\2***", text)


def _without_credentials(_logger: object, _method: str, entry: Any) -> Any:
    return {
        key: without_credentials(value) if isinstance(value, str) else value for key, value in entry.items()
    }


def _line(_logger: object, _method: str, entry: Any) -> str:
    """`12:30:05 warning  event  key=value …`, without colour."""
    at, level, event = str(entry.pop("timestamp")), entry.pop("level"), entry.pop("event")
    trace = entry.pop("exception", None)
    facts = "".join(f"  {key}={value}" for key, value in entry.items())
    return f"{at[11:19]} {level:<8} {event}{facts}" + (f"\n{trace}" if trace else "")
