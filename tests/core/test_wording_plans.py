"""Sentences of a plan say what they must; each is called for in some plan."""

import pytest

from engine.core.wording import plans
from tests.builders import a_metric


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (plans.dispersion(2.0, declared=True), "as declared"),
        (plans.dispersion(1.5, declared=False), "`rampwise calibrate`"),
        (plans.cut_short(3600.0, 7200.0), "the first 60 min of 2 h"),
        (plans.too_short(), "nothing is promoted"),
        (plans.absolute_margin(0.001), "0.1 pp"),
        (plans.latency_is_a_share(), "share over its objective"),
        (plans.common_trials(), "common"),
        (plans.not_planned(a_metric(name="queue"), "a gauge"), "queue: not planned, a gauge."),
        (plans.several_metrics(), "only it were harmed"),
    ],
)
def test_what_a_plan_says(said: str, told: str) -> None:
    assert told in said
