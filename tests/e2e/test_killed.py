"""SIGKILL at random times, under real load: no act is lost or doubled, no window counted twice."""

import random
import signal
import time

import pytest

from analysis import evaluate
from engine.core.events import Applied, Intended, Observed
from engine.core.evolve import replay
from engine.core.run import Phase, Run
from engine.wiring import load_experiment
from tests.e2e.conftest import Site

KILLS = 5
LONGEST_S = 240.0


def run_of(site: Site) -> Run:
    (stored,) = site.store.runs()
    return stored.snapshot.run


def wait_for_end(site: Site, until_s: float) -> Run:
    while time.monotonic() < until_s:
        run = run_of(site)
        if run.phase.ended:
            return run
        time.sleep(0.2)
    raise AssertionError(site.told(run_of(site)))


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize(("error_rate", "phase"), [(0.0, Phase.PROMOTED), (0.3, Phase.ROLLED_BACK)])
def test_an_engine_killed_at_random_times_finishes_the_run(site, error_rate, phase):
    site.platform.set("checkout", "v2", error_rate=error_rate)
    launched = site.call("launch", str(site.experiment()))
    assert launched.returncode == 0, launched.stderr
    chance = random.Random()
    until_s = time.monotonic() + LONGEST_S
    for _ in range(KILLS):
        engine = site.start("serve")
        time.sleep(chance.uniform(1.0, 4.0))
        engine.send_signal(signal.SIGKILL)
        assert engine.wait(10) == -signal.SIGKILL
    site.start("serve")
    run = wait_for_end(site, until_s)
    events = list(site.store.events(run.id))
    assert run.phase is phase, site.told(run)
    assert replay(events) == run
    meant = [event.payload.act.number for event in events if isinstance(event.payload, Intended)]
    done = [
        event.payload.act_number
        for event in events
        if isinstance(event.payload, Applied) and event.payload.ok
    ]
    assert meant == done == list(range(1, len(meant) + 1))
    assert site.platform.status().routes["checkout"]["v2"] == run.weights.treatment
    assert_each_window_counted_once_and_makes_the_evidence(site, run, events)


def assert_each_window_counted_once_and_makes_the_evidence(site: Site, run: Run, events: list) -> None:
    stored = site.store.load(run.id)
    experiment = load_experiment(stored)
    observations = [
        observation
        for event in events
        if isinstance(event.payload, Observed)
        for observation in event.payload.observations
    ]
    assert [each.window.index for each in observations] == list(range(len(observations)))
    folded = evaluate.update(experiment, evaluate.start(experiment), observations)
    assert folded.to_plain() == stored.snapshot.evidence
