"""Flags by the OpenFeature Remote Evaluation Protocol: an application needs nothing but an OpenFeature SDK.

Evaluates the flags of one file and records exposures on the way. Every answer has a reason and a variant, for
there are clients that fail without; a missing value means the application's own default. A bulk answer is no
exposure: which of its flags are ever used is known to the client alone.
"""

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog
from openfeature.evaluation_context import EvaluationContext
from openfeature.exception import ErrorCode, FlagNotFoundError, OpenFeatureError
from openfeature.flag_evaluation import FlagResolutionDetails
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.errors import Unreachable
from engine.web.admission import Refused, Room, admit, body_of, plain_json
from engine.web.exposing import Exposing
from engine.web.flags import FlagFile, Flags
from engine.web.intake import TOKEN_VARIABLE

_log = structlog.get_logger("rampwise.web")

PREFIX = "/ofrep/v1/"
MOST_BYTES = 64 * 1024
BODY_WITHIN_S = 5.0
MOST_AT_ONCE = 128
_BULK = f"{PREFIX}evaluate/flags"
_JSON = "application/json"
_HEADERS = {413: {"Connection": "close"}, 429: {"Retry-After": "1"}, 401: {"WWW-Authenticate": "Bearer"}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ofrep:
    """The two addresses.

    Attributes:
        token: the secret to be sent; without one only this machine may ask.
        origins: whose pages may ask too, in the same way.
    """

    flags: FlagFile
    exposing: Exposing
    token: str = ""
    origins: Collection[str] = ()
    _room: Room = field(default_factory=lambda: Room(MOST_AT_ONCE))

    def routes(self) -> list[Route]:
        """Where they are."""
        return [
            Route(_BULK, self.all, methods=["POST"]),
            Route(f"{_BULK}/{{key:path}}", self.one, methods=["POST"]),
        ]

    async def one(self, request: Request) -> Response:
        """One flag."""
        key: str = request.path_params["key"]
        try:
            with self._room.one():
                context = await self._context(request)
                got = self.flags.current().evaluate(key, context)
                self.exposing.record(key, context.targeting_key, context.attributes, got)
                return _in_json(_success(key, got), 200)
        except Refused as error:
            return refused(error, key=key)
        except Exception as error:  # noqa: BLE001 (told and logged)
            return _in_json(*_failure(key, error))

    async def all(self, request: Request) -> Response:
        """All flags, or 304 when they are what the client has."""
        try:
            with self._room.one():
                context = await self._context(request)
                told = _bulk(self.flags.current(), context)
        except Refused as error:
            return refused(error)
        except Unreachable as error:
            return refusal(503, str(error))
        tag = f'"{hashlib.sha256(told).hexdigest()[:32]}"'
        known = request.headers.get("if-none-match", "").replace("W/", "").split(",")
        headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
        if tag in [each.strip() for each in known]:
            return Response(status_code=304, headers=headers)
        return Response(told, 200, headers, media_type=_JSON)

    async def _context(self, request: Request) -> EvaluationContext:
        admit(request, self.token, TOKEN_VARIABLE, self.origins)
        data = plain_json(await body_of(request, MOST_BYTES, BODY_WITHIN_S))
        context = data.get("context", {}) if isinstance(data, dict) else None
        if not isinstance(context, dict):
            raise _InvalidContext("send a JSON object with `context`, which is an object itself")
        unit = context.get("targetingKey")
        if not (unit is None or isinstance(unit, str)):
            raise _InvalidContext("`context.targetingKey` has to be text")
        attributes = {name: value for name, value in context.items() if name != "targetingKey"}
        return EvaluationContext(targeting_key=unit or None, attributes=attributes)


def unserved() -> Route:
    """For an engine without a file of flags: the protocol's own answer, with what to do."""
    return Route(f"{PREFIX}{{rest:path}}", _unserved, methods=["POST"])


async def _unserved(_request: Request) -> Response:
    says = "this engine serves no flags; start it with `rampwise serve --flags FILE`"
    return refusal(404, says, ErrorCode.FLAG_NOT_FOUND)


class _InvalidContext(Refused):
    """A context that is none; the protocol has a code of its own for it."""

    def __init__(self, says: str) -> None:
        super().__init__(400, says)


def refused(error: Refused, **more: str) -> Response:
    """What is wrong with a request, in the protocol's form."""
    if isinstance(error, _InvalidContext):
        return refusal(error.status, str(error), ErrorCode.INVALID_CONTEXT, **more)
    code = ErrorCode.PARSE_ERROR if error.status == 400 else ErrorCode.GENERAL
    return refusal(error.status, str(error), code, **more)


def refusal(status: int, says: str, code: ErrorCode = ErrorCode.GENERAL, **more: str) -> Response:
    """An error in the protocol's form."""
    return _in_json({**more, "errorCode": code.value, "errorDetails": says}, status)


def _bulk(flags: Flags, context: EvaluationContext) -> bytes:
    """The answer for all flags, the same text for the same values."""
    each = [_entry(flags, key, context) for key in sorted(flags.kinds)]
    return _text({"flags": each, "metadata": dict(flags.metadata)})


def _entry(flags: Flags, key: str, context: EvaluationContext) -> Mapping[str, Any]:
    try:
        return _success(key, flags.evaluate(key, context))
    except Exception as error:  # noqa: BLE001 (one flag that is wrong leaves the others as they are)
        return _failure(key, error)[0]


def _success(key: str, got: FlagResolutionDetails[Any]) -> Mapping[str, Any]:
    plain = {
        "key": key,
        "reason": str(got.reason),
        "variant": got.variant or "",
        "metadata": dict(got.flag_metadata),
    }
    return plain if got.variant is None else {**plain, "value": got.value}


def _failure(key: str, error: Exception) -> tuple[Mapping[str, Any], int]:
    """What is told of a flag that cannot be evaluated, and the status of the answer."""
    match error:
        case Unreachable():
            code, says, status = ErrorCode.PROVIDER_NOT_READY, str(error), 503
        case FlagNotFoundError():
            code, says, status = ErrorCode.FLAG_NOT_FOUND, f"there is no flag {key}", 404
        case OpenFeatureError():
            code, says, status = (
                error.error_code,
                error.error_message or f"flag {key} cannot be evaluated",
                400,
            )
        case _:
            _log.warning("flag cannot be evaluated", flag=key, exc_info=error)
            code, says, status = ErrorCode.GENERAL, f"flag {key} cannot be evaluated for this context", 400
    return {"key": key, "errorCode": code.value, "errorDetails": says}, status


def _text(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, allow_nan=False, separators=(",", ":")).encode()


def _in_json(content: Mapping[str, Any], status: int) -> Response:
    return Response(_text(content), status, _HEADERS.get(status), media_type=_JSON)
