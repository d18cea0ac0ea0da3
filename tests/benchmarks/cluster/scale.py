"""Part 1: a thousand experiments at once, beside as many AnalysisRuns of Argo's on the same signals."""

import shutil
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import psutil
import requests

from tests import postgresql
from tests.benchmarks.cluster import meters
from tests.benchmarks.cluster import objects as of
from tests.benchmarks.cluster.bench import Bench
from tests.benchmarks.cluster.events import Log, log_of
from tests.benchmarks.cluster.programs import ARGO, OURS

DATABASE = "PostgreSQL"
RAISED = ("--qps", "1000", "--burst", "2000")
METRICS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One way to drive them.

    Attributes:
        achieved: evaluations as a share of those that were due. durable: likewise, found in the database, or
            in the status of AnalysisRuns. None where nobody drives.
        notes: what else was seen.
    """

    name: str
    span: meters.Span
    interval_s: int
    achieved: float | None = None
    durable: float | None = None
    notes: str = ""

    @property
    def cpu_per_cycle_s(self) -> Mapping[str, float]:
        """Processor seconds per interval, by program."""
        cycles = self.span.seconds / self.interval_s
        return {name: used / cycles for name, used in self.span.cpu_s.items()}


def prepare(bench: Bench) -> None:
    """Services, pods and routes, and what is counted for them."""
    sizes, bulk = bench.sizes, bench.bulk
    pairs = range(sizes.pairs)
    bulk.make(of.paths("services"), (each for pair in pairs for each in of.services(pair)))
    bulk.make(of.paths("pods"), (each for pair in pairs for each in of.pods(pair)))
    bench.count_for([of.route_pair(number, sizes.pairs) for number in range(sizes.experiments)])


def put_back(bench: Bench, numbers: range) -> None:
    """These routes as they are before a release."""
    routes = [of.http_route(number, bench.sizes.pairs) for number in numbers]
    path = of.paths("httproutes")
    bench.bulk.make(path, routes)
    bench.bulk.each(
        lambda route: bench.bulk.api.merge(f"{path}/{route['metadata']['name']}", {"spec": route["spec"]}),
        routes,
    )
    names = {route["metadata"]["name"] for route in routes}
    bench.until(lambda: _taken(bench, names), len(routes), "routes are taken by the gateway")


def _taken(bench: Bench, names: Collection[str]) -> int:
    return sum(
        parent["conditions"][0]["observedGeneration"] == route["metadata"]["generation"]
        for route in bench.bulk.api.get(of.paths("httproutes"))["items"]
        if route["metadata"]["name"] in names
        for parent in route.get("status", {}).get("parents", ())
    )


def nobody(bench: Bench) -> Row:
    """What the stack needs without anybody who drives, above all for scraping."""
    bench.wait(bench.sizes.settle_s)
    span = bench.measured(bench.sizes.measure_s / 2, {})
    return Row(name="nobody", span=span, interval_s=bench.sizes.interval_s)


@contextmanager
def driven(bench: Bench, database: str, folder: str) -> Iterator[Log]:
    """All experiments driven by our controller, at their first step, for the length of a block."""
    numbers = range(bench.sizes.experiments)
    put_back(bench, numbers)
    path, home = of.paths("releaseexperiments"), bench.folder / folder
    with bench.programs.ours(database, home), log_of(database) as log:
        bench.bulk.make(path, (of.experiment(n, bench.sizes.pairs, bench.sizes.interval_s) for n in numbers))
        bench.say(f"{len(numbers)} experiments are applied")
        bench.until(log.shifted, len(numbers), "experiments have traffic")
        yield log
    bench.bulk.clear(path)
    shutil.rmtree(home)


@contextmanager
def postgresql_database() -> Iterator[tuple[str, int]]:
    """A database of a server that keeps what it says is kept, and the server's pid."""
    with postgresql.server(durable=True) as url:
        [server] = [each for each in psutil.Process().children() if each.name() == "postgres"]
        yield postgresql.new_database(url, "rampwise"), server.pid


