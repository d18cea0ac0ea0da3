"""Sentences of a plan say what they must; each is called for in some plan."""

import pytest

from engine.core.wording import plans
from tests.builders import a_metric


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (plans.dispersion(2.0, declared=True), "as declared"),
        (plans.dispersion(1.5, declared=False), "`rampwise calibrate`"),
        (plans.unknown_metrics(["eror"], []), "'eror' to plan; the experiment has none"),
        (plans.tolerated_effect(1.01, 1.05), "within the tolerance of 1.05×"),
        (plans.impossible_effect(101.0, 0.01), "more than all"),
        (plans.false_rollbacks(1e-20, 2.5, 250.0), "hardly any are rolled back"),
        (plans.cut_short(3600.0, 7200.0), "the first 60 min of 2 h"),
        (plans.too_short(), "nothing is promoted"),
        (plans.absolute_margin(0.001), "0.1 pp"),
        (plans.latency_is_a_share(), "share over its objective"),
        (plans.common_trials(), "common"),
        (
            plans.not_planned(a_metric(name="queue"), "a gauge"),
            "queue: not planned, a gauge; a promotion takes",
        ),
        (plans.several_metrics(), "only it were harmed"),
        (plans.product_decides(), "nothing promotes this run by itself"),
    ],
)
def test_what_a_plan_says(said: str, told: str) -> None:
    assert told in said
