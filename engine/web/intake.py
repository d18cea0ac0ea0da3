"""`POST /events`: exposures and events of users as CloudEvents, kept before they are acknowledged.

202 means that every event which is not told as refused is on the disk. The same event again, by its source
and id, changes nothing, so that whoever got no answer sends it again.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.errors import StoreError
from engine.intake import Intake, Record, Unfit
from engine.intake.cloud import record_of
from engine.ports import Clock
from engine.web.admission import Refused, Room, admit, body_of, plain_json

_log = structlog.get_logger("rampwise.web")

PATH = "/events"
TOKEN_VARIABLE = "RAMPWISE_APPLICATION_TOKEN"  # noqa: S105 (a name)
"""Environment variable with the secret that applications on other machines have to send."""
MOST_BYTES = 1024 * 1024
MOST_EVENTS = 1000
BODY_WITHIN_S = 10.0
MOST_AT_ONCE = 16
BATCH, STRUCTURED = "application/cloudevents-batch+json", "application/cloudevents+json"
_HEADERS = {
    401: {"WWW-Authenticate": "Bearer"},
    413: {"Connection": "close"},
    429: {"Retry-After": "1"},
    503: {"Retry-After": "1"},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Events:
    """The address.

    Attributes:
        token: the secret to be sent; without one only this machine may send.
        origins: whose pages may send too, in the same way.
    """

    intake: Intake
    clock: Clock
    token: str = ""
    origins: Collection[str] = ()
    _room: Room = field(default_factory=lambda: Room(MOST_AT_ONCE))

    def routes(self) -> list[Route]:
        """Where it is."""
        return [Route(PATH, self.take, methods=["POST"])]

    async def take(self, request: Request) -> Response:
        """How many events are kept, and what is wrong with each of the others."""
        try:
            admit(request, self.token, TOKEN_VARIABLE, self.origins)
            with self._room.one():
                body = await body_of(request, MOST_BYTES, BODY_WITHIN_S)
                return await run_in_threadpool(self._keep, dict(request.headers), body)
        except Refused as error:
            return _answer(error.status, {"error": str(error)})
        except StoreError as error:
            return _answer(503, {"error": str(error)})
        except Exception:  # noqa: BLE001 (no bug may look like an acknowledgement; it is logged in full)
            _log.exception("events not taken in")
            return _answer(500, {"error": "the events were not kept; the engine's log says why"})

    def _keep(self, headers: Mapping[str, str], body: bytes) -> Response:
        received_s = self.clock.now_s()
        records, refused = _sorted_out(_events(headers, body), received_s)
        self.intake.take_in(records, received_s)
        told: dict[str, Any] = {"accepted": len(records)}
        if refused:
            told["refused"] = refused
        return _answer(202 if records or not refused else 400, told)


def _sorted_out(events: Sequence[object], received_s: float) -> tuple[list[Record], list[dict[str, Any]]]:
    records: list[Record] = []
    refused: list[dict[str, Any]] = []
    for index, event in enumerate(events):
        try:
            records.append(record_of(event, received_s))
        except Unfit as error:
            refused.append({"index": index, "why": str(error)})
    return records, refused


def _events(headers: Mapping[str, str], body: bytes) -> Sequence[object]:
    """The events of a message in any of the three modes of CloudEvents over HTTP, in their JSON form."""
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == BATCH:
        events = plain_json(body)
        if not isinstance(events, list):
            raise Refused(400, f"{BATCH} is a JSON array of events")
        if len(events) > MOST_EVENTS:
            raise Refused(413, f"a batch has at most {MOST_EVENTS} events")
        return events
    if kind == STRUCTURED:
        return [plain_json(body)]
    if "ce-specversion" in headers and kind == "application/json":
        attributes = {name[3:]: unquote(value) for name, value in headers.items() if name.startswith("ce-")}
        return [{**attributes, "data": plain_json(body)}]
    raise Refused(415, f"send CloudEvents: {BATCH}, {STRUCTURED}, or JSON with ce- headers")


def _answer(status: int, content: Mapping[str, Any]) -> Response:
    return Response(json.dumps(content), status, _HEADERS.get(status), media_type="application/json")
