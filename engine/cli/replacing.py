"""Stops the run that a new launch replaces, so that one run at a time moves the target's traffic."""

from engine.adapters.identity import person
from engine.cli.carrying_out import carry_out, record
from engine.cli.session import a_driver
from engine.core.events import Verb
from engine.errors import UsageError
from engine.ports import Store

REASON = "replaced by a new launch"
WITHIN_S = 60.0


def stop_run_of(store: Store, name: str) -> str | None:
    """Stop the active run of an experiment and return its id; None when there is none.

    Raises:
        UsageError: it did not end in time; nothing was launched.
    """
    rival = store.rival(name, target_key="")
    if rival is None:
        return None
    run_id = rival.run_id
    driver = a_driver(store)
    answer = carry_out(driver, record(driver, run_id, Verb.STOP, person(), REASON), WITHIN_S)
    if not answer.done:
        msg = f"{answer.text} Nothing was launched."
        raise UsageError(msg)
    return run_id
