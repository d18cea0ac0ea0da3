"""Whether a local platform may be taken down: not from under a run that goes on, unless somebody says so."""

from pathlib import Path

import typer

from engine.adapters.traefik import platform_record
from engine.cli.session import is_terminal, the_store
from engine.errors import StoreError, Unreachable, UsageError
from engine.home import database_url

_SQLITE = "sqlite:///"


def ask_about_runs(directory: Path) -> None:
    """Ask before the platform of a run that goes on is ended.

    Raises:
        UsageError: a run goes on there, and without a terminal there is nobody to ask.
    """
    try:
        runs = _runs_on(directory)
    except StoreError as error:
        typer.echo(f"Whether a run goes on here cannot be told: {error}", err=True)
        return
    if not runs:
        return
    hints = "; ".join(f"`rampwise stop {run_id} --reason TEXT` ends {run_id}" for run_id in runs)
    warning = f"{', '.join(runs)} goes on here and would be without data and target; {hints}."
    if not is_terminal():
        msg = f"{warning} Add --force to take the platform down all the same."
        raise UsageError(msg)
    typer.echo(warning, err=True)
    typer.confirm("Take the platform down all the same?", default=False, abort=True, err=True)


def _runs_on(directory: Path) -> list[str]:
    """Ids of the runs that go on with a target on this platform."""
    try:
        record = platform_record.read(directory)
    except Unreachable:
        return []
    if record is None or not _database_exists():
        return []
    name = platform_record.label(directory)
    keys = {f"local/{name}/{service}" for service in record.versions}
    store = the_store()
    return [run_id for run_id in store.active() if store.load(run_id).snapshot.run.target_key in keys]


def _database_exists() -> bool:
    """Looking must not make a database where there is none."""
    url = database_url()
    return not url.startswith(_SQLITE) or Path(url.removeprefix(_SQLITE).partition("?")[0]).exists()
