"""The bounded load generator: `python -m engine.local.load`. Sessions with cookies; counts at `/stats`.

Requests arrive at random (Poisson) at the given rate per service. A session makes some visits, then buys,
then another takes its place, so that sticky routing follows changed weights. Each session says in a header
in which of 100 buckets it is, drawn at random, as an edge that assigns users would. A request for which no
session is free is skipped, which bounds the requests in flight.
"""

import argparse
import asyncio
import json
import random
from collections import Counter, deque
from contextlib import suppress

from engine.local.wire import Reply, Request, header_number, serve

REQUEST_TIMEOUT_S = 35.0
VISITS_PER_SESSION = 10


class Session:
    """One visitor: bucket, cookies, visits left, and the version that answered last."""

    __slots__ = ("_bucket_header", "_cookies", "headers", "version", "visits_left")

    def __init__(self, bucket_header: str) -> None:
        self._cookies: dict[bytes, bytes] = {}
        self._bucket_header = f"{bucket_header}: {random.randrange(100):02d}\r\n".encode()
        self.headers = self._bucket_header
        self.version: str | None = None
        self.visits_left = random.randint(1, 2 * VISITS_PER_SESSION - 1)

    def keep_cookie(self, head: bytes) -> None:
        """Take over a cookie that the answer sets."""
        start = head.find(b"\r\nSet-Cookie: ")
        if start < 0:
            return
        name, _, value = head[start + 14 :].split(b"\r\n", 1)[0].split(b";", 1)[0].partition(b"=")
        self._cookies[name] = value
        jar = b"; ".join(name + b"=" + value for name, value in self._cookies.items())
        self.headers = self._bucket_header + b"Cookie: " + jar + b"\r\n"


class Exchange(asyncio.Protocol):
    """One kept-alive connection to the proxy; carries one request at a time."""

    def __init__(self, shop: "Shop") -> None:
        self._shop = shop
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._session: Session | None = None
        self.sent_s = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where to send."""
        if isinstance(transport, asyncio.Transport):
            self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """A request in flight has failed; a connection at rest is simply not used again."""
        session, self._session, self._transport = self._session, None, None
        self._shop.lost(self, session)

    def send(self, session: Session, request: bytes) -> None:
        """Send one request on behalf of a session."""
        self._session = session
        self.sent_s = self._loop.time()
        if self._transport is None:
            self.connection_lost(None)
        else:
            self._transport.write(request)

    def abort(self) -> None:
        """Give up on the request in flight."""
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Collect bytes until the answer is whole."""
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self._buffer[:end]
        stop = end + 4 + (header_number(head.lower(), b"content-length") or 0)
        if len(self._buffer) < stop or self._session is None:
            return
        body, self._buffer = self._buffer[end + 4 : stop], self._buffer[stop:]
        session, self._session = self._session, None
        session.keep_cookie(head)
        self._shop.answered(self, session, int(head[9:12]), body)


