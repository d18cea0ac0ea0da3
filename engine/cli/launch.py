"""`rampwise launch`: begin a run, rehearse one, or begin one and see it through."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.options import FileArgument, Output, OutputOption, TimeoutOption
from engine.cli.session import SOURCE, Session, session_of, the_clock, the_store
from engine.core.outcome import ExitCode

if TYPE_CHECKING:
    from engine.ports import Store
    from engine.wiring import Prepared


def launch(
    ctx: typer.Context,
    file: FileArgument,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Change nothing: show plan, target, flag and what each query returns."
        ),
    ] = False,
    wait: Annotated[
        bool,
        typer.Option("--wait", help="See it through: drive it unless somebody does; exit by its outcome."),
    ] = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="First stop the experiment's run that goes on.")
    ] = False,
    timeout: TimeoutOption = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Show each query and what it returns now.")
    ] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Begin a run of an experiment.

    A run goes on while an engine drives it: `rampwise serve`, or this command with --wait. With --wait the
    exit code is the outcome: 0 promoted, 3 rolled back, 4 undecided, 5 not trusted, 6 stopped. --timeout
    bounds the waiting, not the run.

    Example:
      rampwise launch experiment.yaml --dry-run
      rampwise launch experiment.yaml --wait --timeout 2h
      rampwise launch experiment.yaml --replace --wait
    """
    if timeout is not None and not wait:
        msg = "it bounds the waiting: add --wait"
        raise typer.BadParameter(msg, ctx=ctx, param_hint="--timeout")
    session, prepared = session_of(ctx), _prepare(file)
    store = the_store()
    if dry_run:
        _rehearse(store, prepared, output)
        return
    run_id = _begin(session, store, prepared, replace=replace)
    _warn(prepared, with_queries=explain)
    if wait:
        from engine.cli.seeing_through import see_through

        code = see_through(session, store, run_id, timeout)
    else:
        code = ExitCode.OK
        _say_who_drives(session, store, run_id)
    _put_run(store, run_id, output)
    raise typer.Exit(code)


def _prepare(file: Path) -> "Prepared":
    from engine import spec, wiring

    return wiring.prepare(spec.read(file))


def _begin(session: Session, store: "Store", prepared: "Prepared", *, replace: bool) -> str:
    from engine.adapters.identity import person
    from engine.launching import launch as begin

    replaced = _end_the_other(session, store, prepared) if replace else None
    run_id = begin(prepared, store, the_clock(), person(), SOURCE, replaces=replaced)
    session.say(f"Launched {run_id}.")
    return run_id


def _end_the_other(session: Session, store: "Store", prepared: "Prepared") -> str | None:
    """Stop the run of this experiment that goes on, if there is one; its id."""
    from engine.cli.replacing import stop_run_of

    stopped = stop_run_of(store, prepared.experiment.name)
    if stopped is not None:
        session.say(f"Stopped {stopped}, which this run replaces.")
    return stopped


def _rehearse(store: "Store", prepared: "Prepared", output: Output) -> None:
    from engine.cli import rehearsing
    from engine.cli.printing import put
    from engine.launching import rehearse

    found = rehearse(prepared, store, the_clock())
    put(
        output,
        names=[found.experiment.name],
        plain=rehearsing.to_plain(found),
        picture=lambda _: rehearsing.draw(found),
    )
    if found.in_the_way:
        raise typer.Exit(ExitCode.ERROR)


def _warn(prepared: "Prepared", *, with_queries: bool) -> None:
    """Say on stderr which metrics cannot be read like this, since a run would only hold."""
    from engine.explaining import explain

    explained = explain(prepared.experiment, the_clock().now_s())
    if with_queries:
        from engine.cli.pictures import draw_explained
        from engine.cli.printing import as_text

        typer.echo(as_text(draw_explained(explained)), err=True)
    for problem in explained.wrong:
        typer.echo(f"rampwise: warning: {problem}", err=True)


def _say_who_drives(session: Session, store: "Store", run_id: str) -> None:
    from engine.cli.seeing_through import await_driver

    driver = await_driver(store, run_id)
    if driver is None:
        session.say(
            "Nobody drives it yet; start `rampwise serve`, which drives all runs. "
            f"Next time `rampwise launch --wait` drives it at once. `rampwise status {run_id}` shows it."
        )
    else:
        session.say(f"{driver} drives it. `rampwise status {run_id} -w` follows it.")


def _put_run(store: "Store", run_id: str, output: Output) -> None:
    from engine.cli.run_view import view_of
    from engine.cli.status import put_view

    put_view(output, view_of(store, store.load(run_id), the_clock().now_s()))
