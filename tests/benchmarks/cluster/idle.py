"""Part 2: ten thousand experiments that are over or wait, and a controller that begins with them.

One run is real; the others are its copies, in the database and as objects, under names of their own.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import create_engine, insert, select

from engine.adapters.store.tables import EVENTS, RUNS
from tests.benchmarks.cluster import meters, scale
from tests.benchmarks.cluster import objects as of
from tests.benchmarks.cluster.bench import Bench
from tests.benchmarks.cluster.events import log_of
from tests.benchmarks.cluster.programs import OURS
from tests.e2e.cluster.bed.waiting import eventually

FIRST = "shop-0"
_PATH = of.paths("releaseexperiments")
_NO_ROUTE = "not-there"
_AT_REST_CPU = 0.1
_LOOK_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """A controller's start beside many objects.

    Attributes:
        reconciled_s: until every object had been looked at. rest_s: until it kept less than a tenth of a
            processor busy. reads, writes: requests to the API server until then. idle: from then on.
    """

    ended: int
    waiting: int
    reconciled_s: float
    rest_s: float
    cpu_s: float
    reads: float
    writes: float
    rss_mb: float
    idle: meters.Span


def measure(bench: Bench) -> Start:
    """Make them, start the controller, and look."""
    home = bench.folder / "idle"
    home.mkdir()
    database = f"sqlite:///{home / 'rampwise.sqlite3'}"
    scale.put_back(bench, range(1))
    first = _one_that_ends(bench, database)
    _copies(bench, database, first)
    names = [f"waits-{number}" for number in range(bench.sizes.waiting)]
    bench.bulk.make(_PATH, (_named(_NO_ROUTE, name) for name in names))
    bench.say("starting the controller beside them")
    before, began_s = meters.api_requests(bench.cluster.layout), time.monotonic()
    with bench.programs.ours(database, home):
        # The controller takes objects in the order of their names, so that these are the last.
        bench.until(lambda: _told(bench), len(names), "experiments that wait are told why")
        reconciled_s = time.monotonic() - began_s
        rest_s = _until_at_rest(bench, began_s)
        after = meters.api_requests(bench.cluster.layout)
        used = meters.used(bench.programs.pid(OURS))
        idle = bench.measured(bench.sizes.measure_s / 2, {OURS: bench.programs.pid(OURS)})
    return Start(
        ended=bench.sizes.ended,
        waiting=len(names),
        reconciled_s=reconciled_s,
        rest_s=rest_s,
        cpu_s=used.cpu_s,
        reads=_sum(after, meters.READS) - _sum(before, meters.READS),
        writes=_sum(after, meters.WRITES) - _sum(before, meters.WRITES),
        rss_mb=used.rss_mb,
        idle=idle,
    )


def _one_that_ends(bench: Bench, database: str) -> of.Object:
    """A real experiment, launched and stopped."""
    path = f"{_PATH}/{FIRST}"
    with bench.programs.ours(database, bench.folder / "idle"), log_of(database) as log:
        bench.bulk.api.ensure(_PATH, _named(FIRST, FIRST))
        bench.until(log.shifted, 1, "experiment has traffic")
        bench.bulk.api.merge(path, {"metadata": {"annotations": {"rampwise.dev/command": "stop"}}})
        return eventually(lambda: _stopped(bench.bulk.api.get(path)), what="it has stopped")


def _stopped(found: of.Object) -> of.Object | None:
    ended = found.get("status", {}).get("phase") == "stopped"
    return found if ended and not found["metadata"].get("finalizers") else None


def _copies(bench: Bench, database: str, first: of.Object) -> None:
    """Objects and runs like the first one."""
    names = [f"over-{number}" for number in range(bench.sizes.ended)]
    bench.bulk.make(_PATH, (_named(FIRST, name) for name in names))
    listed = bench.bulk.api.get(_PATH)["items"]
    uids = {each["metadata"]["name"]: each["metadata"]["uid"] for each in listed}
    bench.say(f"{len(names)} experiments are applied")
    told = {name: _renamed(first["status"], _swaps(first, name, uids[name])) for name in names}
    bench.bulk.each(
        lambda name: bench.bulk.api.merge(f"{_PATH}/{name}/status", {"status": told[name]}), names
    )
    engine = create_engine(database)
    with engine.begin() as connection:
        [run] = [dict(row) for row in connection.execute(select(RUNS)).mappings()]
        events = [dict(row) for row in connection.execute(select(EVENTS)).mappings()]
        for name in names:
            swaps = _swaps(first, name, uids[name])
            connection.execute(insert(RUNS), [_renamed(run, swaps)])
            connection.execute(insert(EVENTS), [_renamed(each, swaps) for each in events])
    engine.dispose()
    bench.say(f"{len(names)} runs are in the database")


def _swaps(first: of.Object, name: str, uid: str) -> Mapping[str, str]:
    """Texts of the first one, and what stands in their place in its copy."""
    return {
        first["status"]["run"]: f"{of.NAMESPACE}--{name}-0000",
        f"{of.NAMESPACE}--{FIRST}": f"{of.NAMESPACE}--{name}",
        first["metadata"]["uid"]: uid,
    }


def _renamed(value: Any, swaps: Mapping[str, str]) -> Any:
    match value:
        case str():
            for old, new in swaps.items():
                value = value.replace(old, new)
            return value
        case dict():
            return {key: _renamed(each, swaps) for key, each in value.items()}
        case list():
            return [_renamed(each, swaps) for each in value]
        case _:
            return value


def _named(route: str, name: str) -> of.Object:
    """An experiment on this route."""
    found = of.experiment(0, 1, 10)
    found["metadata"]["name"] = name
    found["spec"]["target"]["http_route"]["route"] = route
    return found


def _told(bench: Bench) -> int:
    listed = bench.bulk.api.get(_PATH)["items"]
    waiting = (each for each in listed if each["metadata"]["name"].startswith("waits-"))
    return sum("conditions" in each.get("status", {}) for each in waiting)


def _until_at_rest(bench: Bench, began_s: float) -> float:
    """Seconds from the start until a second in which it did hardly anything."""
    before = meters.used(bench.programs.pid(OURS)).cpu_s
    while True:
        looked_s = time.monotonic()
        bench.wait(_LOOK_S)
        now = meters.used(bench.programs.pid(OURS)).cpu_s
        if now - before < _AT_REST_CPU * _LOOK_S:
            return looked_s - began_s
        before = now


def _sum(counts: Mapping[str, float], verbs: frozenset[str]) -> float:
    return sum(count for verb, count in counts.items() if verb in verbs)
