"""An engine killed at any step boundary of any tick leaves a run that ends as if nothing had happened."""

from collections.abc import Callable
from typing import Any

import pytest

from engine.core.events import Applied, Intended, Observed
from engine.core.evolve import replay
from engine.core.model import Experiment
from engine.core.run import Phase
from tests.engine.releases import ab, blue_green, launched
from tests.engine.world import RUN_ID, World, quick_experiment

pytestmark = pytest.mark.slow


class Killed(BaseException):
    """Stands in for SIGKILL: nothing in the engine may catch it."""


class Mortal:
    """Wraps a port; dies just before or just after the n-th outside call of the whole engine."""

    def __init__(self, port: Any, on_call: Callable[[str], None]) -> None:
        self._port = port
        self._on_call = on_call

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._port, name)
        if not callable(attribute):
            return attribute

        def called(*args: Any, **kwargs: Any) -> Any:
            self._on_call(f"before {name}")
            result = attribute(*args, **kwargs)
            self._on_call(f"after {name}")
            return result

        return called


class Fate:
    """Counts boundaries and kills at one of them, once."""

    def __init__(self, kill_at: int | None) -> None:
        self.kill_at = kill_at
        self.passed: list[str] = []

    def __call__(self, boundary: str) -> None:
        self.passed.append(boundary)
        if self.kill_at is not None and len(self.passed) == self.kill_at + 1:
            raise Killed(boundary)


def release(
    kill_at: int | None, experiment: Experiment, error_rates: tuple[float, ...]
) -> tuple[World, list[str]]:
    world = launched(experiment, error_rates)
    fate = Fate(kill_at)
    names = ("store", "target", "source", "gate", "prober")
    ports = {name: Mortal(getattr(world, name), fate) for name in names}
    for _ in range(200):
        try:
            snapshot = world.tick(**ports)
        except Killed:
            snapshot = world.tick()  # the new engine starts at once, with the same lease owner's name
        if snapshot.run.phase.ended:
            return world, fate.passed
        world.pass_time(10)
    raise AssertionError("never ended")


def readings(world: World) -> list[Any]:
    return [
        observation
        for event in world.events
        if isinstance(event.payload, Observed)
        for observation in event.payload.observations
    ]


@pytest.mark.parametrize(
    ("experiment", "error_rates", "phase"),
    [
        (quick_experiment(), (0.01, 0.01), Phase.PROMOTED),
        (quick_experiment(), (0.01, 0.25), Phase.ROLLED_BACK),
        (blue_green(), (0.01, 0.01), Phase.PROMOTED),
        (blue_green(), (0.01, 0.3), Phase.ROLLED_BACK),
        (ab(), (0.1, 0.4, 0.02), Phase.PROMOTED),
    ],
    ids=["good canary", "bad canary", "good colour", "bad colour", "one harmful of two treatments"],
)
def test_killed_at_any_step_boundary_the_run_ends_the_same(experiment, error_rates, phase):
    calm, boundaries = release(None, experiment, error_rates)
    final = calm.store.load(RUN_ID).snapshot
    assert final.run.phase is phase
    for kill_at in range(len(boundaries)):
        world, _ = release(kill_at, experiment, error_rates)
        after = world.store.load(RUN_ID).snapshot
        where = f"killed {boundaries[kill_at]} (call {kill_at})"
        assert (after.run.phase, after.run.ended_by) == (phase, final.run.ended_by), where
        assert world.target.applied == calm.target.applied, where
        assert readings(world) == readings(calm), where
        assert after.evidence == final.evidence, where
        assert replay(world.events) == after.run, where
        acts = [event.payload for event in world.events if isinstance(event.payload, Intended)]
        results = [event.payload for event in world.events if isinstance(event.payload, Applied)]
        assert [act.act.number for act in acts] == [result.act_number for result in results], where
