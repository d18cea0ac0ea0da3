"""Who may send something to the engine, and how much: for all addresses that take a body."""

import asyncio
import hmac
import ipaddress
import json
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from starlette.requests import ClientDisconnect, Request

_FORWARDED = ("forwarded", "x-forwarded-for", "via")
_NO_PAGE = "no page in a browser may ask here"
_NOT_THIS_PAGE = f"{_NO_PAGE}, but for those of origins that the engine is given by `--allow-origin`"


class Refused(Exception):  # noqa: N818 (a state, as in engine.errors)
    """What is wrong with a request, as its answer's status and text."""

    def __init__(self, status: int, says: str) -> None:
        super().__init__(says)
        self.status = status


@dataclass(slots=True)
class Room:
    """How many requests may be inside at once; the next is told to come again. For one event loop."""

    most: int
    _inside: int = 0

    @contextmanager
    def one(self) -> Iterator[None]:
        """Inside. Refused when it is full."""
        if self._inside >= self.most:
            raise Refused(429, "too many requests at once; try again in a second")
        self._inside += 1
        try:
            yield
        finally:
            self._inside -= 1


def admit(request: Request, token: str, variable: str, origins: Collection[str] | None = None) -> None:
    """Let in who sends the token; without one, this machine.

    Args:
        request: whose headers are looked at.
        token: the secret to be sent, empty for none.
        variable: the environment variable that it comes from, for messages.
        origins: whose pages may ask from a browser, None where no page ever may.

    Raises:
        Refused: 401 or 403.
    """
    origin = request.headers.get("origin")
    if origin is not None and origin not in (origins or ()):
        raise Refused(403, _NO_PAGE if origins is None else _NOT_THIS_PAGE)
    if not token:
        if is_from_here(request):
            return
        raise Refused(403, f"only this machine may ask, until the engine has a secret in {variable}")
    sent = request.headers.get("authorization", "")
    if not hmac.compare_digest(sent.encode(), f"Bearer {token}".encode()):
        raise Refused(401, f"send the header Authorization: Bearer TOKEN, with the engine's {variable}")


async def body_of(request: Request, most_bytes: int, within_s: float) -> bytes:
    """The whole body. Refused when it is too large, too slow or cut off."""
    body = bytearray()
    try:
        async with asyncio.timeout(within_s):
            async for chunk in request.stream():
                body += chunk
                if len(body) > most_bytes:
                    raise Refused(413, f"a body has at most {most_bytes // 1024} KiB here")
    except TimeoutError as error:
        raise Refused(408, f"the body did not come within {within_s:.1f} s") from error
    except ClientDisconnect as error:
        raise Refused(400, "the body was cut off") from error
    return bytes(body)


def plain_json(body: bytes) -> object:
    """What the body says. Refused when it is no JSON, also for NaN, which no JSON has."""
    try:
        return json.loads(body, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise Refused(400, f"the body is no JSON: {error}") from error


def is_from_here(request: Request) -> bool:
    """Whether the other end is this machine, and no proxy on it says that it asks for somebody else."""
    if request.client is None or any(name in request.headers for name in _FORWARDED):
        return False
    try:
        address = ipaddress.ip_address(request.client.host)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)


def _no_number(name: str) -> float:
    msg = f"{name} is no number"
    raise ValueError(msg)
