"""One query to a Prometheus-compatible server and every way it can go wrong, each told apart.

Knows nothing of counters or metrics; retries nothing, because the engine asks for the same windows again.
"""

import json
import os
import time
from collections.abc import Mapping
from typing import Any

import requests
import urllib3.exceptions
from prometheus_api_client import PrometheusConnect
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

from engine.bounded import BodyTooLarge, read_body
from engine.core.measure import Missing, MissingReason

MOST_BYTES = 32 << 20
_CANNOT_EXECUTE = 422
_CONNECTIONS = 32
"""Kept open to one server; more are opened when they are needed."""


class Trouble(Exception):  # noqa: N818 (names the state; never leaves the source)
    """A query gave no usable answer.

    Attributes:
        is_of_query: the server answers, and refuses this query for what it asks.
    """

    def __init__(self, reason: MissingReason, detail: str, *, is_of_query: bool = False) -> None:
        super().__init__(detail)
        self.missing = Missing(reason=reason, detail=detail)
        self.is_of_query = is_of_query


class SecretHeaders(requests.auth.AuthBase):
    """Headers whose values are read from the environment at every request and kept nowhere."""

    def __init__(self, bearer_token_env: str | None, headers_from_env: Mapping[str, str]) -> None:
        self._bearer_token_env = bearer_token_env
        self._headers_from_env = headers_from_env

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Add the headers. Raises Trouble when a variable is not set, or holds what no header can."""
        for header, variable in self._headers_from_env.items():
            request.headers[header] = _from_environment(variable)
        if self._bearer_token_env:
            request.headers["Authorization"] = f"Bearer {_from_environment(self._bearer_token_env)}"
        return request


def _from_environment(variable: str) -> str:
    value = os.environ.get(variable, "").strip()
    if not value:
        raise Trouble(MissingReason.SOURCE_ERROR, f"the environment variable {variable} is not set")
    if not (value.isascii() and value.isprintable()):
        detail = f"the environment variable {variable} holds control characters or others that no header can"
        raise Trouble(MissingReason.SOURCE_ERROR, detail)
    return value


class PrometheusSession(requests.Session):
    """A session that sends queries as forms, ends in time, and lets only complete answers through.

    `PrometheusConnect` puts queries into the URL, waits as long as bytes trickle in, and hides warnings.
    """

    def request(self, method: str | bytes, url: str | bytes, *_: Any, **options: Any) -> requests.Response:
        """POST `params` as a form within `timeout` seconds. Raises Trouble, and nothing else on the way."""
        form, timeout_s = options.pop("params"), options["timeout"]
        deadline = time.monotonic() + timeout_s
        where = str(url).removesuffix("_range").removesuffix("/api/v1/query")
        try:
            response = super().request(method, url, data=form, stream=True, allow_redirects=False, **options)
            with response:
                body = read_body(response, deadline, MOST_BYTES)
        except BodyTooLarge as error:
            detail = f"{where} answered {error}"
            raise Trouble(MissingReason.SOURCE_ERROR, detail, is_of_query=True) from error
        except (requests.Timeout, urllib3.exceptions.TimeoutError) as error:
            detail = f"{where} did not answer within {timeout_s:.3g} s"
            raise Trouble(MissingReason.SOURCE_SLOW, detail) from error
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            raise _unreachable(where, error) from error
        answer = _checked(response, body, where)
        # The client would parse a large answer once more.
        response.json = lambda **_: answer  # type: ignore[method-assign]
        return response


def _unreachable(where: str, error: Exception) -> Trouble:
    match error:
        case requests.exceptions.SSLError():
            return Trouble(
                MissingReason.SOURCE_ERROR, f"{where}: the TLS connection failed ({_cause(error)})"
            )
        case requests.ConnectionError() | urllib3.exceptions.ProtocolError():
            return Trouble(MissingReason.SOURCE_DOWN, f"{where} cannot be reached ({_cause(error)})")
        case _:
            # Its text may hold a header, and so a secret.
            return Trouble(MissingReason.SOURCE_ERROR, f"{where}: {type(error).__name__}")


def _cause(error: BaseException) -> str:
    """The innermost reason, without the object addresses and URLs that wrap it."""
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _checked(response: requests.Response, body: bytes, where: str) -> Mapping[str, Any]:
    """The parsed answer, if it is a complete one."""
    status = response.status_code
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict) or "status" not in answer:
        detail = f"{where} answered {_form_of(response, body)} with status {status}{_hint(status)}"
        raise Trouble(MissingReason.SOURCE_ERROR, detail)
    if status != 200 or answer["status"] != "success":
        raise _refused(where, status, answer)
    warnings = answer.get("warnings")
    if warnings:
        told = "; ".join(map(str, warnings)) if isinstance(warnings, list) else str(warnings)
        detail = f"{where} answered only in part: {told}"
        raise Trouble(MissingReason.PARTIAL, detail)
    data = answer.get("data")
    if not isinstance(data, dict) or data.get("resultType") != "matrix":
        raise Trouble(MissingReason.SOURCE_ERROR, f"{where} answered something else than a matrix of samples")
    return answer


def _form_of(response: requests.Response, body: bytes) -> str:
    if not body.strip():
        return "nothing"
    is_html = "html" in response.headers.get("Content-Type", "") or body.lstrip()[:1] == b"<"
    return "HTML" if is_html else "something other than JSON"


def _hint(status: int) -> str:
    if status in {401, 403}:
        return "; does it need `bearer_token_env` or `headers_from_env`?"
    return "" if status >= 500 else "; is the URL right?"


def _refused(where: str, status: int, answer: Mapping[str, Any]) -> Trouble:
    said = str(answer.get("error", "no reason given"))
    if status == 400:
        return Trouble(MissingReason.BAD_QUERY, f"{where} refused the query: {said}", is_of_query=True)
    if answer.get("errorType") == "timeout":
        return Trouble(MissingReason.SOURCE_SLOW, f"{where} gave up: {said}", is_of_query=True)
    is_of_query = status == _CANNOT_EXECUTE
    return Trouble(
        MissingReason.SOURCE_ERROR, f"{where} answered status {status}: {said}", is_of_query=is_of_query
    )


def connect(url: str, auth: SecretHeaders) -> PrometheusConnect:
    """A client for this server; opens nothing yet."""
    session = PrometheusSession()
    connection = PrometheusConnect(url=url, session=session, retry=Retry(total=0), auth=auth, method="POST")
    # The client mounts an adapter of its own, which keeps ten connections.
    session.mount(url, HTTPAdapter(max_retries=Retry(total=0), pool_maxsize=_CONNECTIONS))
    return connection
