"""Asks the platform's parts over loopback HTTP, and turns what can go wrong into errors with a next step."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import requests

from engine.adapters.traefik.routed import API_PATH, Routed, parse_routed
from engine.errors import Unreachable, UsageError

TIMEOUT_S = 2.0
POLL_S = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Stats:
    """What the load generator has seen of one service.

    Attributes:
        counts: answers by version and HTTP status; version `none` is the proxy's own answer.
        failed: requests without an answer. skipped: not sent, because every session was waiting.
        moved: answers from another version than the session's last one. in_flight: not yet answered.
        running: whether requests are still being sent.
    """

    counts: Mapping[str, Mapping[int, int]]
    failed: int
    skipped: int
    moved: int
    in_flight: int
    running: bool


class Client:
    """HTTP to one platform."""

    def __init__(self) -> None:
        self._http = requests.Session()
        # A proxy for the outside world must not see loopback traffic.
        self._http.trust_env = False

    def settings(self, url: str) -> Mapping[str, float]:
        """A version's settings. Unreachable when it does not answer."""
        return self._numbers(self._ask("GET", f"{url}/settings"))

    def change_settings(self, url: str, changes: Mapping[str, float]) -> Mapping[str, float]:
        """Change some settings and return all. UsageError when the version refuses them."""
        answer = self._ask("POST", f"{url}/settings", changes)
        if answer.status_code == requests.codes.bad_request:
            raise UsageError(answer.text.strip())
        return self._numbers(answer)

    def stats(self, url: str, service: str) -> Stats:
        """The load generator's counts for one service."""
        answer: dict[str, Any] = self._ask("GET", f"{url}/stats").json()
        if service not in answer["services"]:
            raise UsageError(f"there is no load on {service}; there is on {', '.join(answer['services'])}")
        seen = answer["services"][service]
        counts = {
            version: {int(status): int(count) for status, count in by_status.items()}
            for version, by_status in seen["counts"].items()
        }
        return Stats(
            counts=counts,
            failed=int(seen["failed"]),
            skipped=int(seen["skipped"]),
            moved=int(seen["moved"]),
            in_flight=int(seen["in_flight"]),
            running=bool(answer["running"]),
        )

    def routed(self, url: str, service: str, versions: Iterable[str]) -> Routed:
        """What the proxy's API says it routes of one service. Unreachable when it does not answer."""
        answer = self._ask("GET", f"{url}{API_PATH}")
        try:
            return parse_routed(service, versions, answer.json())
        except ValueError as error:
            raise Unreachable(str(error)) from error

    def wait_until_ok(self, url: str, within_s: float) -> None:
        """Return as soon as `url` answers 200. Unreachable when it does not in time."""
        deadline = time.monotonic() + within_s
        while True:
            try:
                if self._ask("GET", url).ok:
                    return
            except Unreachable:
                if time.monotonic() > deadline:
                    raise
            if time.monotonic() > deadline:
                raise Unreachable(f"{url} was not ready within {within_s:g} s")
            time.sleep(POLL_S)

    def _ask(self, method: str, url: str, body: object | None = None) -> requests.Response:
        try:
            return self._http.request(method, url, json=body, timeout=TIMEOUT_S)
        except requests.RequestException as error:
            raise Unreachable(
                f"{url} does not answer ({type(error).__name__}); type: rampwise local status"
            ) from error

    @staticmethod
    def _numbers(answer: requests.Response) -> Mapping[str, float]:
        return {str(name): float(value) for name, value in answer.json().items()}
