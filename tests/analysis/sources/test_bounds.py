"""Whatever a server does, a read ends in time, holds a bounded body, and comes back as a value."""

import json
import time
from collections.abc import Sequence

import pytest
from pydantic import ValidationError

from analysis.sources.prometheus import PrometheusOptions, PrometheusSource
from engine.core.measure import Missing, MissingReason
from engine.core.model import Metric
from engine.ports import Batch
from engine.testing.sources import ERRORS, LATENCY, windows
from tests.analysis.sources.servers import reply, scripted
from tests.trickling import A_HEAD, HALF_A_HEAD, trickling

EMPTY = json.dumps({"status": "success", "data": {"resultType": "matrix", "result": []}})
SECRET = "s3cret"


def read(url: str, metrics: Sequence[Metric] = (ERRORS, LATENCY), **options: object) -> Batch:
    source = PrometheusSource(PrometheusOptions.model_validate({"url": url} | options))
    return source.read(metrics, windows(0, 2), {})


def trouble(batch: Batch) -> Missing:
    assert (batch.readings, batch.cursor) == ((), {})
    assert batch.trouble is not None
    return batch.trouble


@pytest.mark.parametrize("head", [HALF_A_HEAD, A_HEAD], ids=["head", "body"])
def test_a_server_that_trickles_is_slow_and_bounded_by_the_clock_on_the_wall(head: bytes) -> None:
    with trickling(head) as port:
        source = PrometheusSource(PrometheusOptions(url=f"http://127.0.0.1:{port}", timeout_s=0.3))
        began_s = time.monotonic()
        batches = [source.read([ERRORS], windows(0, 2), {}) for _ in range(6)]
        took_s = time.monotonic() - began_s
    assert {trouble(batch).reason for batch in batches} == {MissingReason.SOURCE_SLOW}
    assert took_s < 6 * 0.6


def test_an_answer_without_end_is_not_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("analysis.sources.http.MOST_BYTES", 1000)
    with scripted(reply(200, " " * 1001)) as server:
        found = trouble(read(server.url))
    assert found.reason is MissingReason.SOURCE_ERROR
    assert "answered more than 1,000 bytes" in found.detail


def matrix(result: str) -> str:
    return f'{{"status":"success","data":{{"resultType":"matrix","result":{result}}}}}'


@pytest.mark.parametrize(
    "body",
    [
        "[" * 200_000,
        matrix("null"),
        matrix("[1]"),
        matrix('[{"metric":[],"values":[]}]'),
        matrix('[{"metric":{"version":7},"values":[[1,2,3]]}]'),
        matrix('[{"metric":{"version":"v1"},"values":[[1e999,"1"]]}]'),
        matrix('[{"metric":{"version":"v1"},"values":[[' + "9" * 5000 + ',"1"]]}]'),
        matrix('[{"metric":{"version":"v1"},"histograms":[]}]'),
        '{"status":"success","warnings":5,"data":{"resultType":"matrix","result":[]}}',
    ],
    ids=lambda body: body[:90],
)
def test_odd_answers_are_trouble_and_never_an_exception(body: str) -> None:
    with scripted(reply(200, body)) as server:
        batch = read(server.url)
    values = [reading for readings in batch.readings for reading in readings.values()]
    assert batch.trouble or all(isinstance(value, Missing) for value in values)


def test_a_defect_while_counting_is_trouble_that_names_its_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OverflowError(SECRET)

    monkeypatch.setattr("analysis.sources.prometheus.read_windows", fail)
    found = trouble(read("http://127.0.0.1:9"))
    assert found.reason is MissingReason.SOURCE_ERROR
    assert found.detail == "reading http://127.0.0.1:9 failed (OverflowError)"


def test_a_defect_while_asking_is_trouble_that_names_its_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RecursionError(SECRET)

    monkeypatch.setattr("prometheus_api_client.PrometheusConnect.custom_query", fail)
    found = trouble(read("http://127.0.0.1:9"))
    assert found.detail == "reading http://127.0.0.1:9 failed (RecursionError)"


@pytest.mark.parametrize("value", ["s3cret\nsecond", "s3cret\x1b[2J", "s3cret\x7fx", "s3cret…"])
@pytest.mark.parametrize("option", ["bearer_token_env", "headers_from_env"])
def test_a_secret_that_no_header_can_hold_is_refused_and_not_shown(
    monkeypatch: pytest.MonkeyPatch, option: str, value: str
) -> None:
    monkeypatch.setenv("PROM_SECRET", value)
    choice = "PROM_SECRET" if option == "bearer_token_env" else {"X-Scope-OrgID": "PROM_SECRET"}
    with scripted(reply(200, EMPTY)) as server:
        batch = read(server.url, **{option: choice})
    assert trouble(batch).detail.startswith("the environment variable PROM_SECRET holds control characters")
    assert SECRET not in repr(batch)
    assert server.asked == []


def test_a_header_name_that_no_header_can_have_shows_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROM_SECRET", SECRET)
    with scripted(reply(200, EMPTY)) as server:
        batch = read(server.url, headers_from_env={"X-Scope\nX-Other": "PROM_SECRET"})
    assert trouble(batch).reason is MissingReason.SOURCE_ERROR
    assert SECRET not in repr(batch)


@pytest.mark.parametrize("timeout_s", [0, 5.1, 3600, float("nan"), float("inf")])
def test_a_query_may_not_take_longer_than_a_lease_can_bear(timeout_s: float) -> None:
    with pytest.raises(ValidationError, match="timeout_s"):
        PrometheusOptions(timeout_s=timeout_s)


def test_all_queries_of_a_read_end_before_ten_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[float] = []

    class Clock:
        at_s = 0.0

        def monotonic(self) -> float:
            return self.at_s

    clock = Clock()

    def slow(*_: object, timeout: float, **__: object) -> list[object]:
        given.append(timeout)
        clock.at_s += timeout
        return []

    monkeypatch.setattr("analysis.sources.prometheus.time", clock)
    monkeypatch.setattr("prometheus_api_client.PrometheusConnect.custom_query", slow)
    found = trouble(read("http://127.0.0.1:9"))
    assert given == [5.0, 4.0]
    assert found.detail == "http://127.0.0.1:9: all queries together took too long"
