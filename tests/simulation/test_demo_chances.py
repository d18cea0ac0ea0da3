"""Every release of the demonstration ends as it must with at least 99.7 %.

Detection of errors is bounded by exact enumeration. Whole releases are simulated with the engine's own rules:
without a failure in 1,000 runs the chance of one is below 0.3 % (95 % confidence, rule of three).
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import yaml
from scipy.stats import binom, norm

from analysis import evaluate
from engine import spec
from engine.adapters.traefik.routes import LEFTOVER_BUCKETS
from engine.core.decide import decide
from engine.core.decision import BlockerKind, Decision, DecisionKind, Rule
from engine.core.measure import (
    Histogram,
    HistogramReading,
    Reading,
    Trials,
    TrialsReading,
    Window,
)
from engine.core.model import Arm, Experiment, Matcher, Selector
from engine.core.target import ALL_TO_CONTROL, RouterSeries, SessionSeries, TargetFacts, Weights
from engine.demo.scenarios import (
    ALPHA,
    BASE_ERROR_RATE,
    HORIZON_S,
    INTERVAL_S,
    REQUESTS_PER_S,
    SCENARIOS,
    SOMEBODY_ELSES_SPLIT,
    Scenario,
    Twist,
    document,
    local_target,
)
from engine.local.load import VISITS_PER_SESSION
from engine.local.service import BUCKETS_S
from engine.local.settings import Settings
from engine.ports import Probed
from engine.probing import probed_readings
from engine.progress import progress_of
from engine.windows import observe_windows
from strategies.ab import Ab
from strategies.blue_green import BlueGreen
from strategies.canary import Canary
from tests.builders import NOW_S, a_run, healthy, some_facts

RUNS = 1000
SEED = 1
LAG_WINDOWS = 6
"""Watermark (5 s) and the window itself: what a tick sees is so old."""

TICK_S = 3
"""A machine that is busy decides, and probes, so rarely; every window counts all the same."""

TOLERATED = 1.05

STRATEGIES = {"canary": Canary, "blue_green": BlueGreen, "ab": Ab}
BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}


def experiment_of(scenario: Scenario) -> Experiment:
    both = Matcher(label="service", op="=~", value="a|b")
    facts = TargetFacts(
        key="local/demo",
        control="v1",
        treatment="v2",
        arm_labels={Arm.CONTROL: {"version": "v1"}, Arm.TREATMENT: {"version": "v2"}},
        router=RouterSeries(
            requests=Selector(name="requests", matchers=(both,)),
            errors=Selector(name="requests", matchers=(both, Matcher(label="code", op="=~", value="5.."))),
            buckets=Selector(name="seconds_bucket", matchers=(both,)),
            arm_labels={Arm.CONTROL: {"service": "a"}, Arm.TREATMENT: {"service": "b"}},
            assignments=Selector(name="requests", matchers=(both,)) if scenario.sticky else None,
        ),
        sticky=scenario.sticky,
        preview_url="http://127.0.0.1:9",
        sessions=SessionSeries(total=Selector(name="sessions"), converted=Selector(name="converted")),
        source_options={"url": "http://127.0.0.1:9090"},
    )
    content = document(scenario, local_target(scenario, "demo"), "http://127.0.0.1:9/")
    return spec.build(spec.parse(yaml.safe_dump(content), "demo.yaml"), facts)


@cache
def bucket_chances(tail_share: float, tail_ms: float) -> tuple[float, ...]:
    """Chance of each latency bucket, from the sample service's own distribution."""
    usual = Settings()
    sigma = math.log(usual.latency_p99_ms / usual.latency_p50_ms) / norm.ppf(0.99)
    below = norm.cdf(np.log(np.array(BUCKETS_S) * 1000 / usual.latency_p50_ms) / sigma)
    below = below * np.where(np.array(BUCKETS_S) * 1000 < tail_ms, 1 - tail_share, 1.0)
    chances = np.diff(np.concatenate([[0.0], below, [1.0]]))
    return tuple(np.maximum(chances, 0.0) / np.maximum(chances, 0.0).sum())


