from dataclasses import replace

import numpy as np
import pytest

from analysis.stats import prior
from analysis.stats.buckets import BucketsMethod
from analysis.stats.counts import Quotients, TrialCounts
from analysis.stats.methods import asks_better, method_of, monitor_of
from analysis.stats.one_sample import OneSampleMethod
from analysis.stats.trials import TrialsMethod
from analysis.stats.values import ValuesMethod
from engine.core.model import Bound, Metric, MetricKind, Role
from engine.core.plan import Stage
from tests.analysis.evaluating import ERRORS

EXPECTED = {
    MetricKind.PROPORTION: TrialsMethod,
    MetricKind.COUNT: TrialsMethod,
    MetricKind.ASSIGNMENT: TrialsMethod,
    MetricKind.DISTRIBUTION: BucketsMethod,
    MetricKind.MEAN: ValuesMethod,
    MetricKind.RATIO: ValuesMethod,
    MetricKind.GAUGE: ValuesMethod,
    MetricKind.THRESHOLD: OneSampleMethod,
}


def of(kind: MetricKind) -> Metric:
    return replace(ERRORS, kind=kind, role=Role.OBJECTIVE, limit=0.01)


@pytest.mark.parametrize("kind", MetricKind)
def test_every_kind_has_its_statistics(kind: MetricKind) -> None:
    method = method_of(of(kind), bounds=3)
    assert isinstance(method, EXPECTED[kind])
    assert monitor_of(of(kind), bounds=3).start(2).harm.shape == (2, method.widths.harm)


@pytest.mark.parametrize("kind", MetricKind)
def test_counts_of_another_kind_are_refused(kind: MetricKind) -> None:
    method, one = method_of(of(kind), bounds=3), np.ones(1)
    pairs = Quotients(treatment=np.ones((1, 2)), control=np.ones((1, 2)))
    trials = TrialCounts(bad_t=one, n_t=one, bad_c=one, n_c=one)
    wrong = trials if isinstance(method, ValuesMethod) else pairs
    with pytest.raises(TypeError):
        method.increments(wrong, np.zeros((1, method.widths.memory)), np.zeros((1, 7)))


def test_a_limit_compares_nothing_and_claims_nothing_better() -> None:
    assert OneSampleMethod(limit=0.1).log_e_better(np.zeros((2, 0)), np.ones(2)).tolist() == [0.0, 0.0]


def test_a_metric_keeps_its_monitor() -> None:
    metric = of(MetricKind.PROPORTION)
    assert monitor_of(metric) is monitor_of(metric)
    assert monitor_of(metric, first_start=1.0) is not monitor_of(metric)
    assert monitor_of(replace(metric)) is not monitor_of(metric)


def test_only_objectives_compared_while_both_serve_are_asked_to_be_better() -> None:
    asked = of(MetricKind.PROPORTION)
    assert asks_better(asked)
    assert asks_better(replace(asked, kind=MetricKind.DISTRIBUTION, slo_s=0.5))
    for other in (
        replace(asked, role=Role.GUARDRAIL),
        replace(asked, stage=Stage.SETTLE),
        replace(asked, kind=MetricKind.THRESHOLD),
        replace(asked, kind=MetricKind.DISTRIBUTION, slo_s=None),
    ):
        assert not asks_better(other)


def test_alternatives_lie_beyond_the_tolerance_in_multiples_of_the_declared_effect() -> None:
    found = prior.alternatives(1.05, 1.5)
    assert found.worst_fine == 1.05
    assert found.ratios[0] == pytest.approx(1.5)
    assert np.log(np.array(found.ratios) / 1.05) == pytest.approx(prior.STEPS * np.log(1.5 / 1.05))
    assert min(prior.alternatives(1.5, 1.5).ratios) == pytest.approx(1.5 * 1.1)
    assert np.exp(prior.LOG_WEIGHTS).sum() == pytest.approx(1.0)


def test_the_effect_is_as_declared_else_the_margin_else_half_as_much_again() -> None:
    metric = replace(of(MetricKind.PROPORTION), margin=Bound(relative=0.3), effect=0.8)
    assert prior.declared_ratio(metric) == pytest.approx(1.8)
    assert prior.declared_ratio(replace(metric, effect=None)) == pytest.approx(1.3)
    assert prior.declared_ratio(replace(metric, effect=None, margin=Bound(absolute=0.1))) == pytest.approx(
        1.5
    )
