"""What is read from processes and servers."""

import os
import subprocess
import sys

import pytest

from tests.benchmarks.cluster.meters import Reading, Usage, between, median_min_max, samples, used

TEXT = """# HELP apiserver_request_total Counter
# TYPE apiserver_request_total counter
apiserver_request_total{resource="pods",verb="PATCH"} 3
apiserver_request_total{resource="pods",verb="GET"} 4e+01
apiserver_request_total_other{verb="GET"} 7
rampwise_tick_seconds_count 12
"""


def reading(at_s: float, **cpu_s: float) -> Reading:
    usage = {name: Usage(cpu_s=value, rss_mb=10.0) for name, value in cpu_s.items()}
    return Reading(at_s=at_s, usage=usage, writes=at_s, reads=2 * at_s, queries=3 * at_s)


def test_only_the_counter_that_is_asked_for_is_read() -> None:
    found = [(labels["verb"], value) for labels, value in samples(TEXT, "apiserver_request_total")]
    assert found == [("PATCH", 3.0), ("GET", 40.0)]
    assert [value for _, value in samples(TEXT, "rampwise_tick_seconds_count")] == [12.0]


def test_a_span_has_the_programs_that_ran_all_the_time() -> None:
    span = between(reading(10.0, ours=1.0, gone=5.0), reading(40.0, ours=7.0, new=9.0))
    assert dict(span.cpu_s) == {"ours": 6.0}
    assert (span.seconds, span.writes, span.reads, span.queries) == (30.0, 30.0, 60.0, 90.0)


def test_children_that_have_ended_are_counted() -> None:
    busy = "import time\nwhile time.process_time() < 0.3: pass"
    before = used(os.getpid()).cpu_s
    subprocess.run([sys.executable, "-c", busy], check=True)
    # Processes are counted in whole ticks of the clock, user and system time apart.
    assert used(os.getpid()).cpu_s - before >= 0.25


@pytest.mark.parametrize(("values", "median"), [([3.0, 1.0, 2.0], 2.0), ([4.0, 1.0, 2.0, 3.0], 2.5)])
def test_the_median_is_the_middle(values: list[float], median: float) -> None:
    assert median_min_max(values) == (median, min(values), max(values))
