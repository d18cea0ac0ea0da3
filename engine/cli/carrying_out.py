"""Carries out what a person asked of a run: recorded first, then done by whoever drives it, else by us."""

import time
from dataclasses import dataclass

from engine.cli.session import SOURCE
from engine.core import talk
from engine.core.events import CONCLUDED, Actor, Command, Commanded, Verb
from engine.core.printable import printable
from engine.core.run import Phase, Run
from engine.driver import Driver
from engine.errors import StoreBusy, UsageError
from engine.ports import Store

_ENDS = frozenset({Verb.PROMOTE, Verb.ROLLBACK, Verb.STOP})
_LOOK_EVERY_S = 0.3
_CONTROL_HAS_ALL = frozenset({Phase.STOPPED, Phase.ROLLED_BACK, Phase.EXPIRED})
_ENDS_ASKED_FOR = {
    Verb.STOP: _CONTROL_HAS_ALL,
    Verb.ROLLBACK: _CONTROL_HAS_ALL,
    Verb.PROMOTE: frozenset({Phase.PROMOTED}),
}
"""The ends after which nothing is left to do for an order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A command in the store; its answer is an event after `after_seq`."""

    command: Command
    after_seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came of a command; `text` says it. `refused`: why it was, empty where it was not."""

    done: bool
    text: str
    refused: str = ""


def record(
    driver: Driver,
    run_id: str,
    verb: Verb,
    actor: Actor,
    reason: str,
    treatment: str = "",
    source: str = SOURCE,
) -> Recorded | Answer:
    """Write a command down for whoever drives the run; an answer when the run has already ended so.

    `treatment` names the one to promote where there are several; `source` says what asks.

    Raises:
        UsageError: the run has ended otherwise.
    """
    run = driver.store.load(run_id).snapshot.run
    if run.phase.ended:
        answer = _too_late(run, verb)
        if not answer.done:
            raise UsageError(answer.text)
        return answer
    said, now_s = printable(reason), driver.clock.now_s()
    command = driver.store.request(run_id, verb, actor, said, source, now_s, printable(treatment))
    return Recorded(command=command, after_seq=run.seq)


def carry_out(driver: Driver, recorded: Recorded | Answer, within_s: float | None) -> Answer:
    """Wait until a command is done and, for one that ends the run, until traffic has moved.

    Ticks the run itself while nobody else drives it, and gives it up afterwards.

    `within_s` bounds the waiting; None waits for as long as it takes.
    """
    if isinstance(recorded, Answer):
        return recorded
    run_id = recorded.command.run_id
    deadline_s = None if within_s is None else time.monotonic() + within_s
    try:
        answer = _answer(driver.store, recorded)
        while answer is None and (deadline_s is None or time.monotonic() < deadline_s):
            if not _moved_on(driver, run_id):
                time.sleep(_LOOK_EVERY_S)
            answer = _answer(driver.store, recorded)
        return answer or _unfinished(driver, recorded)
    finally:
        driver.give_up(run_id)


def _moved_on(driver: Driver, run_id: str) -> bool:
    """Whether one tick of ours moved the run on."""
    before = driver.store.load(run_id).snapshot.run.seq
    try:
        after = driver.step(run_id)
    except StoreBusy:
        return False
    return after is not None and after.run.seq > before


def _answer(store: Store, recorded: Recorded) -> Answer | None:
    """What came of it, or None while it is under way."""
    command = recorded.command
    run = store.load(command.run_id).snapshot.run
    reply = _reply(store, recorded)
    if reply is None:
        return _too_late(run, command.verb) if run.phase.ended else None
    if reply.refused:
        text = talk.command_refused(run.id, command.verb, reply.refused)
        return Answer(done=False, text=text, refused=reply.refused)
    if command.verb in _ENDS and not run.phase.ended:
        return None
    return Answer(done=True, text=talk.command_done(run.id, command.verb))


def _too_late(run: Run, verb: Verb) -> Answer:
    """The answer of a run that has ended: done if it ended as asked for."""
    if run.phase in _ENDS_ASKED_FOR.get(verb, ()):
        return Answer(done=True, text=talk.has_ended_so(run))
    return Answer(done=False, text=talk.has_ended(run, verb))


def _unfinished(driver: Driver, recorded: Recorded) -> Answer:
    run_id, verb = recorded.command.run_id, recorded.command.verb
    if _reply(driver.store, recorded) is not None:
        run = driver.store.load(run_id).snapshot.run
        is_repeated = recorded.command.source != CONCLUDED or verb is not Verb.PROMOTE
        return Answer(done=False, text=talk.act_waits(run_id, verb, run.reason, is_repeated=is_repeated))
    lease = driver.store.holder(run_id, driver.clock.now_s())
    owner = None if lease is None or lease.owner == driver.owner else lease.owner
    return Answer(done=False, text=talk.command_waits(run_id, verb, owner))


def _reply(store: Store, recorded: Recorded) -> Commanded | None:
    events = store.events(recorded.command.run_id, recorded.after_seq)
    payloads = [event.payload for event in events]
    return next(
        (each for each in payloads if isinstance(each, Commanded) and each.command_id == recorded.command.id),
        None,
    )
