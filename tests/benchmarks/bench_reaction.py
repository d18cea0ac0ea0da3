"""From the tick that sees crossing evidence until the real proxy routes nothing to the treatment. Goal: 1 s.

A real Traefik with real load; the evidence is put in by hand, so that only the engine's part is timed.
"""

import statistics
import tempfile
import time
from pathlib import Path

import requests

from engine.adapters.store import open_store
from engine.adapters.traefik import LocalTarget
from engine.core.run import Phase
from engine.core.target import Weights
from engine.local.platform import LocalPlatform
from engine.local.shape import Shape
from tests.engine.world import FakeClock, World, quick_experiment

GOAL_S = 1.0
TRIALS = 10


def reaction_s(target: LocalTarget, url: str, directory: Path) -> tuple[float, float]:
    """Seconds until the tick returned, and until the last answer from the treatment before fifty without."""
    world = World(
        experiment=quick_experiment(control="v1", treatment="v2"),
        clock=FakeClock(time.time() + 60),  # later than the real versions' start
        store=open_store(f"sqlite:///{directory / 'bench.sqlite3'}"),
    )
    world.launch()
    ports = {"target": target}
    while world.tick(**ports).run.step < 0:
        world.target.weights = Weights.of(10)
        world.pass_time(10)
    world.error_rates = (0.0, 0.9)
    world.pass_time(60)
    began_s = time.perf_counter()
    snapshot = world.tick(**ports)
    ticked_s = time.perf_counter() - began_s
    assert snapshot.run.phase is Phase.ROLLED_BACK, snapshot.run
    clean_since_s, in_a_row = ticked_s, 0
    while in_a_row < 50:
        in_a_row += 1
        if "v1" not in requests.get(url, timeout=2).text:
            clean_since_s, in_a_row = time.perf_counter() - began_s, 0
    return ticked_s, clean_since_s


def main() -> None:
    """Print the distribution over trials."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        shape = Shape(rate_per_s=100.0, sessions=20, duration_s=120.0)
        with LocalPlatform(directory / "platform", shape) as platform:
            options = LocalTarget.Options(
                service="checkout", control="v1", treatment="v2", platform=str(platform.directory)
            )
            target = LocalTarget(options)
            both = []
            for trial in range(TRIALS):
                target.apply(Weights.of(0))
                place = directory / str(trial)
                place.mkdir()
                both.append(reaction_s(target, platform.url("checkout"), place))
    ticked, routed = ([pair[place] for pair in both] for place in (0, 1))
    print(f"crossing evidence to rollback, {TRIALS} trials (goal {GOAL_S:g} s)     median      max")
    for what, times_s in (("tick returned", ticked), ("proxy routes nothing to it", routed)):
        print(f"{what:<48}{statistics.median(times_s):8.3f} {max(times_s):8.3f} s")


if __name__ == "__main__":
    main()
