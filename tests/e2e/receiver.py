"""A receiver of webhooks that can come late: it keeps what it was sent, and verifies it with a library."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from standardwebhooks import Webhook


class Receiver:
    """Listens on a port of 127.0.0.1 inside its block; `notices` has each id once."""

    def __init__(self, secret: str, port: int) -> None:
        self.port = port
        webhook: Webhook = Webhook(secret)
        notices: dict[str, dict[str, Any]] = {}
        self.notices = notices

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                webhook.verify(body, {name.lower(): value for name, value in self.headers.items()})
                event = json.loads(body)
                notices[event["id"]] = event
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def about(self, service: str, kind: str) -> dict[str, Any] | None:
        """The data of the notice of this kind about a service, None before it came."""
        told = [event["data"] for event in list(self.notices.values())]
        return next((each for each in told if (each["experiment"], each["kind"]) == (service, kind)), None)
