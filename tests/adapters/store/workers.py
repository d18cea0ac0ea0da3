"""What other processes do to a store in these tests; importable, so that a spawned process finds it."""

import time
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Barrier
from typing import TYPE_CHECKING, Any

from engine.adapters.store import open_store
from engine.errors import LeaseLost, UsageError
from tests.contracts.store_samples import decided, next_events, observed, started

SPAWN = get_context("spawn")
FORKSERVER = get_context("forkserver")
FORKSERVER.set_forkserver_preload([__name__])  # processes to be killed start in milliseconds, so many can be
LIMIT_S = 30.0

if TYPE_CHECKING:
    from multiprocessing.queues import Queue

    Answers = Queue[Any]


def together(work: Callable[..., None], url: str, names: list[str], *more: object) -> list[Any]:
    """Run `work(url, name, answers, barrier, *more)` in one process per name; the answer of each."""
    answers = SPAWN.Queue()
    barrier = SPAWN.Barrier(len(names))
    processes = [
        SPAWN.Process(target=work, args=(url, name, answers, barrier, *more), daemon=True) for name in names
    ]
    for process in processes:
        process.start()
    try:
        return [answers.get(timeout=LIMIT_S) for _ in names]
    finally:
        for process in processes:
            stop(process)
        answers.close()


def stop(process: BaseProcess) -> None:
    """Wait for a process that is about to end; kill it if it is not."""
    process.join(timeout=5)
    if process.is_alive():
        process.kill()
        process.join()


def open_first(url: str, name: str, answers: "Answers", barrier: Barrier) -> None:
    """Be one of several that open a new database at once."""
    barrier.wait(LIMIT_S)
    try:
        open_store(url).close()
    except Exception as error:
        answers.put(repr(error))
    else:
        answers.put("opened")


def launch_first(url: str, name: str, answers: "Answers", barrier: Barrier) -> None:
    """Be one of several that launch the same experiment at once."""
    store = open_store(url)
    snapshot, spec, events = started(name)
    barrier.wait(LIMIT_S)
    try:
        store.create(snapshot, spec, events)
    except UsageError as error:
        answers.put((name, str(error)))
    else:
        answers.put((name, "won"))
    store.close()


def drive_in_turns(url: str, name: str, answers: "Answers", barrier: Barrier, appends: int) -> None:
    """Append whenever the lease can be had; the lease is so short that it is lost again and again.

    Every tenth append is followed by a rest longer than the lease: one that always renews in time keeps it.
    """
    store = open_store(url)
    barrier.wait(LIMIT_S)
    kept: list[tuple[int, int]] = []
    refused = 0
    while len(kept) < appends:
        lease = store.acquire("r1", name, time.time(), 0.003)
        if lease is None:
            continue
        events, snapshot = next_events(store.load("r1").snapshot, decided(), source=f"{name}/{lease.token}")
        try:
            store.append(lease, events, snapshot)
        except LeaseLost:
            refused += 1
        else:
            kept.append((lease.token, events[0].seq))
            if len(kept) % 10 == 0:
                time.sleep(0.02)
    answers.put((name, kept, refused))
    store.close()


def append_forever(url: str) -> None:
    """Append two events at a time, and as much evidence as there are events, until killed."""
    store = open_store(url)
    lease = store.acquire("r1", f"writer-{time.time_ns()}", time.time(), 0.001)
    while lease is None:
        lease = store.acquire("r1", f"writer-{time.time_ns()}", time.time(), 0.001)
    while True:
        before = store.load("r1").snapshot
        evidence = {"seq": before.run.seq + 2, "ballast": list(range(before.run.seq % 5000))}
        events, snapshot = next_events(
            before, observed(before.run.windows_done), decided(), evidence=evidence
        )
        store.append(lease, events, snapshot)
