"""Queries of many reads at once, asked together; one reader alone never waits for others.

The first reader of a batch waits a moment for more, asks for all, and hands out. It is a thread like the
others: nothing runs in the background. A query that its server refuses because of what it asks for is asked
by each member alone, so that one run's trouble never is another's; a server that is gone, slow or answers in
part is everybody's trouble.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from analysis.sources.conditions import Unsure
from analysis.sources.http import Trouble
from analysis.sources.joining import Joined, Shares, joined
from analysis.sources.queries import Query
from analysis.sources.series import Series
from engine.bounded import Bounded
from engine.core.measure import Missing, MissingReason
from engine.core.model import Selector

COLLECT_S = 0.4
"""How long the first of a batch waits for others."""
MANY = 8
"""So many readers within `RECENT_S` are worth waiting for more."""
RECENT_S = 1.0
MOST_READS = 120
MOST_SELECTORS = 250
"""In one query, as long as the server takes so many."""
ALONE_S = 600.0
"""A selector that made a query fail is asked alone for so long, or until it shows that it is harmless."""

_FEWEST_SELECTORS = 4
_MOST_HANGING = 16
_EVERYBODYS = frozenset({MissingReason.SOURCE_DOWN, MissingReason.SOURCE_SLOW})
_UNREADABLE = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError)

Found = Mapping[Query, tuple[Series, ...] | Missing]
"""What came of queries that were asked together; those that are missing here are to be asked alone."""
Ask = Callable[[Query, float], Sequence[Mapping[str, Any]]]
"""The matrix that answers a query within so many seconds; Trouble otherwise."""


@dataclass(slots=True)
class _Batch:
    until_s: float
    queries: list[Query] = field(default_factory=list)
    reads: int = 0
    full: threading.Event = field(default_factory=threading.Event)
    done: threading.Event = field(default_factory=threading.Event)
    found: dict[Query, tuple[Series, ...] | Missing] = field(default_factory=dict)


class Gathering:
    """All reads of one server, from many threads."""

    def __init__(self, ask: Ask, now_s: Callable[[], float] = time.monotonic) -> None:
        self._ask = ask
        self._now_s = now_s
        self._lock = threading.Lock()
        self._came: deque[tuple[float, object]] = deque()
        self._open: _Batch | None = None
        self._most = MOST_SELECTORS
        self._alone: dict[Selector, float] = {}
        self._questions = Bounded(_MOST_HANGING)

    def read(self, reader: object, queries: Sequence[Query], left_s: float) -> Found:
        """What these queries found together with those of others; nothing while there are few readers.

        A batch ends when the first of its readers cannot wait any longer: all should have the same time.

        Args:
            reader: who asks; told apart from others by identity.
            queries: of one read.
            left_s: how long the reader can wait, in seconds.
        """
        if left_s < 2 * COLLECT_S:
            return {}
        until_s = self._now_s() + left_s
        fit = [query for query in queries if not self._is_alone(query.selector)]
        with self._lock:
            batch, leads = self._join(reader, fit, until_s)
        if batch is None:
            return {}
        if leads:
            self._lead(batch)
        elif not batch.done.wait(left_s):
            return dict.fromkeys(fit, _late())
        return batch.found

    def behaved(self, selector: Selector) -> None:
        """A query that was asked alone was answered quickly: it may be asked with others again."""
        self._alone.pop(selector, None)

    def _is_alone(self, selector: Selector) -> bool:
        return self._alone.get(selector, -ALONE_S) > self._now_s() - ALONE_S

    def _join(self, reader: object, queries: Sequence[Query], until_s: float) -> tuple[_Batch | None, bool]:
        """The batch to be in, and whether this reader leads it; none while few read."""
        if not self._are_many(reader) or not queries:
            return None, False
        batch, leads = self._open, self._open is None
        if batch is None:
            batch = self._open = _Batch(until_s=until_s)
        batch.until_s = min(batch.until_s, until_s)
        batch.queries += queries
        batch.reads += 1
        if batch.reads >= MOST_READS:
            self._open = None
            batch.full.set()
        return batch, leads

    def _are_many(self, reader: object) -> bool:
        now_s = self._now_s()
        self._came.append((now_s, id(reader)))
        while self._came[0][0] < now_s - RECENT_S:
            self._came.popleft()
        return len(self._came) >= MANY and len({who for _, who in self._came}) >= MANY

    def _lead(self, batch: _Batch) -> None:
        try:
            batch.full.wait(min(COLLECT_S, max(0.0, batch.until_s - self._now_s())))
            with self._lock:
                if self._open is batch:
                    self._open = None
            self._serve(batch)
        finally:
            batch.done.set()

    def _serve(self, batch: _Batch) -> None:
        trouble: Missing | None = None
        for one in joined(batch.queries, self._most):
            if trouble is None:
                trouble = self._answer(batch, one)
            else:
                batch.found |= dict.fromkeys(one.members, trouble)

    def _answer(self, batch: _Batch, one: Joined) -> Missing | None:
        """Ask and hand out; the trouble, if it is the same for all further queries."""
        try:
            left_s = batch.until_s - self._now_s()
            matrix = self._questions.call(lambda: self._ask(one.query, left_s), left_s)
        except Trouble as trouble:
            if trouble.is_of_query:
                self._part(one)
                return None
            batch.found |= dict.fromkeys(one.members, trouble.missing)
            return trouble.missing if trouble.missing.reason in _EVERYBODYS else None
        except TimeoutError:
            batch.found |= dict.fromkeys(one.members, _late())
            return _late()
        except Exception:  # noqa: BLE001 (asked alone, each finds out for itself)
            return None
        self._most = min(MOST_SELECTORS, self._most + 1)
        shares = Shares(one, matrix)
        for query in one.members:
            try:
                batch.found[query] = shares.of(query)
            except (Unsure, *_UNREADABLE):
                continue  # asked alone, it tells what is wrong
        return None

    def _part(self, one: Joined) -> None:
        """Each of these is asked alone until it has shown that it was not the reason."""
        now_s = self._now_s()
        with self._lock:
            self._most = max(_FEWEST_SELECTORS, self._most // 2)
            known = self._alone.items()
            self._alone = {each: since_s for each, since_s in known if since_s > now_s - ALONE_S}
            self._alone |= {query.selector: now_s for query in one.members}


def _late() -> Missing:
    return Missing(reason=MissingReason.SOURCE_SLOW, detail="no answer in time to what many runs asked")
