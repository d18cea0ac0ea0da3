"""`rampwise ab conclude`: carries out what a product experiment says. Talk on stderr.

Imports stand inside the functions: `--help` stays fast.
"""

from typing import TYPE_CHECKING, Annotated, cast

import typer

from engine.cli.ab_looking import KeepOption, look_at
from engine.cli.options import FileArgument, TimeoutOption
from engine.cli.session import Session, a_driver, session_of, the_clock, the_store
from engine.cli.verbs import WaitOption, bound, see_done
from engine.core.events import CONCLUDED, Verb
from engine.core.outcome import ExitCode

if TYPE_CHECKING:
    from analysis.product.result import Answer
    from engine.adapters.store import SqlStore
    from engine.core.events import Command
    from engine.core.product import ProductPlan
    from engine.ports import StoredRun
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
    worse, else as a stop. Keep running and do not trust change nothing. The answer is the reason in the log.

    It promotes only what nothing else speaks against: nothing blocks the run (pause, freeze, flag, health, no
    data), the canary is over, the test has `hold` and `floor`, and the run's own metrics are not worse. A
    strategy without such a test (canary, blue_green) promotes by its own rules.

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
    stored, release = _release(store, plan, run)
    _see_the_question_stands(stored, plan)
    analysis = look_at(session, plan, file, None, release, keep).analysis
    session.say(headline(analysis))
    match conclusion(analysis, release):
        case NothingToDo(text=text):
            session.say(text)
            _tell_what_waits(session, store, release)
        case NotYet(text=text):
            session.say(text)
            raise typer.Exit(ExitCode.UNDECIDED)
        case Impossible(text=text):
            _refuse(text)
        case order if dry_run:
            _rehearse(session, store, order, release)
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


def _release(store: "SqlStore", plan: "ProductPlan", named: str) -> "tuple[StoredRun, Release]":
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
    return stored, release_of(store, stored, plan)


def _see_the_question_stands(stored: "StoredRun", plan: "ProductPlan") -> None:
    from engine.core.wording import concluding as wording
    from engine.errors import UsageError
    from engine.product.launched import asked_otherwise

    if fields := asked_otherwise(stored, plan):
        raise UsageError(wording.asks_otherwise(stored.snapshot.run, fields))


def _refuse(text: str) -> None:
    from engine.cli.trouble import complain

    complain(text)
    raise typer.Exit(ExitCode.ERROR)


def _tell_what_waits(session: Session, store: "SqlStore", release: "Release") -> None:
    """A promotion of an earlier answer may still be carried out, for as long as an answer lasts."""
    from engine.core.wording import concluding as wording

    if any(_is_fresh(each) for each in store.requested(release.run.id) if each.verb is Verb.PROMOTE):
        session.say(wording.waits_still(release.run))


def _is_fresh(command: "Command") -> bool:
    from engine.core.concluded import ANSWER_LASTS_S

    return command.source == CONCLUDED and the_clock().now_s() - command.at_s <= ANSWER_LASTS_S


def _rehearse(session: Session, store: "SqlStore", order: "Order", release: "Release") -> None:
    """Say what the order would come to at this moment."""
    from engine.adapters.identity import person
    from engine.core.events import Command
    from engine.core.wording import concluding as wording
    from engine.runner import rehearse

    run = release.run
    command = Command(
        id=0,
        run_id=run.id,
        verb=order.verb,
        actor=person(),
        reason=order.reason,
        source=CONCLUDED,
        at_s=the_clock().now_s(),
        treatment=order.treatment,
    )
    why = rehearse(a_driver(store).assemble(run.id), command) if order.verb is Verb.PROMOTE else ""
    if why:
        session.say(wording.not_now(run, order.variant, why))
        raise typer.Exit(ExitCode.UNDECIDED)
    session.say(wording.would(run, order.verb, order.variant, order.reason))


def _carry_out(
    session: Session, store: "SqlStore", order: "Order", release: "Release", within_s: float | None
) -> None:
    """Ask for it once, however often the command is said, and see it done. Not done is exit 1, not yet 4."""
    from engine.adapters.identity import person
    from engine.cli.carrying_out import Recorded, record
    from engine.core.wording import concluding as wording

    driver, run = a_driver(store), release.run
    asked = (each for each in store.requested(run.id) if each.verb is order.verb)
    same = next((each for each in asked if _is_fresh(each) and each.treatment == order.treatment), None)
    if same is None:
        recorded = record(driver, run.id, order.verb, person(), order.reason, order.treatment, CONCLUDED)
    else:
        recorded = Recorded(command=same, after_seq=run.seq)
    if refused := see_done(session, driver, run.id, recorded, within_s, may_be_refused=True):
        session.say(wording.not_now(run, order.variant, refused))
        raise typer.Exit(ExitCode.UNDECIDED)
