"""One version of the sample service: `python -m engine.local.service`. Its behaviour is set while it runs.

`GET /` and `GET /buy` are the shop; a visitor's session ends with `/buy`, and has converted if that succeeds.
`/healthz` says whether it is ready, `/metrics` is for Prometheus, `GET|POST /settings` reads and changes the
behaviour. Everything random is ordinary and unseeded.
"""

import argparse
import asyncio
import json
import random
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from itertools import accumulate
from pathlib import Path

from engine.local.settings import Settings
from engine.local.wire import Reply, Request, serve

BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.25, 0.35, 0.5, 1.0, 2.5, 5.0, 10.0)
JSON = "application/json"


class SampleService:
    """A version's behaviour and counters; its settings file outlives it, so a restart behaves the same."""

    def __init__(self, service: str, version: str, settings_file: Path) -> None:
        self._service = service
        self._version = version
        self._settings_file = settings_file
        self._settings = _load(settings_file)
        self._rng = random.Random()
        self._started_s = time.time()
        self._requests: Counter[tuple[str, int]] = Counter()
        self._buckets = [0] * (len(BUCKETS_S) + 1)
        self._duration_sum_s = 0.0
        self._sessions = self._conversions = 0

    def handle(self, request: Request) -> Reply:
        """Answer one request."""
        match request.method, request.path:
            case "GET", "/" | "/buy":
                return self._shop(request.path)
            case "GET", "/healthz":
                return self._health()
            case "GET", "/metrics":
                return Reply(200, self._metrics(), "text/plain; version=0.0.4; charset=utf-8")
            case "GET", "/settings":
                return Reply(200, json.dumps(self._settings.to_plain()), JSON)
            case "POST", "/settings":
                return self._set(request.body)
            case _:
                return Reply(404, f"{self._service} {self._version} has no {request.path}\n")

    def _shop(self, path: str) -> Reply:
        settings, age_s = self._settings, time.time() - self._started_s
        if age_s < settings.ready_after_s:
            status = 503
        else:
            status = 500 if self._rng.random() < settings.error_rate else 200
        converts = path == "/buy" and status == 200 and self._rng.random() < settings.conversion_rate
        word = {200: "bought" if converts else "ok", 500: "error", 503: "not ready"}[status]
        return Reply(
            status,
            f"{self._service} {self._version} {word}\n",
            delay_s=settings.delay_s(age_s, self._rng),
            after=self._counting(path, status, converts),
        )

    def _counting(self, path: str, status: int, converts: bool) -> Callable[[float], None]:
        def count(took_s: float) -> None:
            self._requests[path, status] += 1
            self._buckets[bisect_left(BUCKETS_S, took_s)] += 1
            self._duration_sum_s += took_s
            self._sessions += path == "/buy"
            self._conversions += converts

        return count

    def _health(self) -> Reply:
        ready_since_s = self._started_s + self._settings.ready_after_s
        ready = time.time() >= ready_since_s
        answer = {
            "service": self._service,
            "version": self._version,
            "ready": ready,
            "started_at_s": self._started_s,
            "ready_since_s": ready_since_s,
        }
        return Reply(200 if ready else 503, json.dumps(answer), JSON)

    def _set(self, body: bytes) -> Reply:
        try:
            settings = self._settings.changed(_json_object(body))
        except ValueError as error:
            return Reply(400, f"{error}\n")
        self._settings_file.write_text(json.dumps(settings.to_plain()), encoding="utf-8")
        self._settings = settings
        return Reply(200, json.dumps(settings.to_plain()), JSON)

    def _metrics(self) -> str:
        version = f'version="{self._version}"'
        lines = ["# TYPE http_requests_total counter"]
        lines += [
            f'http_requests_total{{{version},code="{status}",path="{path}"}} {count}'
            for (path, status), count in sorted(self._requests.items())
        ]
        lines.append("# TYPE http_request_duration_seconds histogram")
        name = "http_request_duration_seconds"
        totals = list(accumulate(self._buckets))
        for bound, total in zip((*map(str, BUCKETS_S), "+Inf"), totals, strict=True):
            lines.append(f'{name}_bucket{{{version},le="{bound}"}} {total}')
        lines.append(f"{name}_sum{{{version}}} {self._duration_sum_s!r}")
        lines.append(f"{name}_count{{{version}}} {totals[-1]}")
        for counter, count in (
            ("sessions_total", self._sessions),
            ("sessions_converted_total", self._conversions),
            ("conversions_total", self._conversions),
        ):
            lines += [f"# TYPE {counter} counter", f"{counter}{{{version}}} {count}"]
        return "\n".join(lines) + "\n"


def _json_object(body: bytes) -> dict[str, object]:
    plain = json.loads(body)
    if not isinstance(plain, dict):
        raise ValueError("settings are a JSON object")  # noqa: TRY004 (like any other text that is not one)
    return plain


def _load(settings_file: Path) -> Settings:
    if not settings_file.exists():
        return Settings()
    return Settings(**json.loads(settings_file.read_text(encoding="utf-8")))


def main() -> None:
    """Serve one version until told to stop."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--service", required=True)
    parser.add_argument("--version", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--settings-file", type=Path, required=True)
    chosen = parser.parse_args()
    service = SampleService(chosen.service, chosen.version, chosen.settings_file)
    with suppress(KeyboardInterrupt):
        asyncio.run(serve(service.handle, chosen.port))


if __name__ == "__main__":
    main()
