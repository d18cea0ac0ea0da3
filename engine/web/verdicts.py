"""`POST /verdict`: JSON in, JSON out, for the `web` provider of an AnalysisTemplate.

An analysis takes any answer of 2xx that is no JSON as a success, an empty one too. So here every 2xx is a
whole JSON document with a verdict in it, and everything else, whatever goes wrong, is an error of 4xx or 5xx.
"""

import asyncio
import hmac
import ipaddress
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from engine.errors import RampwiseError, SpecError, StoreError, Unreachable
from engine.provider.provider import Mismatch, Provider, TooMany
from engine.provider.question import read_question

_log = structlog.get_logger("rampwise.web")

PATH = "/verdict"
TOKEN_VARIABLE = "RAMPWISE_ANALYSIS_TOKEN"  # noqa: S105 (a name)
"""Environment variable with the secret that whoever asks from another machine has to send."""
MOST_BYTES = 64 * 1024
BODY_WITHIN_S = 5.0
_FORWARDED = ("forwarded", "x-forwarded-for", "via")


class _RefusedError(Exception):
    """What is wrong with a request, as its answer's status and text."""

    def __init__(self, status: int, says: str) -> None:
        super().__init__(says)
        self.status = status


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdicts:
    """The address. `token` is the secret to be sent; without one only this machine may ask."""

    provider: Provider
    token: str = ""

    async def ask(self, request: Request) -> Response:
        """The verdict, or what is wrong and what to do."""
        try:
            self._admit(request)
            data = _json(await _body(request))
            answer = await run_in_threadpool(lambda: self.provider.answer(read_question(data)))
            return in_json(answer.to_plain(), 200)
        except _RefusedError as error:
            return trouble(error.status, str(error))
        except SpecError as error:
            return _wrong(error)
        except RampwiseError as error:
            return trouble(_status(error), str(error))
        except Exception:  # noqa: BLE001 (no bug may look like a success; it is logged in full)
            _log.exception("verdict failed")
            return trouble(500, "no verdict can be told; the engine's log says why")

    def _admit(self, request: Request) -> None:
        if "origin" in request.headers:
            raise _RefusedError(403, "no page in a browser may ask for verdicts")
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json":
            raise _RefusedError(415, "send JSON: `jsonBody`, or the header Content-Type: application/json")
        if not self.token:
            if _is_from_here(request):
                return
            says = f"only this machine may ask, until the engine has a secret in {TOKEN_VARIABLE}"
            raise _RefusedError(403, says)
        sent = request.headers.get("authorization", "")
        if not hmac.compare_digest(sent.encode(), f"Bearer {self.token}".encode()):
            says = f"send the header Authorization: Bearer TOKEN, with the engine's {TOKEN_VARIABLE}"
            raise _RefusedError(401, says)


def trouble(status: int, says: str, **more: Any) -> Response:
    """An error as JSON."""
    headers = {413: {"Connection": "close"}, 429: {"Retry-After": "60"}, 401: {"WWW-Authenticate": "Bearer"}}
    return in_json({"error": says, **more}, status, headers.get(status))


def in_json(content: Mapping[str, Any], status: int, headers: Mapping[str, str] | None = None) -> Response:
    """A whole JSON document; ValueError rather than one with NaN in it, which no JSON reader takes."""
    text = json.dumps(content, allow_nan=False)
    return Response(text, status, headers, media_type="application/json")


def _wrong(error: SpecError) -> Response:
    problems = [
        {"field": each.field, "found": each.found.removeprefix("found "), "expected": _plain(each.expected)}
        for each in error.problems
    ]
    told = "; ".join(
        f"{each['field']}: found {each['found']}, expected {each['expected']}" for each in problems
    )
    return trouble(400, told, problems=problems)


def _plain(expected: str) -> str:
    return expected.removeprefix("expected ")


def _status(error: RampwiseError) -> int:
    match error:
        case Mismatch():
            return 409
        case TooMany():
            return 429
        case StoreError() | Unreachable():
            return 503
        case _:
            return 422


async def _body(request: Request) -> bytes:
    body = b""
    try:
        async with asyncio.timeout(BODY_WITHIN_S):
            async for chunk in request.stream():
                body += chunk
                if len(body) > MOST_BYTES:
                    raise _RefusedError(413, f"a question has at most {MOST_BYTES // 1024} KiB")
    except TimeoutError as error:
        raise _RefusedError(408, f"the question did not come within {BODY_WITHIN_S:.0f} s") from error
    except ClientDisconnect as error:
        raise _RefusedError(400, "the question was cut off") from error
    return body


def _json(body: bytes) -> object:
    try:
        return json.loads(body, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise _RefusedError(400, f"the body is no JSON: {error}") from error


def _no_number(name: str) -> float:
    msg = f"{name} is no number"
    raise ValueError(msg)


def _is_from_here(request: Request) -> bool:
    """Whether the other end is this machine, and no proxy on it says that it asks for somebody else."""
    if request.client is None or any(name in request.headers for name in _FORWARDED):
        return False
    try:
        address = ipaddress.ip_address(request.client.host)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)