def ours(bench: Bench, log: Log, name: str, pids: Mapping[str, int]) -> Row:
    """Our controller's row, while it drives."""
    sizes = bench.sizes
    bench.wait(sizes.settle_s)
    bench.say(f"measuring {name} for {sizes.measure_s:g} s")
    ticks, slow = _ticks(bench), _trouble(bench)
    span = bench.measured(sizes.measure_s, {OURS: bench.programs.pid(OURS), **pids})
    done = _ticks(bench) - ticks
    ended_s = time.time()
    kept = log.kept(ended_s - span.seconds, ended_s)
    due = sizes.experiments * span.seconds / sizes.interval_s
    phases = ", ".join(f"{count} {phase}" for phase, count in sorted(log.phases().items()))
    notes = f"{phases}; windows recorded {kept.windows / due:.1%}; trouble {_trouble(bench) - slow:.0f}"
    return Row(
        name=name,
        span=span,
        interval_s=sizes.interval_s,
        achieved=done / due,
        durable=kept.ticks / due,
        notes=notes,
    )


def _ticks(bench: Bench) -> float:
    return sum(value for _, value in meters.samples(_own_metrics(bench), "rampwise_tick_seconds_count"))


def _trouble(bench: Bench) -> float:
    text = _own_metrics(bench)
    names = ("rampwise_tick_errors_total", "rampwise_query_errors_total")
    return sum(value for name in names for _, value in meters.samples(text, name))


def _own_metrics(bench: Bench) -> str:
    return requests.get(f"{bench.programs.url(OURS)}/metrics", timeout=60).text


@contextmanager
def analysed(bench: Bench) -> Iterator[None]:
    """As many AnalysisRuns, for the length of a block; the Rollouts controller must run."""
    path, sizes = of.paths("analysisruns"), bench.sizes
    pairs = [of.route_pair(number, sizes.pairs) for number in range(sizes.experiments)]
    runs = [of.analysis_run(number, pair, sizes.interval_s) for number, pair in enumerate(pairs)]
    bench.bulk.make(path, runs)
    bench.until(lambda: _begun(bench), len(runs), "AnalysisRuns have measured")
    yield
    bench.bulk.clear(path)


def _begun(bench: Bench) -> int:
    return sum("metricResults" in each.get("status", {}) for each in _analysis_runs(bench))


def _analysis_runs(bench: Bench) -> list[of.Object]:
    """Those of this part; Rollouts have some of their own."""
    listed = bench.bulk.api.get(of.paths("analysisruns"))["items"]
    return [each for each in listed if each["metadata"]["name"].startswith("shop-")]


def argo(bench: Bench, name: str) -> Row:
    """The Rollouts controller's row, while AnalysisRuns go on."""
    sizes = bench.sizes
    bench.wait(sizes.settle_s)
    bench.say(f"measuring {name} for {sizes.measure_s:g} s")
    began_s, before = time.time(), _measurements(bench)
    span = bench.measured(sizes.measure_s, {ARGO: bench.programs.pid(ARGO)})
    ended_s, after = time.time(), _measurements(bench)
    due = METRICS * sizes.experiments * (ended_s - began_s) / sizes.interval_s
    phases: dict[str, int] = {}
    for each in _analysis_runs(bench):
        phase = each.get("status", {}).get("phase", "Pending")
        phases[phase] = phases.get(phase, 0) + 1
    shown = ", ".join(f"{count} {phase}" for phase, count in sorted(phases.items()))
    share = (after - before) / due
    return Row(name=name, span=span, interval_s=sizes.interval_s, achieved=share, durable=share, notes=shown)


def _measurements(bench: Bench) -> int:
    return sum(
        sum(result.get(kind, 0) for kind in ("successful", "failed", "inconclusive", "error"))
        for each in _analysis_runs(bench)
        for result in each.get("status", {}).get("metricResults", ())
    )
