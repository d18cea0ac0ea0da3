"""The release of the demonstration that users decide ends as it must with at least 99.7 %.

Whole tests are simulated, look by look, with the analysis of product experiments: without a failure in 1,000
of them the chance of one is below 0.3 % (95 % confidence, rule of three).
"""

import numpy as np
import pytest
import yaml

from analysis.product.analyse import analyse
from analysis.product.result import Outcome
from analysis.product.totals import ALL, Totals
from engine import spec
from engine.core.product import ProductPlan
from engine.demo.asking import EVERY_S, FIRST_AFTER_S
from engine.demo.scenarios import (
    CLASSIC,
    HORIZON_S,
    SCENARIOS,
    SHORT,
    VISITORS_PER_S,
    document,
    flag_target,
)
from engine.demo.shop.checkout import FORMS
from engine.demo.shop.visitors import DECLINED, GIVE_UP
from tests.analysis.product.counting import counted
from tests.analysis.product.totalling import moments_of
from tests.builders import NOW_S

RUNS = 1000
SEED = 1
FIRST_LOOK, BETWEEN_LOOKS, LAST_LOOK = (
    int(VISITORS_PER_S * s) for s in (FIRST_AFTER_S, EVERY_S + 3, HORIZON_S / 2)
)
LOOKS = range(FIRST_LOOK, LAST_LOOK, BETWEEN_LOOKS)
"""Exposed visitors at each look, which itself takes some 3 s; half of the horizon is for slow machines."""
LARGEST_ORDER = 84.0
"""In EUR: about where the experiment cuts them, at the 99th percentile over all visitors."""


class Shoppers:
    """Visitors of the sample shop as they truly are, in the order in which they are exposed."""

    def __init__(self, count: int, rng: np.random.Generator) -> None:
        self._treated = rng.random(count) < 0.5
        forms = np.where(self._treated, FORMS[SHORT], FORMS[CLASSIC])
        paying = rng.random(count) < (1 - GIVE_UP) ** forms
        declined = paying & (rng.random(count) < DECLINED)
        bought = paying & ~declined
        worth = np.minimum(np.round(rng.lognormal(3.4, 0.5, count), 2), LARGEST_ORDER)
        self._numbers = {"bought": bought, "declined": declined, "revenue": bought * worth}

    def totals(self, count: int) -> Totals:
        """What a look finds after so many of them."""
        arms = {CLASSIC: ~self._treated[:count], SHORT: self._treated[:count]}
        return Totals(
            units={(variant, ALL): int(arm.sum()) for variant, arm in arms.items()},
            moments={
                (variant, ALL, name): moments_of(y=values[:count][arm].astype(float))
                for variant, arm in arms.items()
                for name, values in self._numbers.items()
            },
            buckets={},
            caps={},
            counted=counted(
                first_s=NOW_S,
                last_s=NOW_S + 1,
                events_by_name=dict.fromkeys(("purchase", "declined"), 1),
                valueless={"revenue": 0},
            ),
        )


def concluded(plan: ProductPlan, rng: np.random.Generator) -> tuple[Outcome, int]:
    """What is carried out in the end, and how many visitors that took."""
    shoppers = Shoppers(max(LOOKS), rng)
    for count in LOOKS:
        outcome = analyse(plan, shoppers.totals(count), NOW_S + 30).answer.outcome
        if outcome in {Outcome.SHIP, Outcome.KEEP_CONTROL}:
            return outcome, count
    return Outcome.KEEP_RUNNING, max(LOOKS)


@pytest.mark.slow
def test_users_of_the_demonstration_say_ship_and_soon():
    [scenario] = [each for each in SCENARIOS if each.product is not None]
    content = document(scenario, flag_target(scenario, "flags.json", "http://127.0.0.1:9090"), "http://h/")
    plan = spec.product_plan(spec.parse(yaml.safe_dump(content), "demo.yaml"))
    rng = np.random.default_rng(SEED)
    ends = [concluded(plan, rng) for _ in range(RUNS)]
    assert {outcome for outcome, _ in ends} == {Outcome.SHIP}
    assert np.mean([count <= 2 * LOOKS[0] for _, count in ends]) > 0.9
