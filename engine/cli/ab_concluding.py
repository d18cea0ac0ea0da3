"""`rampwise ab conclude`: carries out what a product experiment says. Talk on stderr.

Imports stand inside the functions: `--help` stays fast.
"""

from typing import TYPE_CHECKING, Annotated, cast

import typer

from engine.cli.ab_looking import KeepOption, look_at
from engine.cli.options import FileArgument, TimeoutOption
from engine.cli.session import Session, a_driver, session_of, the_clock, the_store
from engine.cli.verbs import WaitOption, bound, see_done
from engine.core.outcome import ExitCode

if TYPE_CHECKING:
    from analysis.product.result import Answer
    from engine.adapters.store import SqlStore
    from engine.core.product import ProductPlan
    from engine.product.concluding import Order
    from engine.product.releasing import Release


def conclude(
    ctx: typer.Context,
    file: FileArgument,
    run: Annotated[
        str,
        typer.Option("--run", metavar="RUN", help="Which run, by its id. [the newest of this experiment]"),
    ] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what it would do, and change nothing.")
    ] = False,
    keep: KeepOption = None,
    wait: WaitOption = False,
    timeout: TimeoutOption = None,
) -> None:
    """Look at a product experiment, and carry out what it says on the run that releases it.

    Ship promotes the variant. Keep control gives control all traffic: as a rollback where the variant is
    worse, else as a stop. Keep running and do not trust change nothing. The answer is the reason in the log,
    and what makes a promotion unsafe (flag, freeze, health) refuses this one too. Nothing is promoted before
    the canary is over and the test has lasted as long as `hold` says.

    Meant for a cron job or a pipeline: say it as often as you like. It asks nobody. The exit code is that of
    `ab analyze` where the run is as the answer says, 4 where it is too early, and 1 if it could not be done.

    Example:
      rampwise ab conclude experiment.yaml --dry-run
      rampwise ab conclude experiment.yaml
    """
    from analysis.report.product.answers import headline
    from engine.product.concluding import Impossible, NothingToDo, NotYet, conclusion
    from engine.product.looking import plan_in

    session, plan, store = session_of(ctx), plan_in(file), cast("SqlStore", the_store())
    release = _release(store, plan, run)
    analysis = look_at(session, plan, file, None, release, keep).analysis
    session.say(headline(analysis))
    match conclusion(analysis, release, the_clock().now_s()):
        case NothingToDo(text=text):
            session.say(text)
        case NotYet(text=text):
            session.say(text)
            raise typer.Exit(ExitCode.UNDECIDED)
        case Impossible(text=text):
            _refuse(text)
        case order if dry_run:
            session.say(_rehearsed(order, release))
        case order:
            _carry_out(session, store, order, release, bound(wait, timeout))
    raise typer.Exit(exit_code(analysis.answer))


def exit_code(answer: "Answer") -> ExitCode:
    """What an answer means to a pipeline."""
    from analysis.product.result import Outcome, ProductRule

    match answer.outcome, answer.rule:
        case (_, ProductRule.NO_DATA) | (Outcome.DO_NOT_TRUST, _):
            return ExitCode.NOT_TRUSTED
        case Outcome.SHIP, _:
            return ExitCode.OK
        case Outcome.KEEP_CONTROL, ProductRule.GUARDRAIL_WORSE | ProductRule.OBJECTIVE_WORSE:
            return ExitCode.ROLLED_BACK
        case _:
            return ExitCode.UNDECIDED


def _release(store: "SqlStore", plan: "ProductPlan", named: str) -> "Release":
    from engine.cli.lookup import find_run
    from engine.errors import UsageError
    from engine.product.releasing import release_of

    stored = find_run(store, named) if named else store.newest(plan.name)
    if stored is None:
        msg = (
            f"no run releases {plan.name}, so there is nothing to conclude. `rampwise launch FILE` begins "
            "one; --run names one that is called otherwise."
        )
        raise UsageError(msg)
    return release_of(store, stored, plan)


def _refuse(text: str) -> None:
    from engine.cli.trouble import complain

    complain(text)
    raise typer.Exit(ExitCode.ERROR)


def _rehearsed(order: "Order", release: "Release") -> str:
    from engine.core.wording import concluding as wording

    return wording.would(release.run, order.verb, order.variant, order.reason)


def _carry_out(
    session: Session, store: "SqlStore", order: "Order", release: "Release", within_s: float | None
) -> None:
    """Ask for it once, however often the command is said, and see it done. Not done or refused is exit 1."""
    from engine.adapters.identity import person
    from engine.cli.carrying_out import Recorded, record

    driver, run = a_driver(store), release.run
    asked = (each for each in store.requested(run.id) if each.verb is order.verb)
    same = next((each for each in asked if each.treatment == order.treatment), None)
    if same is None:
        recorded = record(driver, run.id, order.verb, person(), order.reason, order.treatment)
    else:
        recorded = Recorded(command=same, after_seq=run.seq)
    see_done(session, driver, run.id, recorded, within_s)
