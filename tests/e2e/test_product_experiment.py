"""A product experiment from sample to answer: what is true of the shop is found, and every planted fault."""

from pathlib import Path

import pytest

from analysis.product.analyse import analyse
from analysis.product.result import Analysis, Answer, Outcome, ProductRule, Standing
from engine.cli.ab import exit_code
from engine.core.outcome import ExitCode
from engine.product.choices import Planted
from engine.product.looking import plan_in, totals_of
from engine.product.sample import write_sample
from engine.product.shop import DAY_S, Shop

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

STARTS_S = 1_772_409_600.0
"""Monday, 2 March 2026."""
LOOK_S = STARTS_S + 14.5 * DAY_S
GRAVE = {
    Planted.SPLIT,
    Planted.UNKNOWN_VARIANT,
    Planted.CROSSED,
    Planted.BIASED_BEFORE,
    Planted.EARLY_UNEVEN,
    Planted.MACHINES_UNEVEN,
    Planted.FUTURE,
    Planted.EVENTS_ENDED,
}
"""Those that forbid an answer."""
FOLLOWS = {
    Planted.UNKNOWN_VARIANT: {"split", "missing_day"},
    Planted.MACHINES_UNEVEN: {"machines"},
}
"""What else a fault amounts to."""
_LATE = {Planted.OLD: 5 * DAY_S}


def looked(directory: Path, fault: Planted | None = None, lift: float = 0.15) -> Analysis:
    """What a look at 100,000 visitors says, ten minutes after the last row."""
    late_s = 0.0 if fault is None else _LATE.get(fault, 0.0)
    shop = Shop(starts_s=STARTS_S, ends_s=LOOK_S - late_s - 600, lift=lift, fault=fault)
    file = write_sample(directory, shop).experiment
    plan = plan_in(file)
    return analyse(plan, totals_of(plan, file, LOOK_S), LOOK_S)


def test_what_is_true_of_the_shop_is_found(tmp_path: Path) -> None:
    analysis = looked(tmp_path, lift=0.25)
    effects = {each.metric: each for each in analysis.effects}
    assert analysis.answer == Answer(
        outcome=Outcome.SHIP, rule=ProductRule.OBJECTIVE_BETTER, variant="one-page", metric="ordered"
    )
    assert analysis.faults == ()
    between = effects["revenue"].relative_interval
    assert between is not None
    assert between.low < 0.25 < between.high
    standings = [effects[name].standing for name in ("load_seconds", "errors", "came_back")]
    assert standings == [Standing.BETTER, Standing.NOT_WORSE, Standing.UNCLEAR]


@pytest.mark.parametrize("fault", Planted)
def test_every_planted_fault_is_found_and_named(tmp_path: Path, fault: Planted) -> None:
    analysis = looked(tmp_path, fault)
    found = {str(each.kind) for each in analysis.faults}
    assert {str(fault)} <= found <= {str(fault), *FOLLOWS.get(fault, set())}
    assert (exit_code(analysis.answer) is ExitCode.NOT_TRUSTED) == (fault in GRAVE)


def test_a_split_that_is_off_in_one_browser_is_named_by_it(tmp_path: Path) -> None:
    parts = {each.what for each in looked(tmp_path, Planted.SPLIT).faults}
    assert "browser=safari" in parts
    assert not parts & {"browser=chrome", "browser=firefox", "browser=edge"}
