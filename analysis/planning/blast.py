"""The blast radius: how many bad trials it costs on average to find harm, at every weight. Pure.

Bad trials beyond control's until the declared effect is found hardly depend on the traffic or on how rare
they are: rarer trials take more requests to find, of which fewer are bad. So a budget can be kept without
knowing either. They do grow with the weight, because every request taken from control tells less.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np

from analysis.design.bounds import conditional_kl_bound
from analysis.design.outcome import walk
from analysis.design.rules import Rule
from analysis.design.traffic import Leg, Traffic, Truth
from analysis.planning.questions import Question, question_of
from analysis.planning.traffic import Flow, is_planned
from engine.core.model import Experiment
from engine.errors import UsageError

_WEIGHTS_PCT = (1, 5, 10, 20, 35, 50, 65, 80, 90, 99)
_NOMINAL = Flow(rate_per_s=1.0, base_rate=0.01)
_FAR = 10.0
"""How many times the shortest mean a run may take: hardly any takes longer."""
_LOOKS = 2000


def with_budget(experiment: Experiment) -> Experiment:
    """The experiment with what finding harm costs at every weight, if its plan has a budget.

    Of several metrics the dearest counts; each is taken as if only it were harmed.

    Raises:
        UsageError: there is a budget, and no metric is a share of bad trials.
    """
    budget = experiment.plan.budget
    if budget is None:
        return experiment
    metrics = [metric for metric in experiment.metrics if is_planned(metric)]
    if not metrics:
        msg = "a budget of bad trials needs a deciding metric that counts them, such as a proportion"
        raise UsageError(msg)
    most_pct = max(step.weight_pct for step in experiment.plan.steps)
    tables = [expected_excess(question_of(experiment, each, _NOMINAL), most_pct) for each in metrics]
    expected = most_of(tables)
    return replace(experiment, plan=replace(experiment.plan, budget=replace(budget, expected=expected)))


def most_of(tables: Sequence[Sequence[float]]) -> tuple[float, ...]:
    """Of each weight the largest number, and never less than at a smaller weight."""
    highest = np.maximum.accumulate(np.max(np.asarray(tables), axis=0))
    return tuple(highest.tolist())


def expected_excess(question: Question, most_pct: int = 99) -> tuple[float, ...]:
    """Mean bad trials beyond control's until the effect is rolled back, at 1, 2, ... `most_pct` %."""
    return _expected(question.harm, question.effect, question.dispersion, question.swapped, most_pct)


@lru_cache(maxsize=64)
def _expected(
    rule: Rule, effect: float, dispersion: float, swapped: bool, most_pct: int
) -> tuple[float, ...]:
    weights = [*(pct for pct in _WEIGHTS_PCT if pct < most_pct), most_pct]
    found = [_at(rule, effect, dispersion, pct / 100.0, swapped=swapped) for pct in weights]
    return tuple(np.interp(np.arange(1, most_pct + 1), weights, found).tolist())


def _at(rule: Rule, effect: float, dispersion: float, share: float, *, swapped: bool) -> float:
    """At one weight. Where more is better, the walk's treatment is control; see `questions`."""
    base = _NOMINAL.base_rate
    walked = 1.0 - share if swapped else share
    truth = Truth(base_rate=base / effect if swapped else base, ratio=effect, dispersion=dispersion)
    beyond = max(effect, 1.02 * rule.null_ratio)
    least = conditional_kl_bound(
        truth.base_rate, beyond, walked, np.exp(-rule.log_threshold), rule.null_ratio
    )
    leg = Leg(share=walked, treatment_requests=_FAR * dispersion * least)
    traffic = Traffic(legs=(leg,), requests_per_look=leg.treatment_requests / walked / _LOOKS)
    requests = walk(truth, traffic, rollback=rule, promotion=None).mean_requests
    served = requests * share / walked if not swapped else requests * share / (1.0 - share)
    extra = base * (1.0 - 1.0 / effect) if swapped else base * (effect - 1.0)
    return served * extra
