"""Arguments and options that several commands share, so that they mean the same everywhere."""

from datetime import UTC, datetime
from enum import StrEnum
from math import isfinite
from pathlib import Path
from typing import Annotated

import typer


class Output(StrEnum):
    """How data are printed."""

    TABLE = "table"
    WIDE = "wide"
    JSON = "json"
    YAML = "yaml"
    NAME = "name"


def seconds(text: str) -> float:
    """Seconds of a duration as an option has it."""
    from engine.fields import parse_duration

    try:
        return parse_duration(text)
    except ValueError as error:
        msg = f"{text!r} is not {error}"
        raise typer.BadParameter(msg) from error


def moment(text: str) -> float:
    """Epoch seconds of a time as an option has it."""
    try:
        if isfinite(at_s := float(text)):
            return at_s
    except ValueError:
        pass
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        msg = f"{text!r} is no time such as 2026-03-02T10:00:00Z, or epoch seconds"
        raise typer.BadParameter(msg) from error
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


def _reason(text: str) -> str:
    if not text.strip():
        msg = "say why; the reason stays in the run's log"
        raise typer.BadParameter(msg)
    return text.strip()


RunArgument = Annotated[
    str, typer.Argument(metavar="RUN", help="A run's id, or an experiment's name for its newest run.")
]
FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="The experiment's YAML file.")]
OutputOption = Annotated[Output, typer.Option("--output", "-o", help="How to print.")]
ReasonOption = Annotated[
    str,
    typer.Option("--reason", metavar="TEXT", parser=_reason, help="Why; it stays in the run's log."),
]
YesOption = Annotated[bool, typer.Option("--yes", help="Do not ask. Needed where nobody can be asked.")]
KeepEventsOption = Annotated[
    float | None,
    typer.Option(
        "--keep-events",
        metavar="DURATION",
        parser=seconds,
        help="Delete users' exposures and events so long after they came, and their experiment's last run "
        "ended, such as 90d. [for ever]",
    ),
]
TimeoutOption = Annotated[
    float | None,
    typer.Option(
        "--timeout", metavar="DURATION", parser=seconds, help="How long to wait, such as 30s or 2h."
    ),
]
