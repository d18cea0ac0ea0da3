"""Part 4: Prometheus is killed under healthy releases, ours and such with a background analysis."""

import signal
from dataclasses import dataclass

from tests.benchmarks.cluster import objects as of
from tests.benchmarks.cluster.bench import Bench
from tests.benchmarks.cluster.fleet import Fleet
from tests.benchmarks.cluster.programs import PROMETHEUS

AFTER_S = 60.0
"""How long it is looked at them after the end of the outage."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Survivors:
    """Releases that were healthy all the time, and those of them that kept their traffic."""

    name: str
    releases: int
    kept: int


def kill_prometheus(bench: Bench, ours: Fleet, theirs: Fleet) -> list[Survivors]:
    """Both fleets have their share and are well; SIGKILL, and a start on the same data after the outage."""
    outage_s = bench.sizes.outage_s
    bench.say(f"Prometheus is killed for {outage_s:g} s")
    bench.programs.end(PROMETHEUS, signal.SIGKILL)
    bench.wait(outage_s)
    bench.programs.start_prometheus()
    bench.wait(AFTER_S)
    return [
        Survivors(name=name, releases=len(fleet.names), kept=fleet.having(of.SHARE_PCT))
        for name, fleet in (("Rampwise", ours), ("Argo background analysis", theirs))
    ]
