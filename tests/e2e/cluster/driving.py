"""Releases in the cluster, launched and driven by the real engine in this process, with its own database."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from engine import spec
from engine.adapters.clock import SystemClock
from engine.adapters.identity import person
from engine.core.evolve import replay
from engine.core.run import Run
from engine.core.target import Weights
from engine.driver import Driver, drive
from engine.launching import launch
from engine.ports import Snapshot, Store
from engine.wiring import assemble, open_store, prepare
from tests.e2e.cluster.bed.waiting import eventually

QUICK: Mapping[str, Any] = {"interval": "1s", "warm_up": "1s", "progress_deadline": "3s"}
ERRORS: Mapping[str, Any] = {"preset": "http_errors", "margin": {"absolute": "20pp"}, "dispersion": 1}
STEPS: Mapping[str, Any] = {"canary": {"steps": [20, 50], "hold": "4s", "floor": 50}}


@dataclass(frozen=True)
class Release:
    """A run that somebody drives."""

    store: Store
    run_id: str

    @property
    def snapshot(self) -> Snapshot:
        """The run as its log has it."""
        return self.store.load(self.run_id).snapshot

    @property
    def run(self) -> Run:
        """The run as its log has it."""
        return self.snapshot.run

    def await_that(self, what: str, is_so: Callable[[Run], bool], timeout_s: float = 90.0) -> Run:
        """The run as soon as it is as described."""

        def look() -> Run | None:
            snapshot = self.snapshot
            assert is_so(snapshot.run), f"{snapshot.run}\n{snapshot.reason}"
            return snapshot.run

        return eventually(look, timeout_s, what)

    def await_weights(self, treatment_pct: int) -> Run:
        """The run once it has recorded that it is there."""
        wanted = Weights.of(treatment_pct)
        return self.await_that(str(wanted), lambda run: run.weights == wanted and run.pending is None)

    def end(self) -> Run:
        """The run when it has ended; its log must tell the same."""
        run = self.await_that("an end", lambda run: run.phase.ended)
        assert replay(list(self.store.events(self.run_id))) == run
        return run


def document(
    name: str,
    target: Mapping[str, Any],
    *,
    strategy: Mapping[str, Any] = STEPS,
    metrics: Sequence[Mapping[str, Any]] = (ERRORS,),
    **more: Any,
) -> dict[str, Any]:
    """A quick experiment on this target."""
    body = {"target": target, "strategy": strategy, "metrics": list(metrics), **QUICK, **more}
    return {
        "apiVersion": "rampwise.dev/v1alpha1",
        "kind": "ReleaseExperiment",
        "metadata": {"name": name},
        "spec": body,
    }


@contextmanager
def driven(home: Path, experiment: Mapping[str, Any]) -> Iterator[Release]:
    """Launch it and drive it for the length of a block. `home` must be Rampwise's, `$RAMPWISE_HOME`.

    Raises:
        RampwiseError: it cannot be launched.
    """
    file = home / "experiment.yaml"
    file.write_text(yaml.safe_dump(dict(experiment), sort_keys=False), encoding="utf-8")
    store = open_store(f"sqlite:///{home / 'rampwise.sqlite3'}")
    clock = SystemClock()
    run_id = launch(prepare(spec.read(file)), store, clock, person(), "test")
    driver = Driver(
        store=store, assemble=lambda each: assemble(store, each, "test"), clock=clock, owner="test"
    )
    stop = threading.Event()
    engine = threading.Thread(target=drive, args=(driver, run_id, stop, lambda _: None, None), daemon=True)
    engine.start()
    try:
        yield Release(store, run_id)
    finally:
        stop.set()
        engine.join(30)
    assert not engine.is_alive(), "the engine does not stop"
