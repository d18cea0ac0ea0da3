"""Server-sent events: what happened to one run, entry by entry, and that something happened to any run.

The id of a run's entries is their number in its log, so a reader that lost its connection misses nothing.
"""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from engine.core import talk
from engine.core.events import Event
from engine.ports import Clock, Store
from engine.web.board import Board, Standing
from engine.web.status_bar import Freshness, freshness

MOST_FEEDS = 64
"""Open streams; further ones are told to come back later."""
BEAT_S = 15.0
LONGEST_S = 3600.0
"""A stream ends after so long; its reader connects again and goes on where it was."""
_LOOK_S = 0.5
_CALM_S = 2.0
_OLD_S = 30.0
_RETRY = "retry: 3000\n\n"
_BEAT = ": beat\n\n"


@dataclass(slots=True)
class Feeds:
    """All open streams of this process; `close` ends them."""

    store: Store
    board: Board
    clock: Clock
    boot: str = field(default_factory=lambda: secrets.token_hex(4))
    closing: bool = False
    open: int = 0

    def position(self) -> str:
        """Where the stream of all runs stands; of no use to another process."""
        return f"{self.boot}.{self.board.version}"

    def freshness(self) -> Freshness:
        """Of the list: whether the database can be read."""
        age_s = self.board.refresh_age_s
        if age_s is None or age_s > _OLD_S:
            return Freshness(state="silent", says="Not live: the database cannot be read. The log says why.")
        now_s = self.clock.now_s()
        live = [each for each in self.board.standings() if not each.run.phase.ended]
        silent = sum(each.silent(now_s) for each in live)
        runs = "1 run goes on" if len(live) == 1 else f"{len(live):,} runs go on"
        without = f", {silent:,} of them without ticks" if silent else ""
        return Freshness(state="live", says=f"Live: {runs}{without}.")

    async def all_runs(self, after: str) -> AsyncIterator[str]:
        """That something changed, at most every two seconds."""
        yield _RETRY
        async for beat in self._looks():
            if beat:
                yield _BEAT
            if self.position() != after:
                after = self.position()
                yield _message("news", {"runs": len(self.board.standings())}, after)
                yield _message("state", _plain(self.freshness()))
                await asyncio.sleep(_CALM_S)

    async def one_run(self, first: Standing, after_seq: int) -> AsyncIterator[str]:
        """Every entry of the run's log after this one, and how fresh what is known is, until the run ends."""
        said: Freshness | None = None
        run_id = first.run.id
        yield _RETRY
        async for beat in self._looks():
            if beat:
                yield _BEAT
            standing = self.board.standing(run_id) or first
            if standing.run.seq > after_seq:
                for event in await run_in_threadpool(self.store.events, run_id, after_seq):
                    yield _message("news", _entry(event), str(event.seq))
                    after_seq = event.seq
            fresh = freshness(standing, self.clock.now_s())
            if fresh != said:
                said = fresh
                yield _message("state", _plain(fresh))
            if standing.run.phase.ended:
                return

    async def _looks(self) -> AsyncIterator[bool]:
        """Steady looks until the process ends or the stream is old; says whether a beat is due."""
        now_s = asyncio.get_running_loop().time
        end_s, beat_s = now_s() + LONGEST_S, now_s() + BEAT_S
        while not self.closing and now_s() < end_s:
            due = now_s() >= beat_s
            if due:
                beat_s = now_s() + BEAT_S
            yield due
            await asyncio.sleep(_LOOK_S)


class Feed(StreamingResponse):
    """One stream as an answer; it counts while it is open, and ends also where nobody reads it."""

    def __init__(self, feeds: Feeds, messages: AsyncIterator[str]) -> None:
        headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
        super().__init__(messages, media_type="text/event-stream", headers=headers)
        self._feeds = feeds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        self._feeds.open += 1
        try:
            async with asyncio.timeout(2 * LONGEST_S):
                await super().__call__(scope, receive, send)
        finally:
            self._feeds.open -= 1


def _entry(event: Event) -> dict[str, object]:
    return {
        "run": event.run_id,
        "seq": event.seq,
        "at_s": event.at_s,
        "type": talk.kind_of(event.payload),
        "actor": str(event.actor),
        "rule": event.rule,
        "says": talk.event(event.payload),
        "reason": event.reason,
    }


def _plain(fresh: Freshness) -> dict[str, object]:
    return {"state": fresh.state, "says": fresh.says}


def _message(kind: str, data: dict[str, object], entry_id: str | None = None) -> str:
    """One event; JSON text has no line breaks, so that it is one line of data."""
    named = "" if entry_id is None else f"id: {entry_id}\n"
    return f"event: {kind}\n{named}data: {json.dumps(data, ensure_ascii=False)}\n\n"
