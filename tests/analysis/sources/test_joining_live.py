"""A real Prometheus gives every query out of a joined one exactly what it gives it alone."""

import math
import struct
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings

from analysis.sources.http import SecretHeaders
from analysis.sources.joining import Shares, joined
from analysis.sources.queries import Query
from analysis.sources.series import Shape, parse_matrix
from analysis.sources.server import Server
from engine.core.model import Matcher, Selector
from tests.analysis.sources.crowd import LAST_S, QUERIES, samples
from tests.analysis.sources.native_histograms import Client, write_histogram, write_value
from tests.analysis.sources.servers import prometheus

pytestmark = pytest.mark.slow

FLAGS = ("--enable-feature=native-histograms", "--web.enable-remote-write-receiver")
(STALE_MARK,) = struct.unpack("<d", struct.pack("<Q", 0x7FF0000000000002))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with prometheus(tmp_path_factory.mktemp("prometheus"), "scrape_configs: []", flags=FLAGS) as url:
        for at_s, name, labels, value in samples():
            if isinstance(value, Client):
                write_histogram(url, name, labels, at_s, value)
            else:
                write_value(url, name, labels, at_s, STALE_MARK if math.isnan(value) else value)
        yield Server(url, SecretHeaders(None, {}))


@given(queries=QUERIES)
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_each_gets_what_the_server_gives_it_alone(server: Server, queries: list[Query]) -> None:
    """`(5|2)00` and other refused or undecidable conditions are asked alone, and so not in here."""
    for one in joined(queries, most=5):
        shares = Shares(one, server.samples(one.query, 5))
        for query in one.members:
            assert shares.of(query) == parse_matrix(server.samples(query, 5), shape=query.shape)


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("hits_total", Shape.TRIALS),
        ("seconds_bucket", Shape.BUCKETS),
        ("native_seconds", Shape.NATIVE),
    ],
)
def test_there_is_something_to_compare(server: Server, name: str, shape: Shape) -> None:
    alike = [
        Query(
            selector=Selector(name=name, matchers=(Matcher(label="service", op="=", value=service),)),
            shape=shape,
            start_s=LAST_S - 300,
            end_s=LAST_S,
        )
        for service in ("a", "b.c")
    ]
    (one,) = joined(alike, most=5)
    shares = Shares(one, server.samples(one.query, 5))
    ours, theirs = (shares.of(query) for query in one.members)
    assert {series.labels["service"] for series in ours} == {"a"}
    assert {series.labels["service"] for series in theirs} == {"b.c"}
