"""An engine that takes events as told, on a free loopback port."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Engine:
    """Answers with `status`, and keeps what it acknowledged. `port` is taken when it starts."""

    def __init__(self) -> None:
        self.status = 202
        self.most_events = 1000
        self.poison: set[str] = set()
        self.body: bytes | None = None
        self.refused: list[dict[str, Any]] = []
        self.tries = 0
        self.tokens: list[str | None] = []
        self.events: list[dict[str, Any]] = []
        self.may = threading.Event()
        self.may.set()
        self.url = ""

    def data(self) -> list[dict[str, Any]]:
        return [event["data"] for event in self.events]

    def answer(self, events: list[dict[str, Any]]) -> int:
        self.tries += 1
        assert self.may.wait(30)
        if len(events) > self.most_events:
            return 413
        if any(event["data"]["unit"] in self.poison for event in events):
            return 400
        if self.status == 202:
            self.events += events
        return self.status


@contextmanager
def receiving() -> Iterator[Engine]:
    """Until the end of the block."""
    engine = Engine()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            assert self.path == "/events"
            assert self.headers["Content-Type"] == "application/cloudevents-batch+json"
            engine.tokens.append(self.headers["Authorization"])
            status = engine.answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            told = {"accepted": 0, "refused": engine.refused} if status != 400 or engine.refused else {}
            body = json.dumps(told).encode() if engine.body is None else engine.body
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            """A sender that has gone is none of the tests' trouble."""

    server = Server(("127.0.0.1", 0), Handler)
    engine.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.01))
    thread.start()
    try:
        yield engine
    finally:
        engine.may.set()
        server.shutdown()
        server.server_close()
        thread.join()
