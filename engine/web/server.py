"""Serves the pages from a thread of their own, beside the driver, and stops at once when told to."""

import ipaddress
import logging
import socket
import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import structlog
import uvicorn

from engine.errors import UsageError
from engine.web.app import Site, create_app

_log = structlog.get_logger("rampwise.web")

DEFAULT_PORT = 8484
_MOST_CONNECTIONS = 256
_STOP_WITHIN_S = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Listen:
    """Where to listen; port 0 is any free one. `asked` tells that somebody chose it.

    >>> str(Listen.parse("[::1]:80")), str(Listen.parse(":0")), Listen.parse("off")
    ('[::1]:80', '127.0.0.1:0', None)
    """

    host: str
    port: int
    asked: bool = True

    @classmethod
    def parse(cls, text: str) -> "Listen | None":
        """Of `HOST:PORT`, None of `off`. ValueError says what would be right."""
        if text == "off":
            return None
        host, colon, port = text.rpartition(":")
        if not colon or not port.isdecimal() or int(port) > 65535:
            msg = "HOST:PORT such as 127.0.0.1:8484, with a port from 0 to 65535, or `off`"
            raise ValueError(msg)
        return cls(host=host.strip("[]") or "127.0.0.1", port=int(port))

    @property
    def is_local(self) -> bool:
        """Whether only this machine can connect."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def bind(listen: Listen) -> socket.socket:
    """A listening socket. A port nobody asked for may be taken: then it is any free one.

    Raises:
        UsageError: it cannot be had; names the option.
    """
    try:
        return _bound(listen.host, listen.port)
    except OSError as error:
        if not listen.asked:
            return _bound(listen.host, 0)
        why = error.strerror or str(error)
        msg = f"cannot listen on {listen}: {why}. Name another with `--listen HOST:PORT`, or `--listen off`."
        raise UsageError(msg) from error


def _bound(host: str, port: int) -> socket.socket:
    family, _, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    # asyncio sends without delay only where the protocol is named; else every answer takes 40 ms.
    bound = socket.socket(family, socket.SOCK_STREAM, protocol)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
        bound.listen(128)
    except OSError:
        bound.close()
        raise
    return bound


def url_of(bound: socket.socket) -> str:
    """Where a browser on this machine finds it."""
    host, port = bound.getsockname()[:2]
    named = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 (compared, not bound)
    return f"http://[{named}]:{port}/" if ":" in named else f"http://{named}:{port}/"


@contextmanager
def serving(site: Site, bound: socket.socket, hosts: Collection[str]) -> Iterator[str]:
    """Serve the pages, yield their address, and end all connections at the end."""
    stop = threading.Event()
    config = uvicorn.Config(
        create_app(site, hosts),
        http="h11",
        ws="none",
        loop="asyncio",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        h11_max_incomplete_event_size=16 * 1024,
        limit_concurrency=_MOST_CONNECTIONS,
        timeout_keep_alive=5,
        timeout_graceful_shutdown=2,
    )
    server = uvicorn.Server(config)
    with _logged():
        threads = [
            _thread("rampwise-web", lambda: server.run(sockets=[bound])),
            _thread("rampwise-board", lambda: site.board.keep_fresh(stop)),
            _thread("rampwise-provider", lambda: site.verdicts.provider.keep_tidy(stop)),
        ]
        try:
            yield url_of(bound)
        finally:
            stop.set()
            site.feeds.closing = True
            _end(server, threads)
            if site.applications is not None:
                site.applications.close()
            site.reports.close()
            bound.close()


def _thread(name: str, work: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=work, name=name, daemon=True)
    thread.start()
    return thread


def _end(server: uvicorn.Server, threads: list[threading.Thread]) -> None:
    until_s = time.monotonic() + _STOP_WITHIN_S
    server.should_exit = True
    for thread in threads:
        thread.join(max(until_s - time.monotonic(), 0.1))


@contextmanager
def _logged() -> Iterator[None]:
    """What the server library says goes where the engine's own lines go."""
    logger, handler = logging.getLogger("uvicorn.error"), _Forward(logging.WARNING)
    propagate, logger.propagate = logger.propagate, False
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagate


class _Forward(logging.Handler):
    """Hands a line of the standard library's logging to the engine's log."""

    def emit(self, record: logging.LogRecord) -> None:
        """One line."""
        if record.levelno >= logging.WARNING:
            _log.warning("web server", detail=record.getMessage())
