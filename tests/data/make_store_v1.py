"""Makes `store-v1.sqlite3`, the database of version 1 that every later version must open.

Ran once, with version 1: `python -m tests.data.make_store_v1`. It refuses to run with a later one, whose
database would not be of version 1.
"""

import sqlite3
import sys
from pathlib import Path

from engine.adapters.store import SqlStore, open_store
from engine.adapters.store.schema import HEAD
from engine.core.decision import Decision, DecisionKind, Rule
from engine.core.events import SCHEMA, Commanded, Decided, Freeze, Verb
from engine.ports import Lease
from tests.contracts.store_samples import (
    ADA,
    applied,
    commanded,
    decided,
    ended,
    intended,
    next_events,
    observed,
    started,
)

PATH = Path(__file__).with_name("store-v1.sqlite3")


def main() -> None:
    """Write the file anew."""
    if (HEAD, SCHEMA) != ("0001", 1):
        sys.exit("this is no longer version 1; the committed file stays as it is")
    PATH.unlink(missing_ok=True)
    store = open_store(f"sqlite:///{PATH}")
    _stopped_run(store)
    _running_run(store)
    store.set_freeze(Freeze(reason="quarter end", actor=ADA, since_s=1500.0))
    store.close()
    _shrink()


def _stopped_run(store: SqlStore) -> None:
    snapshot, spec, events = started("checkout-v2-1")
    store.create(snapshot, spec, events)
    lease = _lease(store, "checkout-v2-1")
    hold = Decided(decision=Decision(kind=DecisionKind.HOLD, rule=Rule.NOT_YET, reason="no evidence yet"))
    events, snapshot = next_events(snapshot, observed(0), hold)
    store.append(lease, events, snapshot)
    store.append(lease, *ended(snapshot))
    store.release(lease)


def _running_run(store: SqlStore) -> None:
    run_id = "search-v7-1"
    snapshot, spec, events = started(run_id, name="search-v7", target_key="local/search", at_s=1100.0)
    store.create(snapshot, spec, events)
    store.release(_lease(store, run_id))
    lease = _lease(store, run_id)
    pause = store.request(run_id, Verb.PAUSE, ADA, "lunch", "cli", 1200.0)
    refused = Commanded(command_id=99, verb=Verb.RESUME, step=None, refused="not paused")
    act = intended(DecisionKind.SHIFT, Rule.FLOORS_MET, 5, number=1, step=0)
    resumed = Commanded(command_id=0, verb=Verb.RESUME, step=None)
    payloads = (observed(0), refused, commanded(pause), resumed, decided(), act, applied(1, 5))
    events, snapshot = next_events(snapshot, *payloads, evidence={"errors": {"log_e": -0.25}})
    store.append(lease, events, snapshot)
    store.request(run_id, Verb.APPROVE, ADA, "looks good", "web", 1300.0)


def _lease(store: SqlStore, run_id: str) -> Lease:
    lease = store.acquire(run_id, "engine-1", now_s=2000.0, ttl_s=30)
    if lease is None:
        sys.exit(f"the lease of {run_id} is held")
    return lease


def _shrink() -> None:
    """Small pages in one plain file; the tables and rows stay as they were written."""
    connection = sqlite3.connect(PATH)
    for statement in ("PRAGMA journal_mode=DELETE", "PRAGMA page_size=1024", "VACUUM"):
        connection.execute(statement)
    connection.close()


if __name__ == "__main__":
    main()
