"""Which pages of other sites may ask for flags and send events from a browser: those of declared origins.

Tells browsers what such pages may read and send, at these addresses and no other. Whether a request is let in
is decided by `admission`, with or without a browser; what a browser knows of its user, cookies too, is never
asked for.
"""

from collections.abc import Collection
from urllib.parse import urlsplit

import idna
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from engine.web import intake, ofrep

PREFLIGHT = "OPTIONS"
_PORTS = {"http": 80, "https": 443}
_SENT = ("Authorization", "Content-Type", "If-None-Match")
_READ = ("ETag", "Retry-After")
_KEEP_S = 600
_EXPECTED = "an origin such as https://shop.example or http://localhost:3000: scheme, name and port, no path"


def origin_of(text: str) -> str:
    """An origin as browsers write it, also of a name in letters that are not ASCII.

    >>> origin_of("https://Shop.example:443/"), origin_of("http://127.0.0.1:3000")
    ('https://shop.example', 'http://127.0.0.1:3000')
    >>> origin_of("https://bücher.example")
    'https://xn--bcher-kva.example'

    Raises:
        ValueError: what would be right.
    """
    try:
        parts = urlsplit(text)
        port, name = parts.port, _in_ascii(parts.hostname or "")
    except ValueError as error:
        raise ValueError(_EXPECTED) from error
    has_more = parts.path not in {"", "/"} or any(each in text for each in "?#@*")
    if parts.scheme not in _PORTS or not name or has_more:
        raise ValueError(_EXPECTED)
    host = f"[{name}]" if ":" in name else name
    usual = port is None or port == _PORTS[parts.scheme]
    return f"{parts.scheme}://{host}" if usual else f"{parts.scheme}://{host}:{port}"


def _in_ascii(name: str) -> str:
    """A host's name as browsers send it. UnicodeError, a ValueError, for what can be none."""
    return name if name.isascii() else idna.encode(name, uts46=True).decode()


def is_for_pages(path: str) -> bool:
    """Whether pages of declared origins may ask at this address, by POST."""
    return path == intake.PATH or path.startswith(ofrep.PREFIX)


def open_to(app: ASGIApp, origins: Collection[str]) -> ASGIApp:
    """The same application, of which browsers let pages of these origins use what is for pages."""
    if not origins:
        return app
    cors = CORSMiddleware(
        app,
        allow_origins=origins,
        allow_methods=("POST",),
        allow_headers=_SENT,
        expose_headers=_READ,
        max_age=_KEEP_S,
    )

    async def opened(scope: Scope, receive: Receive, send: Send) -> None:
        for_pages = scope["method"] in {"POST", PREFLIGHT} and is_for_pages(scope["path"])
        await (cors if for_pages else app)(scope, receive, send)

    return opened
