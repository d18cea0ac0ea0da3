"""An object in a cluster in memory, and everything that makes a run of it."""

from typing import Any

import yaml

from engine.adapters.kubernetes.fake import FakeCluster
from engine.cli.session import a_driver
from engine.controller.reconciler import Reconciler
from engine.controller.resource import EXPERIMENTS, wanted
from tests.cli.desk import EXPERIMENT, Desk

SPEC = yaml.safe_load(EXPERIMENT)["spec"]


class World:
    def __init__(self, desk: Desk) -> None:
        self.desk, self.cluster, self.store = desk, FakeCluster(), desk.store
        self.driver = a_driver(self.store, "controller")
        self.reconciler = self.a_reconciler()
        self.put()

    def a_reconciler(self) -> Reconciler:
        made = Reconciler(cluster=self.cluster, store=self.store, clock=self.desk.clock, place="pod-1")
        made.learn()
        return made

    def put(self, uid: str = "u-1", **spec: Any) -> None:
        meta = {"namespace": "shop", "name": "checkout", "uid": uid, "generation": 1}
        self.cluster.put(EXPERIMENTS, {"metadata": meta, "spec": {**SPEC, **spec}})

    def change(self, **meta: Any) -> None:
        manifest = self.manifest
        manifest["metadata"] |= meta
        self.cluster.put(EXPERIMENTS, manifest)

    @property
    def manifest(self) -> dict[str, Any]:
        return self.cluster.get(EXPERIMENTS, "shop", "checkout")

    @property
    def status(self) -> dict[str, Any]:
        return self.manifest["status"]

    def condition(self, kind: str) -> tuple[str, str]:
        [found] = [each for each in self.status["conditions"] if each["type"] == kind]
        return found["status"], found["message"]

    def look(self) -> float | None:
        return self.reconciler.reconcile(wanted(self.manifest))

    def tick(self, times: int = 1) -> None:
        for _ in range(times):
            self.desk.clock.at_s += 10
            for run_id in self.store.active():
                self.driver.step(run_id)