class Traffic:
    """Draws windows of both arms, and answers to probes."""

    def __init__(self, scenario: Scenario, rng: np.random.Generator) -> None:
        self._errors = (BASE_ERROR_RATE, scenario.treatment.get("error_rate", BASE_ERROR_RATE))
        usual = Settings().conversion_rate
        self._conversions = (usual, scenario.treatment.get("conversion_rate", usual))
        tail = (scenario.treatment.get("tail_share", 0.0), scenario.treatment.get("tail_ms", 800.0))
        self._latency = (bucket_chances(0.0, 800.0), bucket_chances(*tail))
        self._caught = len(LEFTOVER_BUCKETS) / 100 if scenario.twist is Twist.ROUTE_LEFT_BEHIND else 0.0
        self._rng = rng

    def window(self, experiment: Experiment, weights: Weights) -> dict[str, Reading]:
        """What is read of one window; each of a declared metric's stages sees the same counts."""
        share = weights.treatment / 100 * (1 - self._caught) + self._caught
        shares = (1 - share, share) if weights.treatment else (1.0, 0.0)
        drawn = {measure: self._drawn(measure, shares) for measure in measures(experiment)}
        return {metric.name: drawn[metric.measure] for metric in experiment.read_metrics}

    def probe(
        self, url: str, *, count: int, rate_per_s: float, timeout_s: float, within_s: float
    ) -> list[Probed]:
        """Answers to all of a tick's probes."""
        bad = self._rng.random(count) < self._errors[1]
        return [Probed(ok=not each, took_s=0.02) for each in bad]

    def _drawn(self, measure: str, shares: tuple[float, float]) -> TrialsReading | HistogramReading:
        requests = [int(REQUESTS_PER_S * INTERVAL_S * share) for share in shares]
        match measure:
            case "http_errors":
                return self._trials(requests, self._errors)
            case "http_latency":
                return HistogramReading(control=self._times(requests, 0), treatment=self._times(requests, 1))
            case "conversions":
                sold = [rate * (1 - bad) for rate, bad in zip(self._conversions, self._errors, strict=True)]
                return self._trials(self._sessions(shares), sold)
            case "split":
                return self._trials(self._sessions(shares), (0.0, 0.0))
        raise AssertionError(measure)

    def _sessions(self, shares: tuple[float, float]) -> list[int]:
        """Sessions that begin, or end; each goes to a version by chance, which the proxy does more evenly."""
        per_window = REQUESTS_PER_S * INTERVAL_S / VISITS_PER_SESSION
        return [int(self._rng.poisson(per_window * share)) for share in shares]

    def _trials(self, totals: Sequence[int], rates: Sequence[float]) -> TrialsReading:
        control, treatment = (
            Trials(bad=int(self._rng.binomial(total, rate)), total=total)
            for total, rate in zip(totals, rates, strict=True)
        )
        return TrialsReading(control=control, treatment=treatment)

    def _times(self, requests: list[int], arm: int) -> Histogram:
        counts = self._rng.multinomial(requests[arm], self._latency[arm])
        return Histogram(bounds_s=tuple(BUCKETS_S), counts=tuple(int(c) for c in counts))


def measures(experiment: Experiment) -> list[str]:
    """What is drawn once per window."""
    return sorted({metric.measure for metric in experiment.read_metrics})


def end_of(scenario: Scenario, experiment: Experiment, rng: np.random.Generator) -> tuple[Decision, bool]:
    """The decision that ends one release, by the engine's own rules, and whether a user had the treatment."""
    traffic, strategy = Traffic(scenario, rng), STRATEGIES[experiment.plan.strategy]()
    evidence = evaluate.start(experiment)
    foreign = scenario.twist is Twist.NOT_OURS
    run = a_run(
        step=-1,
        weights=ALL_TO_CONTROL,
        mode=experiment.mode,
        launched_s=NOW_S,
        step_since_s=NOW_S,
        windows_done=0,
    )
    windows: list[Window] = []
    readings: list[dict[str, Reading]] = []
    served = False
    for second in range(int(experiment.horizon_s) + TICK_S + 1):
        now_s = NOW_S + second * INTERVAL_S
        real = SOMEBODY_ELSES_SPLIT if foreign else run.weights
        served = served or real.treatment > 0
        windows.append(Window(index=second, start_s=now_s, end_s=now_s + INTERVAL_S))
        readings.append(traffic.window(experiment, real))
        if second < LAG_WINDOWS or second % TICK_S:
            continue
        due = slice(evidence.windows_read, second - LAG_WINDOWS + 1)
        before = replace(run, windows_done=due.start)
        observed = observe_windows(experiment, before, windows[due], readings[due], healthy(real))
        observed = probed_readings(experiment, before, evidence, observed, traffic)
        evidence = evaluate.update(experiment, evidence, observed)
        verdict = evaluate.verdict(experiment, evidence)
        read = replace(run, windows_done=due.stop)
        proposal = strategy.propose(experiment.plan, progress_of(experiment, read, verdict, now_s))
        decision = decide(
            experiment, run, some_facts(now_s=now_s, target=healthy(real), verdict=verdict, proposal=proposal)
        )
        if decision.kind is DecisionKind.SHIFT:
            run = replace(run, weights=decision.weights, step=decision.step, step_since_s=now_s)
        elif decision.kind is not DecisionKind.HOLD:
            return decision, served
    return decision, served


