"""The emergency stop of all runs. One run's trouble never keeps the others from being stopped."""

from engine.adapters.identity import person
from engine.cli.carrying_out import Answer, Recorded, carry_out, record
from engine.cli.session import a_driver, the_store
from engine.core.events import Verb
from engine.driver import Driver
from engine.errors import RampwiseError, StoreError

WITHOUT_DATABASE = (
    "Traffic can go back to control without the database, one experiment file at a time: "
    "`rampwise target reset FILE`. It needs nothing but the target."
)


def stop_all(reason: str, within_s: float | None) -> list[Answer]:
    """Stop every run that goes on; one answer each.

    `within_s` bounds the waiting for each; None waits for as long as it takes.

    Raises:
        StoreError: the database cannot be used; the message says how to do without it.
    """
    try:
        driver = a_driver(the_store())
        run_ids = driver.store.active()
    except StoreError as error:
        msg = f"{error}\n{WITHOUT_DATABASE}"
        raise StoreError(msg) from error
    asked = [_recorded(driver, run_id, reason) for run_id in run_ids]
    return [_carried_out(driver, each, within_s) for each in asked]


def _recorded(driver: Driver, run_id: str, reason: str) -> Recorded | Answer:
    try:
        return record(driver, run_id, Verb.STOP, person(), reason)
    except RampwiseError as error:
        return _failed(run_id, error)


def _carried_out(driver: Driver, asked: Recorded | Answer, within_s: float | None) -> Answer:
    if isinstance(asked, Answer):
        return asked
    try:
        return carry_out(driver, asked, within_s)
    except RampwiseError as error:
        return _failed(asked.command.run_id, error)


def _failed(run_id: str, error: RampwiseError) -> Answer:
    return Answer(done=False, text=f"{run_id}: {error}\n{WITHOUT_DATABASE}")
