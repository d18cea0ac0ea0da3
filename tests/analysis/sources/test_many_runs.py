"""Many runs on one server: the same readings as each by itself, from a few queries, and no shared trouble."""

import json
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from analysis.sources import gathering
from analysis.sources.fake import FakeOptions, FakeSource
from analysis.sources.prometheus import PrometheusOptions, PrometheusSource
from analysis.sources.queries import Query
from analysis.sources.series import Shape
from engine.core.measure import Missing, MissingReason, TrialsReading, Window
from engine.core.model import Arm, Matcher, Metric, Selector
from engine.fields import parse_selector
from engine.ports import Batch
from tests.analysis.sources.servers import Scripted, reply, scripted
from tests.builders import a_metric

START_S = 1_700_000_000.0
RUNS = 12
BAD = 3
"""The run whose queries the server refuses, where it refuses any."""


def a_metric_of(run: int) -> Metric:
    both = Matcher(label="service", op="=~", value=f"v1-{run}|v2-{run}")
    failed = Matcher(label="code", op="=~", value="5..")
    return a_metric(
        bad=Selector(name="hits", matchers=(both, failed)),
        total=Selector(name="hits", matchers=(both,)),
        arm_labels={
            Arm.CONTROL: {"service": f"v1-{run}"},
            Arm.TREATMENT: {"service": f"v2-{run}"},
        },
    )


def a_store() -> FakeSource:
    source = FakeSource(FakeOptions())
    for run in range(RUNS):
        for version in ("v1", "v2"):
            labels = {"service": f"{version}-{run}", "job": "router", "instance": "r:1"}
            for tick in range(-60, 13):
                at_s, count = START_S + 5 * tick, (tick + 60) * (run + 1)
                source.scrape(at_s, "hits", {**labels, "code": "200"}, 10 * count)
                source.scrape(at_s, "hits", {**labels, "code": "500"}, count)
    return source


class Server:
    """Answers range selectors from what is stored, as Prometheus does; refuses to read service `refused`."""

    def __init__(self) -> None:
        self.store = a_store()
        self.refused = "nothing"

    def __call__(self, handler: BaseHTTPRequestHandler) -> None:
        form = handler.server.asked[-1][1]  # type: ignore[attr-defined]
        text, length = re.fullmatch(r"(.*)\[(\d+m?s)\]", form["query"][0]).groups()  # type: ignore[union-attr]
        end_s = float(form["time"][0])
        length_s = float(length[:-2]) / 1000 if length.endswith("ms") else float(length[:-1])
        selector = parse_selector(text)
        if any(re.fullmatch(each.value, self.refused) for each in selector.matchers):
            reply(422, '{"status":"error","errorType":"execution","error":"too many samples"}')(handler)
            return
        query = Query(selector=selector, shape=Shape.TRIALS, start_s=end_s - length_s, end_s=end_s)
        found = [_as_text(one) for one in self.store.matrix(query)]
        body = {"status": "success", "data": {"resultType": "matrix", "result": found}}
        reply(200, json.dumps(body))(handler)


def _as_text(one: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"metric": one["metric"], "values": [[at_s, str(value)] for at_s, value in one["values"]]}


@pytest.fixture(autouse=True)
def _many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathering, "MANY", 2)


def read_all(server: Scripted, at_once: int = RUNS) -> list[list[Batch]]:
    """Every run reads three windows one after the other, at the same time as others."""

    def read(run: int) -> list[Batch]:
        source = PrometheusSource(PrometheusOptions(url=server.url))
        cursor: Mapping[str, Any] = {}
        batches = []
        for index in range(3):
            start_s = START_S + 10 * index + run / 7
            window = Window(index=index, start_s=start_s, end_s=start_s + 10)
            batches.append(source.read([a_metric_of(run)], [window], cursor))
            cursor = batches[-1].cursor
        return batches

    with ThreadPoolExecutor(at_once) as pool:
        return list(pool.map(read, range(RUNS)))


def test_few_queries_give_every_run_its_own_readings(monkeypatch: pytest.MonkeyPatch) -> None:
    with scripted(Server()) as server:
        together = read_all(server)
        asked = len(server.asked)
        monkeypatch.setattr(gathering, "MANY", 1000)
        apart = read_all(server, at_once=1)
    assert [[(b.readings, b.cursor, b.trouble) for b in one] for one in together] == [
        [(b.readings, b.cursor, b.trouble) for b in one] for one in apart
    ]
    assert len(server.asked) - asked == RUNS * 3 * 2
    assert asked <= RUNS * 3
    first = together[5][1].readings[0]["errors"]
    assert isinstance(first, TrialsReading)
    assert first.control.total == 11 * first.control.bad > 0


def test_one_runs_trouble_is_nobody_elses() -> None:
    answers = Server()
    answers.refused = f"v1-{BAD}"
    with scripted(answers) as server:
        batches = read_all(server)
    for run, (*_, last) in enumerate(batches):
        if run == BAD:
            assert isinstance(last.trouble, Missing)
            assert last.trouble.reason is MissingReason.SOURCE_ERROR
        else:
            assert last.trouble is None
            assert isinstance(last.readings[0]["errors"], TrialsReading)


def test_every_query_is_told_as_the_run_would_have_asked_it() -> None:
    with scripted(Server()) as server:
        batches = read_all(server)
    for run, (*_, last) in enumerate(batches):
        assert {record.query for record in last.queries} == {
            f'hits{{service=~"v1-{run}|v2-{run}",code=~"5.."}}[10s]',
            f'hits{{service=~"v1-{run}|v2-{run}"}}[10s]',
        }
        assert {record.outcome.partition(",")[0] for record in last.queries} == {"2 series", "4 series"}


def test_a_server_that_is_gone_is_gone_for_all() -> None:
    with scripted(reply(500, '{"status":"error","errorType":"internal","error":"broken"}')) as server:
        batches = read_all(server)
    reasons = {one.trouble.reason for run in batches for one in run if one.trouble}
    assert reasons == {MissingReason.SOURCE_ERROR}
    assert all(one.trouble for run in batches for one in run)
