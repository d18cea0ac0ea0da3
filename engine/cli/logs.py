"""Structured logs on stderr, so that stdout carries data only."""

import logging
import sys
from typing import Any

import structlog


def log_to_stderr(level: int = logging.WARNING, *, as_json: bool = False) -> None:
    """Send log lines of this level and above to stderr: for machines as JSON, for people as short lines."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False) if as_json else _line,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        # Looked up at every line: stderr may have been replaced since.
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
        cache_logger_on_first_use=False,
    )


def _line(_logger: object, _method: str, entry: Any) -> str:
    """`12:30:05 warning  event  key=value …`, without colour."""
    at, level, event = str(entry.pop("timestamp")), entry.pop("level"), entry.pop("event")
    trace = entry.pop("exception", None)
    facts = "".join(f"  {key}={value}" for key, value in entry.items())
    return f"{at[11:19]} {level:<8} {event}{facts}" + (f"\n{trace}" if trace else "")
