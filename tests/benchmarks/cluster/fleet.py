"""Rollouts that are released again and again: deployed, given their share, broken, and awaited without it."""

import random
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import requests

from tests.benchmarks.cluster import objects as of
from tests.benchmarks.cluster.bench import Bench
from tests.e2e.cluster.bed import layout as at
from tests.e2e.cluster.bed.namespace import PROMOTE_A_STEP, is_settled
from tests.e2e.cluster.bed.waiting import eventually

SEED = 20261123
LIMIT = 0.05
"""Of the share of errors, at which the analysis fails."""
FLIPPED_WITHIN_S = 20.0
"""Faults begin at random within so long, so that they meet every phase of scrapes and evaluations."""
_STEP_S = 0.25
_FIRST_RUNG = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One fault: seconds from it until Argo's query is over its limit, and until the canary has no weight.

    None where that did not come.
    """

    crossed_s: float | None
    zero_s: float | None


@dataclass
class Fleet:
    """Rollouts of one kind: released by Rampwise, or with a background analysis of their own.

    `known` is what the experiments' metrics say beyond the shortest document.
    """

    bench: Bench
    names: Sequence[str]
    analysed: bool = False
    known: Mapping[str, float] = field(default_factory=dict)
    number: int = 1

    def set_up(self) -> None:
        """Objects and counters; the Rollouts controller must run."""
        bench = self.bench
        services, weights = zip(*(of.rollout_routes(name) for name in self.names), strict=True)
        bench.bulk.make(of.paths("services"), (each for both in services for each in both))
        bench.bulk.make(of.paths("traefikservices"), weights)
        if self.analysed:
            templates = (of.analysis_template(name, bench.sizes.reaction_interval_s) for name in self.names)
            bench.bulk.make(of.paths("analysistemplates"), templates)
        bench.count_for([of.rollout_pair(name) for name in self.names])
        rollouts = (of.rollout(name, "v1", analysed=self.analysed) for name in self.names)
        bench.bulk.make(of.paths("rollouts"), rollouts)
        self._await("Healthy", lambda each: is_settled(each, "Healthy"))

    def deploy(self) -> None:
        """The next version, which waits at its first rung; well, as far as anybody can tell."""
        self.number += 1
        for name in self.names:
            self._fail(name, of.HEALTHY_ERROR_RATE)
            template = of.rollout(name, f"v{self.number}", analysed=self.analysed)["spec"]["template"]
            self.bench.bulk.api.merge(self._path(name), {"spec": {"template": template}})
        self._await("at their first rung", self._waits)

    def go(self) -> None:
        """All at their share of traffic."""
        if self.analysed:
            for name in self.names:
                self.bench.bulk.api.merge(f"{self._path(name)}/status", PROMOTE_A_STEP)
        else:
            interval_s = self.bench.sizes.reaction_interval_s
            experiments = [of.rollout_experiment(name, interval_s, **self.known) for name in self.names]
            for each in experiments:
                each["metadata"]["name"] = f"{each['metadata']['name']}-v{self.number}"
            self.bench.bulk.make(of.paths("releaseexperiments"), experiments)
        self.bench.until(lambda: self.having(of.SHARE_PCT), len(self.names), "Rollouts have their share")

    def having(self, share_pct: float) -> int:
        """How many have this share of traffic now."""
        changes = self.bench.changes()
        return sum(
            changes.get(f"{of.NAMESPACE}/{name}", [(0.0, -1.0)])[-1][1] == share_pct for name in self.names
        )

    def break_all(self, within_s: float) -> list[Trial]:
        """Break every canary at a random time, and wait for so long at most until all have no weight."""
        self.bench.say(f"breaking {len(self.names)} Rollouts like {self.names[0]}")
        phases = random.Random(SEED)
        delays_s = {name: phases.uniform(0.0, FLIPPED_WITHIN_S) for name in self.names}
        with ThreadPoolExecutor(len(self.names)) as hands:
            futures = {name: hands.submit(self._break, name, delay_s) for name, delay_s in delays_s.items()}
            flipped_s = {name: future.result() for name, future in futures.items()}
        until_s = time.monotonic() + within_s
        while self.having(0.0) < len(self.names) and time.monotonic() < until_s:
            self.bench.wait(0.5)
        self.bench.wait(2.0)
        return [self._trial(name, at_s, self.bench.changes()) for name, at_s in flipped_s.items()]

    def remove(self) -> None:
        """The Rollouts, and with them what they analyse."""
        self.bench.bulk.each(lambda name: self.bench.bulk.api.delete_now(self._path(name)), self.names)

    def _break(self, name: str, delay_s: float) -> float:
        self.bench.wait(delay_s)
        return self._fail(name, of.BAD_ERROR_RATE)

    def _fail(self, name: str, error_rate: float) -> float:
        return float(self.bench.ask("/errors", {"name": f"{of.NAMESPACE}/{name}", "error_rate": error_rate}))

    def _trial(
        self, name: str, flipped_s: float, changes: Mapping[str, Sequence[tuple[float, float]]]
    ) -> Trial:
        gone = [
            at_s for at_s, share in changes[f"{of.NAMESPACE}/{name}"] if at_s > flipped_s and share == 0.0
        ]
        crossed = crossing_s(of.errors_query(name), flipped_s, (gone[0] if gone else time.time()) + 60.0)
        return Trial(
            crossed_s=None if crossed is None else crossed - flipped_s,
            zero_s=gone[0] - flipped_s if gone else None,
        )

    def _waits(self, rollout: of.Object) -> bool:
        status = rollout["status"]
        is_new = status.get("currentPodHash") != status.get("stableRS")
        return is_new and is_settled(rollout, "Paused") and status.get("currentStepIndex") == _FIRST_RUNG

    def _await(self, what: str, is_so: Callable[[of.Object], bool]) -> None:
        self.bench.until(
            lambda: sum("status" in each and is_so(each) for each in self._rollouts()),
            len(self.names),
            f"Rollouts are {what}",
        )

    def _rollouts(self) -> list[of.Object]:
        found = self.bench.bulk.api.get(of.paths("rollouts"))["items"]
        return [each for each in found if each["metadata"]["name"] in self.names]

    @staticmethod
    def _path(name: str) -> str:
        return f"{of.paths('rollouts')}/{name}"


def crossing_s(query: str, from_s: float, to_s: float) -> float | None:
    """When a query first was over the limit, epoch seconds, as seen by somebody who asks all the time."""
    wanted = {"query": query, "start": str(from_s), "end": str(min(to_s, time.time())), "step": str(_STEP_S)}
    found = eventually(
        lambda: requests.get(f"{at.PROMETHEUS_URL}/api/v1/query_range", params=wanted, timeout=10)
    )
    for series in found.json()["data"]["result"]:
        for at_s, value in series["values"]:
            if float(value) > LIMIT:
                return float(at_s)
    return None
