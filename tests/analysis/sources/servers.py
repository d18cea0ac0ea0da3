"""Servers that tests start on free loopback ports and stop: a real Prometheus, and one that misbehaves."""

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import parse_qs

import requests

from engine.testing.sources import Scrape


def free_port() -> int:
    """A loopback port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def prometheus_with(scrapes: Iterable[Scrape], folder: Path) -> Iterator[str]:
    """A Prometheus that has stored these scrapes and scrapes nothing."""
    stored = folder / "scrapes.om"
    stored.write_text(_open_metrics(scrapes))
    backfill = ["promtool", "tsdb", "create-blocks-from", "openmetrics", str(stored), str(folder / "data")]
    subprocess.run(backfill, check=True, capture_output=True, timeout=30)
    with prometheus(folder, "scrape_configs: []") as url:
        yield url


@contextmanager
def prometheus(
    folder: Path, config: str, port: int | None = None, flags: Iterable[str] = ()
) -> Iterator[str]:
    """A Prometheus with this configuration; what it stored in `folder` stays."""
    program = shutil.which("prometheus")
    assert program, "these tests need Debian's `prometheus` package"
    (folder / "prometheus.yml").write_text(config)
    address = f"127.0.0.1:{port or free_port()}"
    command = [
        program,
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        "--storage.tsdb.retention.time=100y",
        f"--web.listen-address={address}",
        *flags,
    ]
    with (folder / "log").open("ab") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        wait_until(lambda: _is_ready(f"http://{address}", server), "Prometheus to be ready")
        yield f"http://{address}"
    finally:
        server.terminate()
        server.wait(timeout=10)


def _is_ready(url: str, server: "subprocess.Popen[bytes]") -> bool:
    assert server.poll() is None, "Prometheus ended"
    try:
        return requests.get(f"{url}/-/ready", timeout=1).ok
    except requests.ConnectionError:
        return False


def wait_until(holds: Callable[[], bool], what: str, at_most_s: float = 30) -> None:
    """Wait for a condition, and fail naming it when it does not come true."""
    deadline = time.monotonic() + at_most_s
    while not holds():
        assert time.monotonic() < deadline, f"waited {at_most_s:g} s for {what}"
        time.sleep(0.05)


def _open_metrics(scrapes: Iterable[Scrape]) -> str:
    lines = [
        f"{one.name}{{{_conditions(one.labels)}}} {float(one.value)!r} {one.at_s:.3f}" for one in scrapes
    ]
    return "\n".join([*lines, "# EOF\n"])


def _conditions(labels: dict[str, str]) -> str:
    return ",".join(f"{name}={json.dumps(value)}" for name, value in labels.items())


class Scripted(ThreadingHTTPServer):
    """Answers every query as `answer` says, and remembers what was asked."""

    daemon_threads = True

    def __init__(self, answer: Callable[[BaseHTTPRequestHandler], None]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer = answer
        self.asked: list[tuple[str, dict[str, list[str]], dict[str, str]]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Scripted

    def do_POST(self) -> None:
        form = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.asked.append((self.path, parse_qs(form), dict(self.headers.items())))
        self.server.answer(self)

    def log_message(self, *_: object) -> None:
        """Tests show nothing."""


@contextmanager
def scripted(answer: Callable[[BaseHTTPRequestHandler], None]) -> Iterator[Scripted]:
    """A server that misbehaves as told."""
    server = Scripted(answer)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def reply(status: int, body: str, kind: str = "application/json") -> Callable[[BaseHTTPRequestHandler], None]:
    """An answer with this status, body and content type."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.send_header("Content-Type", kind)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body.encode())

    return answer
