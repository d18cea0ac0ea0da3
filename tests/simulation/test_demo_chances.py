"""Every release of the demonstration ends as it must with at least 99.9 %.

Detection of errors is bounded by exact enumeration. Whole releases are simulated with the engine's own rules:
without a failure in 3,000 runs the chance of one is below 0.1 % (95 % confidence, rule of three).
"""

import math
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import yaml
from scipy.stats import binom, norm

from analysis import evaluate
from engine import spec
from engine.core.decide import decide
from engine.core.decision import DecisionKind
from engine.core.measure import Histogram, HistogramReading, Observation, Trials, TrialsReading, Window
from engine.core.model import Arm, Experiment, Matcher, Selector
from engine.core.run import Phase
from engine.core.target import ALL_TO_CONTROL, RouterSeries, TargetFacts, Weights
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
)
from engine.local.programs import BUCKETS_S
from engine.local.settings import Settings
from engine.progress import progress_of
from engine.windows import observe_windows
from strategies.canary import Canary
from tests.builders import NOW_S, a_run, healthy, some_facts

RUNS = 3000
SEED = 1
LAG_WINDOWS = 6
"""Watermark (5 s) and the window itself: what a tick sees is so old."""

TOLERATED = 1.05

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
        ),
        source_options={"url": "http://127.0.0.1:9090"},
    )
    return spec.build(spec.parse(yaml.safe_dump(document(scenario, "demo")), "demo.yaml"), facts)


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
    """Draws windows of both arms."""

    def __init__(self, scenario: Scenario, rng: np.random.Generator) -> None:
        self._errors = (BASE_ERROR_RATE, scenario.treatment.get("error_rate", BASE_ERROR_RATE))
        tail = (scenario.treatment.get("tail_share", 0.0), scenario.treatment.get("tail_ms", 800.0))
        self._latency = (bucket_chances(0.0, 800.0), bucket_chances(*tail))
        self._rng = rng

    def window(self, weights: Weights) -> dict[str, TrialsReading | HistogramReading]:
        trials, histograms = [], []
        for arm, share in enumerate((weights.control, weights.treatment)):
            requests = int(REQUESTS_PER_S * INTERVAL_S * share) // 100
            trials.append(Trials(bad=int(self._rng.binomial(requests, self._errors[arm])), total=requests))
            counts = self._rng.multinomial(requests, self._latency[arm])
            histograms.append(Histogram(bounds_s=tuple(BUCKETS_S), counts=tuple(int(c) for c in counts)))
        return {
            "http_errors": TrialsReading(control=trials[0], treatment=trials[1]),
            "http_latency": HistogramReading(control=histograms[0], treatment=histograms[1]),
        }


def end_of(scenario: Scenario, experiment: Experiment, rng: np.random.Generator) -> DecisionKind:
    """How one release ends, by the engine's own rules; HOLD if not within the horizon."""
    traffic, strategy, evidence = Traffic(scenario, rng), Canary(), evaluate.start(experiment)
    foreign = scenario.twist is Twist.NOT_OURS
    run = a_run(
        step=-1,
        weights=ALL_TO_CONTROL,
        mode=experiment.mode,
        launched_s=NOW_S,
        step_since_s=NOW_S,
        windows_done=0,
    )
    seen: list[Observation] = []
    for second in range(int(HORIZON_S)):
        now_s = NOW_S + second * INTERVAL_S
        real = SOMEBODY_ELSES_SPLIT if foreign else run.weights
        window = Window(index=second, start_s=now_s, end_s=now_s + INTERVAL_S)
        at_window = replace(run, windows_done=second)
        (observation,) = observe_windows(
            experiment, at_window, [window], [traffic.window(real)], healthy(real)
        )
        has_traffic = real.treatment > 0
        seen.append(observation if has_traffic else replace(observation, warm_up=True))
        if second < LAG_WINDOWS:
            continue
        evidence = evaluate.update(experiment, evidence, [seen[second - LAG_WINDOWS]])
        verdict = evaluate.verdict(experiment, evidence)
        read = replace(run, windows_done=second - LAG_WINDOWS + 1)
        proposal = strategy.propose(experiment.plan, progress_of(experiment, read, verdict, now_s))
        decision = decide(
            experiment, run, some_facts(now_s=now_s, target=healthy(real), verdict=verdict, proposal=proposal)
        )
        if decision.kind is DecisionKind.SHIFT:
            run = replace(run, weights=decision.weights, step=decision.step, step_since_s=now_s)
        elif decision.kind is not DecisionKind.HOLD:
            return decision.kind
    return DecisionKind.HOLD


MUST = {
    "healthy": DecisionKind.PROMOTE,
    "errors": DecisionKind.ROLLBACK,
    "tail": DecisionKind.ROLLBACK,
    "observe": DecisionKind.ROLLBACK,
}
"""The other releases are healthy ones too: what happens to them from outside only makes them last longer."""


@pytest.mark.slow
@pytest.mark.timeout(350)
@pytest.mark.parametrize("name", MUST)
def test_a_release_of_the_demonstration_ends_as_it_must(name):
    experiment, rng = experiment_of(BY_NAME[name]), np.random.default_rng(SEED)
    ends = [end_of(BY_NAME[name], experiment, rng) for _ in range(RUNS)]
    assert [end for end in ends if end is not MUST[name]] == []


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
        like = (
            "healthy"
            if not set(scenario.treatment) - {"slow_start_s", "slow_start_factor"}
            else scenario.name
        )
        assert like in MUST, scenario.name


def test_phases_and_words_of_the_expected_outcomes_agree():
    words = {Phase.PROMOTED: "promoted", Phase.ROLLED_BACK: "roll", Phase.STOPPED: "stopped"}
    assert all(any(word in scenario.expected for word in words.values()) for scenario in SCENARIOS)
