"""The method box says what was agreed before the run."""

from dataclasses import replace

from analysis.report.method import design
from engine.core.plan import Budget
from tests.builders import a_finding, a_verdict, an_experiment


def test_a_budget_is_shown_with_what_is_spent() -> None:
    experiment = an_experiment()
    plan = replace(experiment.plan, budget=Budget(excess=60.0, expected=(35.0,)))
    verdict = a_verdict(findings=(a_finding(),))
    without = design(experiment, verdict, None).promises
    (told,) = set(design(replace(experiment, plan=plan), verdict, None).promises) - set(without)
    assert "of the budget of 60 excess bad trials are spent" in told
