"""What every request has to pass: read-only, small, meant for this host. And what every answer carries.

Only questions for verdicts and what applications send have a body, and are told in JSON what is wrong.
"""

import asyncio
import ipaddress
from collections.abc import Collection
from dataclasses import dataclass

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from engine.web import intake, ofrep
from engine.web.origins import PREFLIGHT, is_for_pages
from engine.web.verdicts import PATH, in_json

ANSWER_WITHIN_S = 30.0
LONGEST_TARGET = 2048
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_GET, _POST, _ANY = ("GET", "HEAD"), ("POST",), ("GET", "HEAD", "POST")
_ONLY = {
    _GET: "these pages are read-only",
    _POST: "send this by POST",
    _ANY: "events are read by GET, and sent by POST",
}
_OWN_NAMES = frozenset({"localhost"})


@dataclass(frozen=True, slots=True)
class Guard:
    """An ASGI layer in front of the pages.

    A page of a foreign site that was led here by its name server (DNS rebinding) names the foreign site as
    its host, never an address.

    Attributes:
        hosts: names under which this may be asked for, besides localhost and plain addresses.
        origins: whose pages may ask in a browser, which asks before them.
    """

    app: ASGIApp
    hosts: Collection[str]
    origins: Collection[str] = ()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or pass on with more headers."""
        if scope["type"] != "http":
            return
        refusal = self._refusal(scope)
        if refusal is not None:
            await refusal(scope, receive, _hardened(send))
        elif scope["path"].startswith("/events") and scope["method"] in _GET:
            await self.app(scope, receive, _hardened(send))
        else:
            await self._within_time(scope, receive, _hardened(send))

    async def _within_time(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = False

        async def noting(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                await self.app(scope, receive, noting)
        except TimeoutError:
            if not begun:
                await _refused(scope, 504, "this took too long; try again")(scope, receive, send)

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        method, allowed = scope["method"], _methods(scope["path"])
        asks_for_a_page = method == PREFLIGHT and bool(self.origins) and is_for_pages(scope["path"])
        if method not in allowed and not asks_for_a_page:
            return _refused(scope, 405, _ONLY[allowed], Allow=", ".join(allowed))
        if method != "POST" and (headers.get("content-length", "0") != "0" or "transfer-encoding" in headers):
            return _refused(scope, 413, "a request has no body here", Connection="close")
        if len(scope["raw_path"]) + len(scope["query_string"]) > LONGEST_TARGET:
            return _refused(scope, 414, "the address is too long")
        host = _host_name(headers.get("host", ""))
        if not self._is_own(host):
            name = host if len(host) < 100 and host.isprintable() else "that name"
            return _refused(scope, 421, f"not served as {name}; allow it with `--allow-host`")
        return None

    def _is_own(self, host: str) -> bool:
        try:
            ipaddress.ip_address(host)
        except ValueError:
            return host in _OWN_NAMES or host in self.hosts
        return True


def _methods(path: str) -> tuple[str, ...]:
    if path == intake.PATH:
        return _ANY
    return _POST if path == PATH or path.startswith(ofrep.PREFIX) else _GET


def _refused(scope: Scope, status: int, says: str, **headers: str) -> Response:
    if scope["path"].startswith(ofrep.PREFIX):
        return in_json({"errorCode": "GENERAL", "errorDetails": says}, status, headers)
    if scope["path"] == PATH or scope["method"] == "POST":
        return in_json({"error": says}, status, headers)
    return PlainTextResponse(f"{says}\n", status, headers)


def _host_name(header: str) -> str:
    """The name in a Host header, without its port and brackets."""
    if header.startswith("["):
        return header[1:].partition("]")[0]
    return header.partition(":")[0].lower().rstrip(".")


def _hardened(send: Send) -> Send:
    async def hardened(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers[name] = value
            headers.setdefault("Cache-Control", "no-store")
        await send(message)

    return hardened
