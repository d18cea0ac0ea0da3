"""What finding harm costs, at every weight, and how an experiment comes to know it."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.planning import Flow, plan
from analysis.planning.blast import expected_excess, most_of, with_budget
from analysis.planning.questions import question_of
from analysis.planning.report import Quality
from engine.core.model import Bound, MetricKind
from engine.core.plan import Budget, Plan, Step
from engine.errors import UsageError
from tests.builders import a_metric, an_experiment

ERRORS = a_metric(margin=Bound(relative=0.5))


def budgeted(**changes):
    experiment = an_experiment(metrics=(ERRORS,))
    changed = replace(experiment, **changes)
    return replace(changed, plan=replace(changed.plan, budget=Budget(excess=60.0)))


def expected(metric, base_rate: float = 0.01, most_pct: int = 50) -> tuple[float, ...]:
    flow = Flow(rate_per_s=1.0, base_rate=base_rate)
    return expected_excess(question_of(an_experiment(), metric, flow), most_pct)


def test_the_table_reaches_to_the_last_step_and_never_falls() -> None:
    budget = with_budget(budgeted()).plan.budget
    assert budget is not None
    assert len(budget.expected) == 50
    assert all(before <= after for before, after in pairwise(budget.expected))


@pytest.mark.slow
def test_it_agrees_with_the_plan_of_a_single_step_whatever_the_base_rate() -> None:
    """The plan knows traffic and base rate, the table neither; rollback alone costs a little more."""
    table = expected(ERRORS)
    for base_rate in (0.002, 0.02):
        step = Plan(strategy="canary", steps=(Step(weight_pct=20, hold_s=86_000, floor=1),))
        experiment = an_experiment(metrics=(ERRORS,), plan=step)
        flow = Flow(rate_per_s=0.4 / base_rate, base_rate=base_rate)
        release = plan(experiment, {"errors": flow}).metrics[0].release(Quality.EFFECT)
        assert release is not None
        assert release.fate.excess == pytest.approx(table[19], rel=0.05)


def test_dispersion_costs_in_proportion() -> None:
    once, twice = (expected(replace(ERRORS, dispersion=phi)) for phi in (1.0, 2.0))
    assert twice == pytest.approx([2 * each for each in once], rel=0.02)


def test_a_larger_effect_is_cheaper_to_find() -> None:
    assert expected(replace(ERRORS, effect=2.0))[19] < expected(replace(ERRORS, effect=0.5))[19]


def test_the_dearest_metric_counts() -> None:
    assert most_of([(1.0, 3.0, 2.0), (2.0, 1.0, 1.0)]) == (2.0, 3.0, 3.0)


def test_without_a_budget_nothing_changes() -> None:
    experiment = an_experiment()
    assert with_budget(experiment) is experiment


def test_a_budget_without_anything_to_count_is_refused() -> None:
    with pytest.raises(UsageError, match="needs a deciding metric"):
        with_budget(budgeted(metrics=(replace(ERRORS, kind=MetricKind.MEAN),)))


@settings(deadline=None)
@given(
    table=st.lists(st.floats(0, 100), min_size=1, max_size=99).map(sorted),
    budget=st.floats(1, 200),
    spent=st.floats(0, 200),
)
def test_the_most_that_a_budget_allows_is_inside_and_one_more_is_not(table, budget, spent) -> None:
    given_pct = Budget(excess=budget, expected=tuple(table)).most_pct(spent)
    assert given_pct == 0 or spent + table[given_pct - 1] <= budget
    assert given_pct == len(table) or spent + table[given_pct] > budget
