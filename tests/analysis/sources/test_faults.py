"""Every way a server can fail, each told apart, within a bounded time and without secrets."""

import json
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from threading import Event

import pytest
from pydantic import ValidationError

from analysis.sources.prometheus import PrometheusOptions, PrometheusSource
from engine.core.measure import Missing, MissingReason
from engine.ports import Batch
from engine.testing.sources import ERRORS, LATENCY, windows
from tests.analysis.sources.servers import free_port, reply, scripted

EMPTY = {"status": "success", "data": {"resultType": "matrix", "result": []}}
CURSOR: dict[str, dict[str, object]] = {"tracks": {}, "pending": {}}
TIMEOUT_S = 0.3

Answer = Callable[[BaseHTTPRequestHandler], None]


def read(url: str, **options: object) -> Batch:
    source = PrometheusSource(
        PrometheusOptions.model_validate({"url": url, "timeout_s": TIMEOUT_S} | options)
    )
    return source.read([ERRORS, LATENCY], windows(0, 2), CURSOR)


def trouble(batch: Batch) -> Missing:
    assert (batch.readings, batch.cursor) == ((), CURSOR)
    assert batch.trouble is not None
    assert batch.queries[-1].outcome == batch.trouble.detail
    return batch.trouble


def hang_up(handler: BaseHTTPRequestHandler) -> None:
    handler.close_connection = True
    handler.connection.close()


@pytest.mark.parametrize(
    ("answer", "reason", "said"),
    [
        pytest.param(hang_up, MissingReason.SOURCE_DOWN, "cannot be reached", id="hangs up"),
        pytest.param(reply(500, "oops"), MissingReason.SOURCE_ERROR, "status 500", id="500"),
        pytest.param(
            reply(503, '{"status":"error","errorType":"timeout","error":"query timed out"}'),
            MissingReason.SOURCE_SLOW,
            "gave up: query timed out",
            id="its own timeout",
        ),
        pytest.param(
            reply(422, '{"status":"error","errorType":"execution","error":"too many samples"}'),
            MissingReason.SOURCE_ERROR,
            "status 422: too many samples",
            id="too much",
        ),
        pytest.param(
            reply(200, "<!doctype html><p>hello", "text/html"),
            MissingReason.SOURCE_ERROR,
            "answered HTML with status 200; is the URL right?",
            id="HTML",
        ),
        pytest.param(reply(404, "<html>"), MissingReason.SOURCE_ERROR, "HTML with status 404", id="404"),
        pytest.param(reply(302, ""), MissingReason.SOURCE_ERROR, "nothing with status 302", id="redirect"),
        pytest.param(reply(401, "no"), MissingReason.SOURCE_ERROR, "`bearer_token_env`", id="401"),
        pytest.param(reply(200, ""), MissingReason.SOURCE_ERROR, "answered nothing", id="empty body"),
        pytest.param(reply(200, "[]"), MissingReason.SOURCE_ERROR, "other than JSON", id="a list"),
        pytest.param(reply(200, '{"status":"success"}'), MissingReason.SOURCE_ERROR, "matrix", id="no data"),
        pytest.param(
            reply(200, '{"status":"success","data":{"resultType":"matrix","result":[{"metric":{}}]}}'),
            MissingReason.SOURCE_ERROR,
            "unknown form",
            id="no samples in a series",
        ),
        pytest.param(
            reply(200, json.dumps(EMPTY | {"warnings": ["store-2 did not answer"]})),
            MissingReason.PARTIAL,
            "store-2 did not answer",
            id="in part",
        ),
    ],
)
def test_trouble_of_the_server_is_told_apart(answer: Answer, reason: MissingReason, said: str) -> None:
    with scripted(answer) as server:
        found = trouble(read(server.url))
    assert found.reason is reason
    assert said in found.detail


def test_a_refused_connection_is_down() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    found = trouble(read(url))
    assert (found.reason, found.detail) == (
        MissingReason.SOURCE_DOWN,
        f"{url} cannot be reached (Connection refused)",
    )


def test_an_unknown_host_is_down() -> None:
    assert trouble(read("http://prometheus.invalid:9090")).reason is MissingReason.SOURCE_DOWN


@pytest.fixture
def released() -> Iterator[Event]:
    event = Event()
    yield event
    event.set()