def is_promoted(decision: Decision, served: bool) -> bool:
    return decision.kind is DecisionKind.PROMOTE and decision.rule is Rule.EVIDENCE and served


def is_settled(decision: Decision, served: bool) -> bool:
    return decision.kind is DecisionKind.PROMOTE and decision.rule is Rule.SETTLED and served


def is_rolled_back(decision: Decision, served: bool) -> bool:
    return decision.kind is DecisionKind.ROLLBACK and decision.rule is Rule.HARM and served


def is_caught_by_probes(decision: Decision, served: bool) -> bool:
    return decision.kind is DecisionKind.ROLLBACK and decision.rule is not Rule.HORIZON and not served


def is_untrustworthy(decision: Decision, served: bool) -> bool:
    distrusted = any(blocker.kind is BlockerKind.UNTRUSTWORTHY for blocker in decision.blockers)
    return decision.rule is Rule.HORIZON and distrusted and served


MUST = {
    "healthy": is_promoted,
    "errors": is_rolled_back,
    "tail": is_rolled_back,
    "observe": is_rolled_back,
    "switch": is_settled,
    "preview": is_caught_by_probes,
    "better": is_promoted,
    "split": is_untrustworthy,
}
"""The other releases are healthy ones too: what happens to them from outside only makes them last longer."""


@pytest.mark.slow
@pytest.mark.timeout(350)
@pytest.mark.parametrize("name", MUST)
def test_a_release_of_the_demonstration_ends_as_it_must(name):
    experiment, rng = experiment_of(BY_NAME[name]), np.random.default_rng(SEED)
    ends = (end_of(BY_NAME[name], experiment, rng) for _ in range(RUNS))
    assert [decision.reason for decision, served in ends if not MUST[name](decision, served)] == []


def chance_of_detection(error_rate: float, trials: int) -> float:
    """Exact chance that errors alone, from the last rung's start on, show harm after so many trials an arm.

    A lower bound for the run: other starts and looks can only add evidence. The last rung is at most the
    fortieth start with its weight, errors have half of the run's evidence, and both arms have equal traffic.
    """
    log_prior = np.log([0.2, 0.4, 0.3, 0.1])
    worse = TOLERATED * np.array([1.3, 1.5, 2.2, 5.0])
    threshold = math.log(1 / ALPHA) + math.log(2) + math.log(2 * 40 * 41)
    chance = 0.0
    control_bad = np.arange(int(binom.ppf(1 - 1e-12, trials, BASE_ERROR_RATE)) + 1)
    for treatment_bad in range(int(binom.ppf(1 - 1e-12, trials, error_rate)) + 1):
        bad = (treatment_bad + control_bad)[:, None]
        ratios = treatment_bad * np.log(worse / TOLERATED) - bad * np.log((1 + worse) / (1 + TOLERATED))
        crossed = np.logaddexp.reduce(ratios + log_prior, axis=1) >= threshold
        both = binom.pmf(treatment_bad, trials, error_rate) * binom.pmf(control_bad, trials, BASE_ERROR_RATE)
        chance += float(both[crossed].sum())
    return chance


def test_errors_from_1_to_4_percent_are_found_within_the_horizon():
    last_rung_trials = int((HORIZON_S - 80) * REQUESTS_PER_S / 2)
    assert chance_of_detection(0.04, last_rung_trials) >= 0.999


def test_every_scenario_is_covered_by_a_computed_one():
    for scenario in SCENARIOS:
        if scenario.product is not None:
            continue  # test_demo_users.py
        like = (
            "healthy"
            if "canary" in scenario.strategy
            and not set(scenario.treatment) - {"slow_start_s", "slow_start_factor"}
            else scenario.name
        )
        assert like in MUST, scenario.name


def test_every_expected_outcome_says_how_the_release_ends():
    words = ("promoted", "roll", "stopped", "expired")
    assert all(any(word in scenario.expected for word in words) for scenario in SCENARIOS)
