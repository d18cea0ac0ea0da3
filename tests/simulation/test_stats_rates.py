"""Whole runs through the public door: it is wired to the statistics that test_validity measures.

Each assertion states its standard errors. Delays are in windows of 100 + 900 requests at a base rate of 1 %.
"""

from collections.abc import Callable
from math import sqrt

import numpy as np
import pytest

from analysis import evaluate
from analysis.evaluate import Evidence
from engine.core.measure import (
    Observation,
    Reading,
    Trials,
    TrialsReading,
    Window,
)
from engine.core.model import Bound, Experiment
from engine.core.verdict import VerdictKind
from tests.builders import a_metric, an_experiment

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

ALPHA = 0.05
STRICT = an_experiment(
    alpha_rollback=ALPHA, metrics=(a_metric(tolerance=Bound(relative=0.0), dispersion=1.0),)
)
Draw = Callable[[int], Reading]


def harmful(evidence: Evidence) -> bool:
    return evidence.harm_latched


def promoting(experiment: Experiment) -> Callable[[Evidence], bool]:
    return lambda evidence: evaluate.verdict(experiment, evidence).kind is VerdictKind.NOT_WORSE


def windows_until(
    experiment: Experiment,
    draw: Draw,
    crossed: Callable[[Evidence], bool],
    at_most: int,
    changes: tuple[int, ...] = (),
) -> int | None:
    """How many windows it takes, or None when it does not happen."""
    evidence = evaluate.start(experiment)
    for index in range(at_most):
        window = Window(index=index, start_s=15.0 * index, end_s=15.0 * index + 15.0)
        observation = Observation(window=window, readings={"errors": draw(index)}, new_start=index in changes)
        evidence = evaluate.update(experiment, evidence, [observation])
        if crossed(evidence):
            return index + 1
    return None


def errors(rng: np.random.Generator, rate_t: float, rate_c: float, n_t: int = 100, n_c: int = 900) -> Reading:
    return TrialsReading(
        control=Trials(bad=int(rng.binomial(n_c, rate_c)), total=n_c),
        treatment=Trials(bad=int(rng.binomial(n_t, rate_t)), total=n_t),
    )


def assert_rate_at_most(happened: int, runs: int, limit: float) -> None:
    """At most the limit, with two standard errors of a rate that is exactly at it."""
    assert happened / runs <= limit + 2 * sqrt(limit * (1 - limit) / runs)


def assert_mean_at_most(values: list[int | None], limit: float) -> None:
    """Every run decided, and the mean is not above the limit by more than two standard errors."""
    decided = [value for value in values if value is not None]
    assert len(decided) == len(values)
    assert np.mean(decided) <= limit + 2 * np.std(decided) / sqrt(len(decided))


def test_false_rollbacks_of_a_ramp_with_shared_drift_stay_below_alpha() -> None:
    rng = np.random.default_rng(12)
    runs = 100

    def ramp() -> Draw:
        drift = np.exp(np.clip(np.cumsum(rng.normal(0.01, 0.03, 200)), -1.0, 2.5))

        def draw(index: int) -> Reading:
            n_t = (50, 100, 250, 500)[index // 50]
            rate = 0.01 * float(drift[index])
            return errors(rng, rate, rate, n_t, 1000 - n_t)

        return draw

    found = [windows_until(STRICT, ramp(), harmful, 200, (0, 50, 100, 150)) for _ in range(runs)]
    assert_rate_at_most(sum(value is not None for value in found), runs, ALPHA)


def test_harm_that_begins_late_is_found_soon_after_a_weight_change() -> None:
    rng = np.random.default_rng(15)
    for ratio, published in ((2.0, 17.24), (5.0, 2.77)):
        found = [
            windows_until(
                STRICT,
                lambda index, r=ratio: errors(rng, 0.01 * (r if index >= 50 else 1.0), 0.01),
                harmful,
                600,
                (50,),
            )
            for _ in range(60)
        ]
        late = [value - 50 for value in found if value is not None and value > 50]
        assert len(late) >= 0.9 * len(found)
        assert_mean_at_most(list(late), 1.6 * published)


def test_a_shared_incident_does_not_prevent_promotion() -> None:
    rng = np.random.default_rng(16)
    experiment = an_experiment(metrics=(a_metric(dispersion=1.0),))

    def draw(index: int) -> Reading:
        rate = 0.05 if index == 10 else 0.0005
        return errors(rng, rate, rate)

    found = [windows_until(experiment, draw, promoting(experiment), 900) for _ in range(20)]
    assert_mean_at_most(found, 200)
