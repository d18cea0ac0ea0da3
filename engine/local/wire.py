"""Just enough HTTP/1.1 over asyncio for the sample service and the load generator's counts.

Loopback only: no TLS, no chunked bodies. It exists because a thousand requests a second must cost little.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

REASONS = {
    200: "OK",
    400: "Bad Request",
    404: "Not Found",
    500: "Internal Server Error",
    503: "Service Unavailable",
}
LARGEST_REQUEST_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Request:
    """A request as far as anybody here looks at it."""

    method: str
    path: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, and how long to wait before giving it; `after` is told how long it really took (seconds)."""

    status: int
    body: str
    content_type: str = "text/plain; charset=utf-8"
    delay_s: float = 0.0
    after: Callable[[float], None] | None = None


Handler = Callable[[Request], Reply]


class Connection(asyncio.Protocol):
    """One client; requests are answered one after the other."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._loop = asyncio.get_running_loop()
        self._buffer = b""
        self._busy = False
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where to answer."""
        if isinstance(transport, asyncio.Transport):
            self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the client; an answer still due goes nowhere."""
        self._transport = None

    def data_received(self, data: bytes) -> None:
        """Collect bytes until a request is whole."""
        self._buffer += data
        if len(self._buffer) > LARGEST_REQUEST_BYTES and self._transport is not None:
            self._transport.close()
        elif not self._busy:
            self._next()

    def _next(self) -> None:
        taken = take_request(self._buffer)
        if taken is None:
            return
        request, close, self._buffer = taken
        self._busy = True
        started_s = self._loop.time()
        reply = self._handler(request)
        if reply.delay_s > 0:
            self._loop.call_later(reply.delay_s, self._answer, reply, started_s, close)
        else:
            self._answer(reply, started_s, close)

    def _answer(self, reply: Reply, started_s: float, close: bool) -> None:
        if reply.after is not None:
            reply.after(self._loop.time() - started_s)
        if self._transport is None:
            return
        body = reply.body.encode()
        head = (
            f"HTTP/1.1 {reply.status} {REASONS[reply.status]}\r\n"
            f"Content-Type: {reply.content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        self._transport.write(head.encode() + body)
        self._busy = False
        if close:
            self._transport.close()
        elif self._buffer:
            self._next()


def take_request(buffer: bytes) -> tuple[Request, bool, bytes] | None:
    """The first whole request, whether the client wants the connection closed after it, and the rest."""
    end = buffer.find(b"\r\n\r\n")
    if end < 0:
        return None
    head = buffer[:end].lower()
    method, _, target = buffer[: buffer.find(b"\r\n")].decode("latin-1").partition(" ")
    length = header_number(head, b"content-length") or 0
    stop = end + 4 + length
    if len(buffer) < stop:
        return None
    path = target.split(" ", 1)[0].split("?", 1)[0]
    return Request(method, path, buffer[end + 4 : stop]), b"\r\nconnection: close" in head, buffer[stop:]


def header_number(head: bytes, name: bytes) -> int | None:
    """A header's whole number, or None without one. `head` and `name` are in lower case."""
    start = head.find(b"\r\n" + name + b":")
    if start < 0:
        return None
    start += len(name) + 3
    end = head.find(b"\r\n", start)
    text = head[start : end if end >= 0 else len(head)].strip()
    return int(text) if text.isdigit() else None


async def serve(handler: Handler, port: int) -> None:
    """Answer on the loopback port until the process is told to stop. OSError when the port is taken."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(handler), "127.0.0.1", port, backlog=1024)
    async with server:
        await server.serve_forever()
