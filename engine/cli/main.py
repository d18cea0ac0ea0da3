"""The command line's root: global options, all commands, and the process's entry.

Nothing heavy is imported here or where commands are declared, so that `rampwise --help` is there at once.
"""

import os
import sys
from typing import Annotated

import typer

from engine.cli import (
    ab,
    calibrating,
    controller,
    demo,
    doctor,
    events,
    experiments,
    freezing,
    gating,
    launch,
    listing,
    local,
    notices,
    planning,
    plugins,
    preparing,
    replaying,
    report,
    rx,
    serving,
    status,
    targeting,
    trouble,
    verbs,
)
from engine.cli.session import DATABASE_VARIABLE, Session
from engine.cli.teaching import add

_EPILOG = """\b
Exit codes: 0 done, or promoted    1 error              2 wrong usage or experiment
            3 rolled back          4 undecided in time  5 results not to be trusted
            6 stopped              130 interrupted

\b
A first release on this machine:
  rampwise local up
  rampwise init local -o experiment.yaml
  rampwise launch experiment.yaml --dry-run
  rampwise launch experiment.yaml --wait
"""

app = typer.Typer(
    name="rampwise",
    cls=trouble.Commands,
    help="Release software as an experiment: traffic moves as far as evidence allows, at a known error rate.",
    epilog=_EPILOG,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help", "-h"], "max_content_width": 110},
)


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"rampwise {version('rampwise')}")
        raise typer.Exit


@app.callback()
def _root(  # the help text is the app's
    ctx: typer.Context,
    db: Annotated[
        str | None,
        typer.Option(
            "--db",
            metavar="URL",
            help=f"The database of runs, else ${DATABASE_VARIABLE}, else a file in the home.",
        ),
    ] = None,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="No talk on stderr, only data and errors.")
    ] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    if db is not None:
        # Through the environment, so that every part of this process means the same database.
        os.environ[DATABASE_VARIABLE] = db
    ctx.obj = Session(quiet=quiet)


add(app, "init", experiments.init)
add(app, "validate", experiments.validate)
add(app, "prepare", preparing.prepare)
add(app, "plan", planning.plan)
add(app, "launch", launch.launch)
add(app, "list", listing.list_runs)
add(app, "status", status.status)
add(app, "promote", verbs.promote)
add(app, "rollback", verbs.rollback)
add(app, "stop", verbs.stop)
add(app, "pause", verbs.pause)
add(app, "resume", verbs.resume)
add(app, "approve", verbs.approve)
app.add_typer(freezing.app, name="freeze")
add(app, "events", events.events)
add(app, "notices", notices.notices)
add(app, "report", report.report)
add(app, "replay", replaying.replay)
add(app, "calibrate", calibrating.calibrate)
app.add_typer(ab.app, name="ab")
app.add_typer(gating.app, name="gate")
app.add_typer(targeting.app, name="target")
add(app, "serve", serving.serve)
add(app, "controller", controller.controller)
app.add_typer(rx.app, name="rx")
add(app, "plugins", plugins.plugins)
add(app, "doctor", doctor.doctor)
app.add_typer(local.app, name="local")
add(app, "demo", demo.demo)


def main() -> None:
    """The entry point of `rampwise`."""
    try:
        app(prog_name="rampwise")
    except Exception as error:  # noqa: BLE001 (the last stop of every error; it is shown, with a way to details)
        sys.exit(trouble.unexpected(error))


if __name__ == "__main__":
    main()
