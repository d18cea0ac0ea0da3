"""Many services' series with everything that happens to series, and any queries of them, for joined reads."""

import math
import random
from collections.abc import Iterator
from typing import NamedTuple

from hypothesis import strategies as st

from analysis.sources.queries import Query
from analysis.sources.series import Shape
from engine.core.model import Matcher, Selector
from tests.analysis.sources.native_histograms import Client

START_S = 1_700_000_000.0
LAST_S = START_S + 300.0
SERVICES = ["a", "b.c", "b-c", "x|y", "é (1)", 'q"\\', "", "d"]
CODES = ["200", "500", "503", ""]
STALE = math.nan


class Sample(NamedTuple):
    """One sample of one series; `value` is a native histogram's client, or a number."""

    at_s: float
    name: str
    labels: dict[str, str]
    value: float | Client


def samples() -> Iterator[Sample]:
    """Scrapes every 5 s; series that reset, come late, vanish, and are marked as stale."""
    luck = random.Random(3)
    for place, service in enumerate(SERVICES):
        for code in CODES:
            labels = {key: value for key, value in (("service", service), ("code", code)) if value}
            born, gone = luck.randrange(30), luck.randrange(30, 61)
            count = 0.0
            for tick in range(born, gone):
                at_s = START_S + 5 * tick + luck.choice([0.0, 0.001, 0.0625])
                count = 0.0 if luck.random() < 0.05 else count + luck.randrange(5)
                yield Sample(at_s, "hits_total", {**labels, "job": "app"}, count)
                if code == "200":
                    for le in ("0.1", "1", "+Inf"):
                        yield Sample(at_s, "seconds_bucket", {**labels, "le": le}, count)
            if luck.random() < 0.5:
                yield Sample(START_S + 5 * gone, "hits_total", {**labels, "job": "app"}, STALE)
        client = Client()
        for tick in range(place, 60, 3):
            client.observe(*(luck.lognormvariate(-1, 1) for _ in range(3)))
            named = {"service": service} if service else {}
            yield Sample(START_S + 5 * tick, "native_seconds", named, client)


def _quoted(values: list[str]) -> str:
    return "|".join("".join(f"\\{each}" if each in '.|()\\"-' else each for each in one) for one in values)


def _matchers() -> st.SearchStrategy[tuple[Matcher, ...]]:
    one = st.sampled_from(SERVICES)
    service = st.one_of(
        st.builds(lambda value: Matcher(label="service", op="=", value=value), one),
        st.builds(
            lambda values: Matcher(label="service", op="=~", value=_quoted(values)),
            st.lists(one, min_size=1, max_size=3),
        ),
        st.builds(lambda value: Matcher(label="service", op="!=", value=value), one),
        st.sampled_from(
            [
                Matcher(label="service", op=op, value=value)
                for op in ("=~", "!~")
                for value in ("b.c|d?", "(a|b.+)", ".+[a-cx]", ".*", "")
            ]
        ),
    )
    code = st.sampled_from(
        [
            Matcher(label="code", op=op, value=value)
            for op in ("=~", "!~")
            for value in ("5..", "2.*", "[25]00", "(5|2)00", "", "500|200")
        ]
    )
    other = st.sampled_from(
        [Matcher(label="le", op="=", value="1"), Matcher(label="job", op="=", value="app")]
    )
    return st.lists(st.one_of(service, service, service, code, other), max_size=3, unique=True).map(tuple)


@st.composite
def a_query(draw: st.DrawFn) -> Query:
    """Any query of these series, with boundaries on samples, beside them, and anywhere."""
    name, shape = draw(
        st.sampled_from(
            [
                ("hits_total", Shape.TRIALS),
                ("hits_total", Shape.SUM),
                ("seconds_bucket", Shape.BUCKETS),
                ("native_seconds", Shape.NATIVE),
                ("nothing_total", Shape.TRIALS),
            ]
        )
    )
    length_s = draw(st.sampled_from([5.0, 10.0, 10.0, 10.0005, 12.5, 315.0]))
    around_s = draw(st.sampled_from([0.0, 0.001, 0.0004, 0.0005, 0.0625, 2.5]))
    end_s = START_S + 5 * draw(st.integers(min_value=20, max_value=30)) + around_s
    selector = Selector(name=name, matchers=draw(_matchers()))
    return Query(selector=selector, shape=shape, start_s=end_s - length_s, end_s=end_s)


QUERIES = st.lists(a_query(), min_size=2, max_size=30)
