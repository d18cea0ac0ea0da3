"""What processes used and servers were asked for, over a span of time. Changes nothing.

Processor time is that of /proc, with all descendants, in whole clock ticks; requests are what the API server
and Prometheus say of themselves.
"""

import os
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil
import requests
from prometheus_client.parser import text_string_to_metric_families

from tests.e2e.cluster.bed import layout as at
from tests.e2e.cluster.bed.layout import ADMIN_TOKEN, Layout

_TICK_S = 1.0 / os.sysconf("SC_CLK_TCK")
_MB = 1e6
WRITES = frozenset({"POST", "PUT", "PATCH", "APPLY", "DELETE", "DELETECOLLECTION"})
READS = frozenset({"GET", "LIST"})
_API_REQUESTS = "apiserver_request_total"
_QUERIES = "prometheus_http_requests_total"

Labels = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Of one program with its children since they started; `rss_mb` is now."""

    cpu_s: float
    rss_mb: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """All meters at one moment.

    Attributes:
        writes, reads: requests that the API server was asked for. queries: that Prometheus was.
    """

    at_s: float
    usage: Mapping[str, Usage]
    writes: float
    reads: float
    queries: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """What happened between two readings.

    Attributes:
        cpu_s: processor seconds by program. rss_mb: at the end.
    """

    seconds: float
    cpu_s: Mapping[str, float]
    rss_mb: Mapping[str, float]
    writes: float
    reads: float
    queries: float

    def cpu_per_s(self, *names: str) -> float:
        """Processors that these programs kept busy; all of them without names."""
        return sum(self.cpu_s[name] for name in names or self.cpu_s) / self.seconds


def between(before: Reading, after: Reading) -> Span:
    """The difference; only programs that ran all the time."""
    both = before.usage.keys() & after.usage.keys()
    return Span(
        seconds=after.at_s - before.at_s,
        cpu_s={
            name: after.usage[name].cpu_s - before.usage[name].cpu_s for name in after.usage if name in both
        },
        rss_mb={name: after.usage[name].rss_mb for name in after.usage if name in both},
        writes=after.writes - before.writes,
        reads=after.reads - before.reads,
        queries=after.queries - before.queries,
    )


def read(layout: Layout, pids: Mapping[str, int]) -> Reading:
    """All meters now; `pids` are the programs by name."""
    verbs = api_requests(layout)
    queries = prometheus_queries()
    usage = {name: used(pid) for name, pid in pids.items()}
    return Reading(
        at_s=time.time(),
        usage=usage,
        writes=sum(count for verb, count in verbs.items() if verb in WRITES),
        reads=sum(count for verb, count in verbs.items() if verb in READS),
        queries=queries,
    )


def used(pid: int) -> Usage:
    """Processor time and memory of a process and all its descendants, also those that have ended."""
    process = psutil.Process(pid)
    family = [process, *process.children(recursive=True)]
    return Usage(
        cpu_s=sum(_cpu_s(each.pid) for each in family),
        rss_mb=sum(each.memory_info().rss for each in family) / _MB,
    )


def _cpu_s(pid: int) -> float:
    """With what children used that have ended and been waited for."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    except FileNotFoundError:
        return 0.0
    return sum(map(int, fields[11:15])) * _TICK_S


def api_requests(layout: Layout) -> dict[str, float]:
    """Requests that the API server was asked for, by verb; not its own questions after its health."""
    url, headers = f"{at.API_URL}/metrics", {"Authorization": f"Bearer {ADMIN_TOKEN}"}
    answer = requests.get(url, headers=headers, timeout=60, verify=str(layout.api_certificate))
    answer.raise_for_status()
    found: dict[str, float] = {}
    for labels, value in samples(answer.text, _API_REQUESTS):
        if labels["resource"]:
            found[labels["verb"]] = found.get(labels["verb"], 0.0) + value
    return found


def prometheus_queries() -> float:
    """Queries that Prometheus was asked for, instant and range."""
    answer = requests.get(f"{at.PROMETHEUS_URL}/metrics", timeout=60)
    answer.raise_for_status()
    wanted = {"/api/v1/query", "/api/v1/query_range"}
    return sum(value for labels, value in samples(answer.text, _QUERIES) if labels["handler"] in wanted)


def samples(text: str, name: str) -> Iterable[tuple[Labels, float]]:
    """The samples of one counter in a text of many, most of which nobody looks at."""
    own = [line for line in text.splitlines() if line.startswith((f"{name}{{", f"{name} "))]
    for each in text_string_to_metric_families("\n".join([*own, ""])):
        for sample in each.samples:
            yield sample.labels, sample.value


def median_min_max(values: Sequence[float]) -> tuple[float, float, float]:
    """What the tables of times show."""
    ordered = sorted(values)
    middle = len(ordered) // 2
    median = ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2
    return median, ordered[0], ordered[-1]
