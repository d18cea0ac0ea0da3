"""Two engines on one database: every window and every act exactly once, whoever drives."""

import time

import pytest

from engine.core.events import Applied, Intended, Observed
from engine.core.evolve import replay
from engine.core.run import Phase
from tests.e2e.conftest import Site


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_two_engines_never_both_drive_a_run(site: Site):
    for _ in range(2):
        site.start("serve")
    launched = site.call("launch", str(site.experiment()))
    assert launched.returncode == 0, launched.stderr
    until_s = time.monotonic() + 200
    (stored,) = site.store.runs()
    while not stored.snapshot.run.phase.ended and time.monotonic() < until_s:
        time.sleep(0.2)
        (stored,) = site.store.runs()
    run = stored.snapshot.run
    events = list(site.store.events(run.id))
    assert run.phase is Phase.PROMOTED, site.told(run)
    assert replay(events) == run
    meant = [event.payload.act.number for event in events if isinstance(event.payload, Intended)]
    done = [event.payload.act_number for event in events if isinstance(event.payload, Applied)]
    assert meant == done == [1, 2, 3, 4]
    windows = [
        observation.window.index
        for event in events
        if isinstance(event.payload, Observed)
        for observation in event.payload.observations
    ]
    assert windows == list(range(len(windows)))
