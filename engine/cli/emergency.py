"""The emergency stop of all runs. One run's trouble never keeps the others from being stopped."""

from engine.adapters.identity import person
from engine.cli.carrying_out import Answer, Recorded, carry_out, record
from engine.cli.session import a_driver, the_store
from engine.core.events import Verb
from engine.driver import Driver
from engine.errors import RampwiseError, StoreError

FIRST_LOOK_S = 10.0
"""How long the first run that does not stop keeps the others waiting."""

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
    if within_s is not None and within_s <= FIRST_LOOK_S:
        return [_carried_out(driver, each, within_s) for each in asked]
    first = [_carried_out(driver, each, FIRST_LOOK_S) for each in asked]
    return [
        answer if answer.done else _carried_out(driver, each, within_s)
        for each, answer in zip(asked, first, strict=True)
    ]


def _recorded(driver: Driver, run_id: str, reason: str) -> Recorded | Answer:
    try:
        return record(driver, run_id, Verb.STOP, person(), reason)
    except Exception as error:  # noqa: BLE001 (a plugin's or our own defect is one run's trouble, too)
        return _failed(run_id, error)


def _carried_out(driver: Driver, asked: Recorded | Answer, within_s: float | None) -> Answer:
    if isinstance(asked, Answer):
        return asked
    try:
        return carry_out(driver, asked, within_s)
    except Exception as error:  # noqa: BLE001 (a plugin's or our own defect is one run's trouble, too)
        return _failed(asked.command.run_id, error)


def _failed(run_id: str, error: Exception) -> Answer:
    return Answer(done=False, text=f"{run_id}: {_said(error)}\n{WITHOUT_DATABASE}")


def _said(error: Exception) -> str:
    return str(error) if isinstance(error, RampwiseError) else f"unexpected {type(error).__name__}: {error}"
