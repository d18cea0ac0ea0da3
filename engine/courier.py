"""Sends letters from the outbox: at least once, again and again with growing pauses, beside the ticks.

A letter is claimed, sent, and settled; an engine that dies in between leaves it due again. Receivers see
repetitions by the notice's id. Nothing in here decides what is told, and nothing waits for it.
"""

import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import structlog

from engine.bounded import Bounded
from engine.core.letter import Delivered, Letter, LetterState, Refused, after
from engine.core.printable import printable
from engine.errors import RampwiseError, StoreError
from engine.outbox import Outbox
from engine.ports import Clock, Sink

_log = structlog.get_logger("rampwise.courier")

POLL_S = 0.5
"""How often the outbox is looked into."""
AT_MOST = 32
"""Letters claimed at a time."""
DELIVER_S = 20.0
"""Wall-clock bound of one attempt, whatever the sink does."""
CLAIM_S = 60.0
"""How long a claim lasts; longer than an attempt and its bookkeeping."""
FLUSH_S = 10.0
"""How long the end of a process waits for letters that are due."""
_HANGING = 2
"""Attempts of one sink that may hang before it is refused further ones."""


Place = tuple[str, str]
"""Experiment and sink. Letters to one place are sent one after the other, to different ones at once."""


@dataclass(slots=True, kw_only=True)
class Courier:
    """Sends what is due. `open_sink` makes a letter's sink, or raises RampwiseError."""

    outbox: Outbox
    open_sink: Callable[[Letter], Sink]
    clock: Clock
    chance: Callable[[], float] = random.random
    _bounds: dict[Place, Bounded] = field(default_factory=dict)
    _lines: dict[Place, deque[Letter]] = field(default_factory=dict)
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def round(self, within_s: float = DELIVER_S) -> int:
        """Claim what is due, try each letter once, and keep what came of it; how many there were.

        Attempts that take longer than `within_s` go on by themselves.
        """
        claimed = self._claim()
        with self._changed:
            self._changed.wait_for(lambda: not self._lines, max(within_s, 0.0))
        return claimed

    def flush(self, within_s: float = FLUSH_S) -> None:
        """Send what is due now, for at most so long. Trouble is only logged."""
        deadline_s = time.monotonic() + within_s
        while (left_s := deadline_s - time.monotonic()) > 0 and self.round(left_s):
            pass

    def work(self, stop: threading.Event) -> None:
        """Send what becomes due until `stop` is set; no letter waits for another place's slow receiver."""
        while not stop.is_set():
            if not self._claim():
                stop.wait(POLL_S)

    def _claim(self) -> int:
        """Take letters that are due, and have them sent in threads that let the process end."""
        with self._changed:
            free = AT_MOST - sum(1 + len(line) for line in self._lines.values())
        if free <= 0:
            return 0
        now_s = self.clock.now_s()
        try:
            claimed = self.outbox.claim_letters(now_s, now_s + CLAIM_S, free)
        except StoreError as error:
            _log.warning("outbox cannot be used, trying again", error=str(error))
            return 0
        for letter in claimed:
            self._line_up(letter)
        return len(claimed)

    def _line_up(self, letter: Letter) -> None:
        place = letter.notice.experiment, letter.sink
        with self._changed:
            if place in self._lines:
                self._lines[place].append(letter)
                return
            self._lines[place] = deque([letter])
        threading.Thread(target=self._send_all, args=(place,), name="rampwise-letters", daemon=True).start()

    def _send_all(self, place: Place) -> None:
        """Send what is lined up for one place, until nothing is."""
        while True:
            with self._changed:
                if not self._lines[place]:
                    del self._lines[place]
                    self._changed.notify_all()
                    return
                letter = self._lines[place].popleft()
            # A claim that is about to run out is left to whoever claims the letter next.
            if letter.due_s - self.clock.now_s() > DELIVER_S:
                self._send(letter)

    def _send(self, letter: Letter) -> None:
        """One attempt with its bookkeeping; without the latter the letter becomes due again."""
        try:
            self.outbox.settle_letter(self._tried(letter))
        except StoreError as error:
            _log.warning("outbox cannot be written, sending again", notice=letter.notice.id, error=str(error))
        except Exception:  # noqa: BLE001 (a defect of ours; it is logged in full, and the letter is tried again)
            _log.exception("letter failed unexpectedly, sending again", notice=letter.notice.id)

    def _tried(self, letter: Letter) -> Letter:
        outcome = self._deliver(letter)
        settled = after(letter, outcome, self.clock.now_s(), self.chance())
        if isinstance(outcome, Refused):
            _log.warning(
                "notice not delivered",
                run=letter.notice.run_id,
                notice=letter.notice.id,
                sink=letter.sink,
                attempt=letter.attempts,
                given_up=settled.state is LetterState.GIVEN_UP,
                reason=outcome.detail,
            )
        return settled

    def _deliver(self, letter: Letter) -> Delivered | Refused:
        """One attempt; what a plugin raises is told by its type only, since its text may hold a secret."""
        with self._changed:
            bound = self._bounds.setdefault((letter.notice.experiment, letter.sink), Bounded(_HANGING))
        try:
            sink = self.open_sink(letter)
            outcome = bound.call(lambda: sink.deliver(letter.notice), DELIVER_S)
        except RampwiseError as error:
            return Refused(detail=printable(str(error)))
        except TimeoutError as error:
            return Refused(detail=f"the sink plugin: {error}")
        except Exception as error:  # noqa: BLE001 (foreign code)
            return Refused(detail=f"the sink plugin failed with {type(error).__name__}")
        match outcome:
            case Delivered(detail=detail):
                return Delivered(detail=printable(detail))
            case Refused(detail=detail, retry=retry):
                return Refused(detail=printable(detail), retry=retry)
        return Refused(detail="the sink plugin answered with what is neither delivered nor refused")


@contextmanager
def working(courier: Courier) -> Iterator[None]:
    """Send letters in a thread of its own meanwhile, and what is due by then at the end."""
    stop = threading.Event()
    worker = threading.Thread(target=courier.work, args=(stop,), name="rampwise-courier", daemon=True)
    worker.start()
    try:
        yield
    finally:
        deadline_s = time.monotonic() + FLUSH_S
        stop.set()
        worker.join(FLUSH_S)
        courier.flush(deadline_s - time.monotonic())
