"""`POST /verdict`: JSON in, JSON out, for the `web` provider of an AnalysisTemplate.

An analysis takes any answer of 2xx that is no JSON as a success, an empty one too. So here every 2xx is a
whole JSON document with a verdict in it, and everything else, whatever goes wrong, is an error of 4xx or 5xx.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from engine.errors import RampwiseError, SpecError, StoreError, Unreachable
from engine.provider.provider import Mismatch, Provider, TooMany
from engine.provider.question import read_question
from engine.web.admission import Refused, admit, body_of, plain_json

_log = structlog.get_logger("rampwise.web")

PATH = "/verdict"
TOKEN_VARIABLE = "RAMPWISE_ANALYSIS_TOKEN"  # noqa: S105 (a name)
"""Environment variable with the secret that whoever asks from another machine has to send."""
MOST_BYTES = 64 * 1024
BODY_WITHIN_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdicts:
    """The address. `token` is the secret to be sent; without one only this machine may ask."""

    provider: Provider
    token: str = ""

    async def ask(self, request: Request) -> Response:
        """The verdict, or what is wrong and what to do."""
        try:
            self._admit(request)
            data = plain_json(await body_of(request, MOST_BYTES, BODY_WITHIN_S))
            answer = await run_in_threadpool(lambda: self.provider.answer(read_question(data)))
            return in_json(answer.to_plain(), 200)
        except Refused as error:
            return trouble(error.status, str(error))
        except SpecError as error:
            return _wrong(error)
        except RampwiseError as error:
            return trouble(_status(error), str(error))
        except Exception:  # noqa: BLE001 (no bug may look like a success; it is logged in full)
            _log.exception("verdict failed")
            return trouble(500, "no verdict can be told; the engine's log says why")

    def _admit(self, request: Request) -> None:
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        admit(request, self.token, TOKEN_VARIABLE)
        if kind != "application/json":
            raise Refused(415, "send JSON: `jsonBody`, or the header Content-Type: application/json")


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