@pytest.mark.parametrize("drips", [False, True], ids=["says nothing", "drips"])
def test_a_hanging_server_is_slow_and_costs_a_bounded_time(released: Event, drips: bool) -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000000")
        if drips:
            handler.end_headers()
        while not released.wait(TIMEOUT_S / 10):
            try:
                handler.wfile.write(b" " if drips else b"")
            except OSError:
                return

    started = time.monotonic()
    with scripted(answer) as server:
        found = trouble(read(server.url))
        took_s = time.monotonic() - started
        released.set()
    assert found.reason is MissingReason.SOURCE_SLOW
    assert took_s < 4 * TIMEOUT_S


def test_a_slow_server_does_not_get_the_full_time_for_every_query(released: Event) -> None:
    metrics = [ERRORS, LATENCY]

    def answer(handler: BaseHTTPRequestHandler) -> None:
        released.wait(TIMEOUT_S * 0.8)
        reply(200, json.dumps(EMPTY))(handler)

    with scripted(answer) as server:
        source = PrometheusSource(PrometheusOptions(url=server.url, timeout_s=TIMEOUT_S))
        batch = source.read(metrics, windows(0, 2), CURSOR)
    assert batch.trouble is not None
    assert batch.trouble.reason is MissingReason.SOURCE_SLOW


def test_a_refused_query_is_no_trouble_of_other_metrics() -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        refused = '{"status":"error","errorType":"bad_data","error":"unexpected <eof>"}'
        is_latency = "seconds_bucket" in handler.server.asked[-1][1]["query"][0]  # type: ignore[attr-defined]
        (reply(400, refused) if is_latency else reply(200, json.dumps(EMPTY)))(handler)

    with scripted(answer) as server:
        batch = read(server.url)
    assert batch.trouble is None
    found = batch.readings[1]["latency"]
    assert isinstance(found, Missing)
    assert found.reason is MissingReason.BAD_QUERY
    assert "refused the query: unexpected <eof>" in found.detail
    assert "buckets seconds_bucket" not in batch.cursor["tracks"]


def test_an_empty_answer_is_no_series_and_not_zero() -> None:
    with scripted(reply(200, json.dumps(EMPTY))) as server:
        batch = read(server.url)
    found = batch.readings[0]["errors"]
    assert isinstance(found, Missing)
    assert found.reason is MissingReason.NO_SERIES


def test_all_queries_of_a_read_are_forms_with_one_evaluation_time() -> None:
    with scripted(reply(200, json.dumps(EMPTY))) as server:
        read(server.url)
    assert [path for path, _, _ in server.asked] == ["/api/v1/query"] * 3
    assert {form["time"][0] for _, form, _ in server.asked} == {f"{windows(1, 2)[0].end_s:.3f}"}
    assert [form["query"][0] for _, form, _ in server.asked] == [
        r'requests_total{code=~"5..",path="a \"quoted\" \\ path\nof two lines"}[330s]',
        r'requests_total{path="a \"quoted\" \\ path\nof two lines"}[330s]',
        "seconds_bucket[330s]",
    ]


def test_secrets_are_sent_and_shown_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROM_TOKEN", "s3cret-token")
    monkeypatch.setenv("PROM_TENANT", "s3cret-tenant")
    options = {"bearer_token_env": "PROM_TOKEN", "headers_from_env": {"X-Scope-OrgID": "PROM_TENANT"}}
    with scripted(reply(403, "<html>")) as server:
        batch = read(server.url, **options)
    _, _, headers = server.asked[0]
    assert (headers["Authorization"], headers["X-Scope-OrgID"]) == ("Bearer s3cret-token", "s3cret-tenant")
    assert "s3cret" not in repr(batch)


def test_a_secret_that_is_not_set_is_named() -> None:
    with scripted(reply(200, json.dumps(EMPTY))) as server:
        found = trouble(read(server.url, bearer_token_env="PROM_TOKEN_THAT_IS_NOT_SET"))
    assert found.detail == "the environment variable PROM_TOKEN_THAT_IS_NOT_SET is not set"
    assert server.asked == []


@pytest.mark.parametrize("url", ["prometheus:9090", "ftp://prometheus", "http://", "http://me:pw@host"])
def test_a_url_that_cannot_work_or_holds_a_password_is_refused(url: str) -> None:
    with pytest.raises(ValidationError, match="the URL"):
        PrometheusOptions(url=url)