class Shop:
    """The load on one service.

    Attributes:
        counts: answers by version and status; version `none` is the proxy's own answer.
    """

    def __init__(
        self, service: str, proxy_port: int, bucket_header: str, rate_per_s: float, sessions: int
    ) -> None:
        self._service = service
        self._bucket_header = bucket_header
        self._port = proxy_port
        self._rate_per_s = rate_per_s
        self._free: deque[Session] = deque(self.visitor() for _ in range(sessions))
        self._idle: list[Exchange] = []
        self._busy: set[Exchange] = set()
        self._connecting: set[asyncio.Task[None]] = set()
        self.counts: Counter[tuple[str, str]] = Counter()
        self._failed = self._skipped = self._moved = 0
        self._sessions = sessions
        host = f"127.0.0.1:{proxy_port}"
        self._requests = {
            path: f"GET /{service}{path} HTTP/1.1\r\nHost: {host}\r\n".encode() for path in ("/", "/buy")
        }

    def visitor(self) -> Session:
        """Somebody new."""
        return Session(self._bucket_header)

    async def run(self, duration_s: float) -> None:
        """Send requests for so long."""
        loop = asyncio.get_running_loop()
        due_s = loop.time()
        stop_s = due_s + duration_s
        while due_s < stop_s:
            now_s = loop.time()
            if due_s > now_s:
                await asyncio.sleep(due_s - now_s)
            self._visit()
            due_s += random.expovariate(self._rate_per_s)

    def give_up_late(self) -> None:
        """Abort what has been in flight for too long."""
        now_s = asyncio.get_running_loop().time()
        for exchange in [e for e in self._busy if now_s - e.sent_s > REQUEST_TIMEOUT_S]:
            exchange.abort()

    def answered(self, exchange: Exchange, session: Session, status: int, body: bytes) -> None:
        """Count an answer and put session and connection back."""
        words = body.split()
        ours = len(words) >= 3 and words[0].decode("latin-1") == self._service
        version = words[1].decode("latin-1") if ours else "none"
        self.counts[version, str(status)] += 1
        self._moved += ours and session.version not in (None, version)
        session.version = version if ours else session.version
        self._busy.discard(exchange)
        self._idle.append(exchange)
        self._put_back(session)

    def lost(self, exchange: Exchange, session: Session | None) -> None:
        """Forget a connection; a session with a request on it got no answer."""
        self._busy.discard(exchange)
        if exchange in self._idle:
            self._idle.remove(exchange)
        if session is not None:
            self._failed += 1
            self._put_back(session)

    def to_plain(self) -> dict[str, object]:
        """Counts since the start, ready for JSON."""
        counts: dict[str, dict[str, int]] = {}
        for (version, status), count in self.counts.items():
            counts.setdefault(version, {})[status] = count
        return {
            "counts": counts,
            "failed": self._failed,
            "skipped": self._skipped,
            "moved": self._moved,
            "sessions": self._sessions,
            "in_flight": len(self._busy) + len(self._connecting),
        }

    def _visit(self) -> None:
        if not self._free:
            self._skipped += 1
            return
        session = self._free.popleft()
        session.visits_left -= 1
        request = self._requests["/" if session.visits_left else "/buy"] + session.headers + b"\r\n"
        if self._idle:
            self._send(self._idle.pop(), session, request)
        else:
            task = asyncio.get_running_loop().create_task(self._connect(session, request))
            self._connecting.add(task)
            task.add_done_callback(self._connecting.discard)

    async def _connect(self, session: Session, request: bytes) -> None:
        loop = asyncio.get_running_loop()
        try:
            _, exchange = await loop.create_connection(lambda: Exchange(self), "127.0.0.1", self._port)
        except OSError:
            self._failed += 1
            self._put_back(session)
        else:
            self._send(exchange, session, request)

    def _send(self, exchange: Exchange, session: Session, request: bytes) -> None:
        self._busy.add(exchange)
        exchange.send(session, request)

    def _put_back(self, session: Session) -> None:
        if session.visits_left <= 0:
            session = self.visitor()
            self._sessions += 1
        self._free.append(session)


class Load:
    """The load on all services of a platform."""

    def __init__(self, shops: dict[str, Shop]) -> None:
        self._shops = shops
        self._running = True

    def handle(self, request: Request) -> Reply:
        """`GET /stats`."""
        if request.path != "/stats":
            return Reply(404, "there is only /stats\n")
        services = {service: shop.to_plain() for service, shop in self._shops.items()}
        return Reply(200, json.dumps({"running": self._running, "services": services}), "application/json")

    async def run(self, port: int, duration_s: float) -> None:
        """Send requests for so long; answer on the port until the process is told to stop."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(serve(self.handle, port))
            tasks.create_task(self._send(duration_s))
            tasks.create_task(self._give_up_late())

    async def _send(self, duration_s: float) -> None:
        await asyncio.gather(*(shop.run(duration_s) for shop in self._shops.values()))
        self._running = False

    async def _give_up_late(self) -> None:
        while True:
            await asyncio.sleep(1)
            for shop in self._shops.values():
                shop.give_up_late()


def main() -> None:
    """Load the services until told to stop."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--service", action="append", required=True)
    parser.add_argument("--proxy-port", type=int, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--bucket-header", required=True)
    parser.add_argument("--rate-per-s", type=float, required=True)
    parser.add_argument("--sessions", type=int, required=True)
    parser.add_argument("--duration-s", type=float, required=True)
    chosen = parser.parse_args()
    shops = {
        name: Shop(name, chosen.proxy_port, chosen.bucket_header, chosen.rate_per_s, chosen.sessions)
        for name in chosen.service
    }
    with suppress(KeyboardInterrupt):
        asyncio.run(Load(shops).run(chosen.port, chosen.duration_s))


if __name__ == "__main__":
    main()
