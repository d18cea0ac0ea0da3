"""`rampwise ab forget`: all that is known of one user goes, because they ask for it. Talk on stderr.

Imports stand inside the functions: `--help` stays fast.
"""

from typing import Annotated

import typer

from engine.cli.options import YesOption
from engine.cli.session import session_of


def forget(
    ctx: typer.Context,
    unit: Annotated[str, typer.Argument(metavar="UNIT", help="The user, as applications call them.")],
    yes: YesOption = False,
) -> None:
    """Delete all that `rampwise serve` recorded of one user, in all experiments, also of runs that go on.

    The next look at an experiment counts without them. Tables that were exported, totals that `ab analyze
    --keep` has kept, backups of the database and your own event tables are not touched.

    Example:
      rampwise ab forget ada@example.org --yes
    """
    from engine.cli.session import the_store
    from engine.wiring import intake_of

    session = session_of(ctx)
    session.confirm(f"Delete every exposure and event of {unit}? This cannot be taken back.", yes=yes)
    gone = intake_of(the_store()).forget(unit)
    if not gone.exposures and not gone.occurrences:
        session.say(f"Nothing is known of {unit}.")
        return
    where = f" ({', '.join(gone.experiments)})" if gone.experiments else ""
    counts = f"exposures: {gone.exposures:,}{where}, events: {gone.occurrences:,}"
    session.say(f"Deleted what was known of {unit}: {counts}.")
