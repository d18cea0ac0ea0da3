"""`promote rollback stop pause resume approve`: what a person asks of a run. Only promotion is questioned."""

from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.options import ReasonOption, RunArgument, TimeoutOption, YesOption
from engine.cli.session import Session, a_driver, session_of, the_clock, the_store
from engine.core.events import Verb
from engine.core.outcome import ExitCode

if TYPE_CHECKING:
    from engine.cli.carrying_out import Answer, Recorded
    from engine.driver import Driver
    from engine.ports import Store

PATIENCE_S = 30.0
WaitOption = Annotated[bool, typer.Option("--wait", help="Wait for as long as it takes, instead of 30 s.")]


def promote(
    ctx: typer.Context,
    run: RunArgument,
    reason: ReasonOption,
    treatment: Annotated[
        str, typer.Option("--treatment", metavar="NAME", help="Which one, where several have traffic.")
    ] = "",
    yes: YesOption = False,
    wait: WaitOption = False,
    timeout: TimeoutOption = None,
) -> None:
    """Give the treatment all traffic now, whatever the evidence says.

    Refused while the act itself is unsafe: flag not clearly open, freeze, treatment not ready, somebody else
    moves the traffic. Asks first; where nobody can be asked it needs --yes.

    Example:
      rampwise promote checkout-v2 --reason "fixes the outage" --yes
      rampwise promote button-colour --treatment blue --reason "looks better" --yes
    """
    session, store = session_of(ctx), the_store()
    run_id = _id_of(store, run)
    session.confirm(f"Promote {run_id}: give {treatment or 'the treatment'} all traffic?", yes=yes)
    _ask(session, store, run_id, Verb.PROMOTE, reason, bound(wait, timeout), treatment)


def rollback(
    ctx: typer.Context,
    run: RunArgument,
    reason: ReasonOption,
    wait: WaitOption = False,
    timeout: TimeoutOption = None,
) -> None:
    """Give control all traffic now and end the run as rolled back. Never blocked, never questioned.

    Example:
      rampwise rollback checkout-v2 --reason "customers complain"
    """
    store = the_store()
    _ask(session_of(ctx), store, _id_of(store, run), Verb.ROLLBACK, reason, bound(wait, timeout))


def stop(
    ctx: typer.Context,
    reason: ReasonOption,
    run: Annotated[
        str | None, typer.Argument(metavar="[RUN]", help="A run's id, or an experiment's name.")
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Every run that goes on: the emergency stop.")
    ] = False,
    yes: YesOption = False,
    wait: WaitOption = False,
    timeout: TimeoutOption = None,
) -> None:
    """Give control all traffic now and end the run as stopped. Never blocked.

    With --all it does so for every run and asks first; where nobody can be asked that needs --yes.
    If the database is dead, `rampwise target reset FILE` puts one target back without it.

    Example:
      rampwise stop checkout-v2 --reason "wrong build"
      rampwise stop --all --reason "incident 4711" --yes
    """
    if everything == (run is not None):
        msg = "name one run, or --all"
        raise typer.BadParameter(msg, ctx=ctx, param_hint="RUN")
    session = session_of(ctx)
    if run is None:
        session.confirm("Stop every run: give control all traffic everywhere?", yes=yes)
        _stop_all(session, reason, bound(wait, timeout))
        return
    store = the_store()
    _ask(session, store, _id_of(store, run), Verb.STOP, reason, bound(wait, timeout))


def pause(ctx: typer.Context, run: RunArgument, reason: ReasonOption, timeout: TimeoutOption = None) -> None:
    """Leave traffic as it is until `resume`. Evidence is still read, and harm still rolls back.

    Example:
      rampwise pause checkout-v2 --reason "lunch"
    """
    store = the_store()
    _ask(session_of(ctx), store, _id_of(store, run), Verb.PAUSE, reason, timeout or PATIENCE_S)


def resume(ctx: typer.Context, run: RunArgument, reason: ReasonOption, timeout: TimeoutOption = None) -> None:
    """Go on after `pause`.

    Example:
      rampwise resume checkout-v2 --reason "back"
    """
    store = the_store()
    _ask(session_of(ctx), store, _id_of(store, run), Verb.RESUME, reason, timeout or PATIENCE_S)


def approve(
    ctx: typer.Context, run: RunArgument, reason: ReasonOption, timeout: TimeoutOption = None
) -> None:
    """Allow the run to leave its present step.

    Only steps with `approve: true` wait for it.

    Example:
      rampwise approve checkout-v2 --reason "dashboards look fine"
    """
    store = the_store()
    _ask(session_of(ctx), store, _id_of(store, run), Verb.APPROVE, reason, timeout or PATIENCE_S)


def bound(wait: bool, timeout_s: float | None) -> float | None:
    """How long to wait for a command to be done, in seconds; None for as long as it takes."""
    return timeout_s if timeout_s is not None or wait else PATIENCE_S


def _id_of(store: "Store", text: str) -> str:
    from engine.cli.lookup import find_run

    return find_run(store, text).snapshot.run.id


def _ask(
    session: Session,
    store: "Store",
    run_id: str,
    verb: Verb,
    reason: str,
    within_s: float | None,
    treatment: str = "",
) -> None:
    """Record the command, see it done, and say what came of it. Not done or refused is exit 1."""
    from engine.adapters.identity import person
    from engine.cli.carrying_out import record

    driver = a_driver(store)
    recorded = record(driver, run_id, verb, person(), reason, treatment)
    see_done(session, driver, run_id, recorded, within_s)


def see_done(
    session: Session,
    driver: "Driver",
    run_id: str,
    recorded: "Recorded | Answer",
    within_s: float | None,
    *,
    may_be_refused: bool = False,
) -> str:
    """See a recorded command done, and say what came of it.

    Args:
        session: where talk goes.
        driver: drives the run itself while nobody else does.
        run_id: whose command it is.
        recorded: the command, or its answer where nothing was left to do.
        within_s: how long to wait; None for as long as it takes.
        may_be_refused: the caller tells what a refusal means, and goes on.

    Returns:
        Why it was refused, where it may be; empty when it was done.

    Raises:
        typer.Exit: it was not done, or refused and must not be.
    """
    from engine.cli.carrying_out import Recorded, carry_out
    from engine.cli.delivering import deliver_now
    from engine.cli.trouble import complain

    if isinstance(recorded, Recorded):
        _say_who(session, driver, run_id)
    answer = carry_out(driver, recorded, within_s)
    deliver_now(driver.store)
    if answer.refused and may_be_refused:
        return answer.refused
    (session.say if answer.done else complain)(answer.text)
    if not answer.done:
        raise typer.Exit(ExitCode.ERROR)
    return ""


def _say_who(session: Session, driver: "Driver", run_id: str) -> None:
    lease = driver.store.holder(run_id, the_clock().now_s())
    session.say(
        "Nobody drives the run, so it is done here." if lease is None else f"{lease.owner} drives the run."
    )


def _stop_all(session: Session, reason: str, within_s: float | None) -> None:
    """Ask for all first, so that every engine begins at once; then see each done."""
    from engine.cli.delivering import deliver_now
    from engine.cli.emergency import stop_all
    from engine.cli.trouble import complain

    answers = stop_all(reason, within_s)
    for answer in answers:
        (session.say if answer.done else complain)(answer.text)
    deliver_now(the_store())
    if not answers:
        session.say("No run goes on; there is nothing to stop.")
    if not all(answer.done for answer in answers):
        raise typer.Exit(ExitCode.ERROR)
