"""A whole release in memory: target, source, gate and clock behave like real ones, without waiting."""

import random
from dataclasses import dataclass, field, replace

from analysis import evaluate
from analysis.sources.fake import FakeOptions, FakeSource
from engine.adapters.fakes import FakeProber, FakeTarget, FakeTargetOptions
from engine.adapters.fakes_store import MemoryStore
from engine.core.events import ENGINE, Event, Launched
from engine.core.evolve import launch
from engine.core.gate import GateState, GateStatus
from engine.core.model import Bound, Experiment
from engine.core.plan import Plan, Step
from engine.ports import Snapshot, Store
from engine.runner import LEASE_S, Parts, tick
from strategies.ab import Ab
from strategies.blue_green import BlueGreen
from strategies.canary import Canary
from tests.builders import NOW_S, a_gate, a_metric, an_experiment

RUN_ID = "checkout-v2-1"


def quick_experiment(**changes) -> Experiment:
    """Ten-second windows, three short steps, a margin that a thousand requests can show."""
    settings = {
        "metrics": (a_metric(margin=Bound(relative=0.5, absolute=0.03)),),
        "plan": Plan(
            strategy="canary",
            steps=tuple(Step(weight_pct=pct, hold_s=30, floor=50) for pct in (10, 30, 50)),
        ),
        "interval_s": 10.0,
        "warm_up_s": 0.0,
        **changes,
    }
    return an_experiment(**settings)


STRATEGIES = {"canary": Canary, "blue_green": BlueGreen, "ab": Ab}


@dataclass
class FakeClock:
    at_s: float = NOW_S

    def now_s(self) -> float:
        return self.at_s


@dataclass
class FakeGate:
    status: GateStatus = GateStatus.OPEN

    def read(self) -> GateState:
        return a_gate(self.status)


@dataclass
class World:
    """Traffic flows by the target's weights; every pass of time scrapes it into the source.

    Attributes:
        error_rates: of control and of each treatment, in order.
        split: shares that visitors really get, where the router does not keep to its weights.
    """

    experiment: Experiment = field(default_factory=quick_experiment)
    error_rates: tuple[float, ...] = (0.01, 0.01)
    requests_per_s: int = 100
    store: Store = field(default_factory=MemoryStore)
    prober: FakeProber = field(default_factory=FakeProber)
    target: FakeTarget = field(init=False)
    gate: FakeGate = field(default_factory=FakeGate)
    clock: FakeClock = field(default_factory=FakeClock)
    source: FakeSource = field(default_factory=lambda: FakeSource(FakeOptions(stale_after_s=30.0)))
    chance: random.Random = field(default_factory=lambda: random.Random(20261122))
    scraping: bool = True
    split: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        options = FakeTargetOptions(more_treatments=self.experiment.more_treatments)
        self.target = FakeTarget(options)
        variants = (self.experiment.control, *self.experiment.treatments)
        self._counts = {variant: [0, 0] for variant in variants}
        self.scrape()

    def parts(self, **changes) -> Parts:
        parts = Parts(
            prober=self.prober,
            experiment=self.experiment,
            store=self.store,
            target=self.target,
            source=self.source,
            gate=self.gate,
            strategy=STRATEGIES[self.experiment.plan.strategy](),
            clock=self.clock,
            place="test",
        )
        return replace(parts, **changes)

    def launch(self) -> None:
        payload = Launched(
            spec={}, name=self.experiment.name, target_key="fake/checkout", mode=self.experiment.mode
        )
        event = Event(
            run_id=RUN_ID,
            seq=1,
            at_s=self.clock.now_s(),
            actor=ENGINE,
            source="test",
            reason="launched",
            rule=None,
            payload=payload,
        )
        evidence = evaluate.start(self.experiment).to_plain()
        run = launch(RUN_ID, event, payload)
        self.store.create(Snapshot(run=run, evidence=evidence, cursor={}), {}, [event])

    def pass_time(self, seconds: int) -> None:
        """Ten requests' worth of traffic a tenth of the time, then one scrape at the end of each 5 s."""
        for _ in range(seconds // 5):
            self.clock.at_s += 5
            for place, (version, rate) in enumerate(zip(self._counts, self.error_rates, strict=True)):
                share = self._share(place)
                requests = self.requests_per_s * 5 * share // 100
                self._counts[version][0] += requests
                self._counts[version][1] += sum(self.chance.random() < rate for _ in range(requests))
            if self.scraping:
                self.scrape()

    def _share(self, place: int) -> int:
        """What control (0) or a treatment (from 1 on) really gets, in percent."""
        if self.split is not None and self.target.weights.given > 0:
            return self.split[place]
        return self.target.weights.share(place - 1) if place else self.target.weights.control

    def scrape(self) -> None:
        for version, (total, bad) in self._counts.items():
            for name, value in (("requests_total", total), ("errors_total", bad)):
                labels = {"version": version, "job": "shop", "instance": version}
                self.source.scrape(self.clock.at_s, name, labels, value)

    def tick(self, owner: str = "a", **changes) -> Snapshot:
        lease = self.store.acquire(RUN_ID, owner, self.clock.now_s(), LEASE_S)
        assert lease is not None
        return tick(self.parts(**changes), lease)

    def until_ended(self, most_ticks: int = 300) -> Snapshot:
        for _ in range(most_ticks):
            snapshot = self.tick()
            if snapshot.run.phase.ended:
                return snapshot
            self.pass_time(10)
        raise AssertionError(f"not ended after {most_ticks} ticks: {snapshot.run}")

    @property
    def events(self) -> list[Event]:
        return list(self.store.events(RUN_ID))
