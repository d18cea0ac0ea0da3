"""Parts of metrics that breakdowns show: asked for last, and their trouble is theirs alone."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from analysis.sources.prometheus import PrometheusOptions, PrometheusSource
from analysis.sources.queries import Answer, Query
from analysis.sources.windows import read_windows
from engine.core.measure import Missing, MissingReason, Trials, TrialsReading, Window
from engine.core.model import Matcher, Metric, Role, Selector
from engine.ports import Batch, Json
from engine.testing.sources import Scrape
from tests.analysis.sources.servers import prometheus_with
from tests.analysis.sources.shop import Shop
from tests.builders import NOW_S, a_metric

WHOLE = a_metric(bad=Selector(name="bad"), total=Selector(name="all"))


def where(route: str) -> Metric:
    condition = Matcher(label="route", op="=", value=route)
    return replace(
        WHOLE,
        name=f"errors (route={route})",
        role=Role.QUALITY,
        weight=0.0,
        family="errors",
        segment=condition,
        bad=Selector(name="bad", matchers=(condition,)),
        total=Selector(name="all", matchers=(condition,)),
    )


def shop() -> Shop:
    """Two routes: 10 requests in a window on one, of which 1 is bad, and 30 on the other, of which 3 are."""
    made = Shop()
    for route, size in (("/pay", 1), ('/"odd"\\', 3)):
        made.put_both("bad", {0: 0, 15: size, 30: size}, route=route)
        made.put_both("all", {0: 0, 15: 10 * size, 30: 20 * size}, route=route)
    return made


def counted(reading: object) -> tuple[Trials, Trials]:
    assert isinstance(reading, TrialsReading), reading
    return reading.control, reading.treatment


def test_a_part_counts_the_series_of_its_value_and_the_whole_counts_all() -> None:
    odd = where('/"odd"\\')
    whole, pay, other = shop().read_both(WHOLE, where("/pay"), odd)
    assert counted(whole) == (Trials(bad=4, total=40),) * 2
    assert counted(pay) == (Trials(bad=1, total=10),) * 2
    assert counted(other) == (Trials(bad=3, total=30),) * 2


def test_a_value_without_series_is_missing_and_the_whole_is_not() -> None:
    whole, gone = shop().read_both(WHOLE, where("/old"))
    assert counted(whole)[0].total == 40
    assert isinstance(gone, Missing)
    assert gone.reason is MissingReason.NO_SERIES


def test_parts_are_asked_for_after_everything_else() -> None:
    asked: list[str] = []

    def fetch(query: Query) -> Answer:
        asked.append(query.selector.name + "".join(each.value for each in query.selector.matchers))
        return Answer(text="", took_ms=0.0, series=())

    read_windows(fetch, [where("/pay"), WHOLE], [Window(index=0, start_s=0, end_s=15)], {}, 60)
    assert asked == ["bad", "all", "bad/pay", "all/pay"]


def read(*, broken: bool, cursor: Json | None = None, index: int = 0) -> Batch:
    """One window, in which the source gives up at the part's queries, or not."""
    source = shop().source

    def fetch(query: Query) -> Answer:
        if broken and query.selector.matchers:
            slow = Missing(reason=MissingReason.SOURCE_SLOW, detail="took too long")
            return Answer(text="", took_ms=0.0, series=slow)
        return source._fetch(query)

    window = Window(index=index, start_s=15.0 * index, end_s=15.0 * index + 15.0)
    return read_windows(fetch, [WHOLE, where("/pay")], [window], cursor or {}, 60)


def test_a_source_that_gives_up_at_parts_is_not_in_trouble() -> None:
    batch = read(broken=True)
    assert batch.trouble is None
    (readings,) = batch.readings
    assert counted(readings["errors"])[0].total == 40
    part = readings[where("/pay").name]
    assert isinstance(part, Missing)
    assert part.reason is MissingReason.SOURCE_SLOW


def test_a_part_that_was_not_read_goes_on_counting_later() -> None:
    first = read(broken=True)
    (readings,) = read(broken=False, cursor=first.cursor, index=1).readings
    assert counted(readings["errors"])[0] == Trials(bad=0, total=40)
    assert counted(readings[where("/pay").name])[0] == Trials(bad=0, total=10)


def scrapes() -> Iterator[Scrape]:
    """Two routes, one of an odd name, over five minutes; a window of 15 s has 10 and 30 requests an arm."""
    for tick in range(20):
        for version in ("v1", "v2"):
            for route, size in (("/pay", 1), ('/"odd"\\', 3)):
                labels = {"version": version, "route": route, "job": "app", "instance": "app:1"}
                at_s = NOW_S + 15.0 * tick
                yield Scrape(at_s, "bad_total", labels, tick * size)
                yield Scrape(at_s, "all_total", labels, 10 * tick * size)


@pytest.mark.slow
def test_a_real_prometheus_gives_each_value_its_own_counts(tmp_path: Path) -> None:
    def counter(name: str, metric: Metric) -> Selector:
        conditions = () if metric.segment is None else (metric.segment,)
        return Selector(name=name, matchers=conditions)

    metrics = [
        replace(metric, bad=counter("bad_total", metric), total=counter("all_total", metric))
        for metric in (WHOLE, where("/pay"), where('/"odd"\\'), where("/old"))
    ]
    start_s = NOW_S + 120.0
    windows = [Window(index=i, start_s=start_s + 15.0 * i, end_s=start_s + 15.0 * i + 15.0) for i in range(4)]
    with prometheus_with(scrapes(), tmp_path) as url:
        batch = PrometheusSource(PrometheusOptions(url=url)).read(metrics, windows, {})
    assert batch.trouble is None
    for readings in batch.readings:
        whole, pay, odd, old = (readings[metric.name] for metric in metrics)
        assert counted(whole) == (Trials(bad=4, total=40),) * 2
        assert counted(pay) == (Trials(bad=1, total=10),) * 2
        assert counted(odd) == (Trials(bad=3, total=30),) * 2
        assert isinstance(old, Missing)
        assert old.reason is MissingReason.NO_SERIES
