"""`make bench-cluster`: the engine in a cluster beside the real Argo Rollouts, as numbers beside their goals.

Runs inside `tools/rampwise-cluster`. OPTS choose parts and sizes; `--quick` is for trying it.
"""

import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from tests.benchmarks.cluster import idle, outage, scale
from tests.benchmarks.cluster import objects as of
from tests.benchmarks.cluster.bench import Bench
from tests.benchmarks.cluster.bulk import Bulk
from tests.benchmarks.cluster.fleet import Fleet, Trial
from tests.benchmarks.cluster.page import Results, markdown
from tests.benchmarks.cluster.programs import PROMETHEUS, Programs, without_the_rest
from tests.benchmarks.cluster.sizes import Sizes, chosen
from tests.benchmarks.cluster.story import page
from tests.e2e.cluster.bed.api import Api
from tests.e2e.cluster.bed.client import Cluster

ZERO_WITHIN_S = 180.0
ANALYSIS = "Argo background analysis"
DECLARED = {"dispersion": 1.0}
"""True of the requests here, which are independent; in life it comes from `rampwise calibrate`."""


@contextmanager
def standing(sizes: Sizes) -> Iterator[Bench]:
    """The cluster with what all parts need."""
    cluster = Cluster.here()
    with tempfile.TemporaryDirectory(prefix="rampwise-bench-") as name, without_the_rest(cluster):
        folder = Path(name)
        programs = Programs(cluster, folder)
        bench = Bench(cluster, Bulk(Api(cluster.layout)), programs, sizes, folder, time.monotonic())
        bench.install()
        with programs.world():
            programs.start_prometheus()
            try:
                yield bench
            finally:
                programs.end(PROMETHEUS)


def run(bench: Bench, results: Results) -> None:
    """All chosen parts, those that need the same things together."""
    sizes = bench.sizes
    ours = _fleet(bench, "ours", sizes.trials, known=DECLARED)
    theirs = _fleet(bench, "argo", sizes.trials, analysed=True)
    if "reaction" in sizes.parts or "outage" in sizes.parts:
        _attempt(results, "reaction and outage", partial(quiet, bench, results, ours, theirs))
    scale.prepare(bench)
    for name in sizes.rows if "scale" in sizes.parts else ():
        fleet = theirs if name == "argo" else ours
        _attempt(results, name, partial(ROWS[name], bench, results, fleet))
    if "idle" in sizes.parts:
        _attempt(results, "idle", partial(_idle, bench, results))


def _attempt(results: Results, name: str, part: Callable[[], None]) -> None:
    """What does not come about in time is a result, too, and no reason to measure nothing else."""
    try:
        part()
    except AssertionError as error:
        results.failures.append(f"{name}: {error}")


def _idle(bench: Bench, results: Results) -> None:
    results.start = idle.measure(bench)


def quiet(bench: Bench, results: Results, ours: Fleet, theirs: Fleet) -> None:
    """Reaction and outage with nothing else in the cluster."""
    sizes = bench.sizes
    young = _fleet(bench, "young", sizes.trials)
    healthy = [
        _fleet(bench, "ours-well", sizes.healthy, known=DECLARED),
        _fleet(bench, "argo-well", sizes.healthy, analysed=True),
    ]
    # Background analyses come last, so that their first minutes are as healthy as the others'.
    fleets = [*healthy, *((ours, young, theirs) if "reaction" in sizes.parts else ())]
    with bench.programs.argo(), bench.programs.ours(_sqlite(bench, "quiet"), bench.folder / "quiet"):
        for step in (Fleet.set_up, Fleet.deploy, Fleet.go):
            for fleet in fleets:
                step(fleet)
        bench.say(f"all is well for {sizes.healthy_s:g} s")
        bench.wait(sizes.healthy_s)
        if "reaction" in sizes.parts:
            _react(results, ours, young, theirs)
        if "outage" in sizes.parts:
            results.survivors = outage.kill_prometheus(bench, *healthy)
    for fleet in fleets:
        if fleet not in (ours, theirs):
            fleet.remove()
    bench.bulk.clear(of.paths("releaseexperiments"))


def _react(results: Results, ours: Fleet, young: Fleet, theirs: Fleet) -> None:
    results.trials["Rampwise"] = ours.break_all(ZERO_WITHIN_S)
    with ThreadPoolExecutor(1) as other:
        slow = other.submit(young.break_all, ZERO_WITHIN_S)
        results.trials[ANALYSIS] = theirs.break_all(ZERO_WITHIN_S)
        results.trials["Rampwise, without history"] = slow.result()


def _fleet(
    bench: Bench, kind: str, size: int, *, analysed: bool = False, known: Mapping[str, float] | None = None
) -> Fleet:
    return Fleet(bench, [f"{kind}-{number}" for number in range(size)], analysed, known or {})


def _sqlite(bench: Bench, folder: str) -> str:
    (bench.folder / folder).mkdir()
    return f"sqlite:///{bench.folder / folder / 'rampwise.sqlite3'}"


def _nobody(bench: Bench, results: Results, _: Fleet) -> None:
    results.rows.append(scale.nobody(bench))


def _with_sqlite(bench: Bench, results: Results, fleet: Fleet) -> None:
    with scale.driven(bench, _sqlite(bench, "sqlite"), "sqlite") as log:
        results.rows.append(scale.ours(bench, log, "Rampwise, SQLite", {}))
        if "reaction" in bench.sizes.parts:
            with bench.programs.argo():
                fleet.deploy()
                results.trials[_beside("Rampwise", bench)] = _broken(bench, fleet)


def _with_postgresql(bench: Bench, results: Results, _: Fleet) -> None:
    with scale.postgresql_database() as (url, pid), scale.driven(bench, url, "postgresql") as log:
        results.rows.append(scale.ours(bench, log, "Rampwise, PostgreSQL", {scale.DATABASE: pid}))


def _argo(bench: Bench, results: Results, fleet: Fleet) -> None:
    with bench.programs.argo():
        if "reaction" in bench.sizes.parts:
            fleet.deploy()
        with scale.analysed(bench):
            results.rows.append(scale.argo(bench, "Argo, default flags"))
            if "reaction" in bench.sizes.parts:
                results.trials[_beside(ANALYSIS, bench)] = _broken(bench, fleet)


def _argo_raised(bench: Bench, results: Results, _: Fleet) -> None:
    with bench.programs.argo(*scale.RAISED), scale.analysed(bench):
        results.rows.append(scale.argo(bench, f"Argo, {' '.join(scale.RAISED)}"))


def _broken(bench: Bench, fleet: Fleet) -> list[Trial]:
    fleet.go()
    bench.wait(bench.sizes.healthy_s)
    return fleet.break_all(ZERO_WITHIN_S)


def _beside(name: str, bench: Bench) -> str:
    return f"{name}, beside {bench.sizes.experiments:,}"


ROWS: dict[str, Callable[[Bench, Results, Fleet], None]] = {
    "nobody": _nobody,
    "sqlite": _with_sqlite,
    "postgresql": _with_postgresql,
    "argo": _argo,
    "argo-raised": _argo_raised,
}


def main() -> None:
    """Measure, print, and write the page if asked to."""
    sizes = chosen(sys.argv[1:])
    results = Results(sizes)
    with standing(sizes) as bench:
        try:
            run(bench, results)
        finally:
            bench.say("what was measured:")
            print(markdown(results))
    if sizes.out is not None:
        sizes.out.write_text(page(results), encoding="utf-8")


if __name__ == "__main__":
    main()
