"""`rampwise ab export`: users' exposures and events of the store as tables. Talk on stderr.

Imports stand inside the functions: `--help` stays fast.
"""

from pathlib import Path
from typing import Annotated

import typer

from engine.cli.session import session_of


def export(
    ctx: typer.Context,
    experiment: Annotated[str, typer.Argument(metavar="EXPERIMENT", help="Whose exposures, by its name.")],
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", file_okay=False, help="Where to write; it is made.")
    ],
) -> None:
    """Write what `rampwise serve` recorded of users, as tables that `ab analyze` reads.

    Exposures of the experiment, and all events of its users, as exposures.parquet and events.parquet; each
    replaces the one before when it is whole. Let `data` of the experiment name the directory.

    Example:
      rampwise ab export one-page-checkout data
    """
    from engine.adapters.exported import export as exported
    from engine.cli.session import the_store
    from engine.errors import UsageError
    from engine.wiring import intake_of

    intake = intake_of(the_store())
    if next(intake.exposures(experiment), None) is None:
        msg = (
            f"nobody was exposed to {experiment} yet, so nothing was written. Is that its name? "
            "Applications send exposures to `rampwise serve --flags FILE`."
        )
        raise UsageError(msg)
    made = exported(intake, experiment, directory)
    session_of(ctx).say(f"Wrote {made.exposures:,} exposures and {made.events:,} events to {directory}.")
