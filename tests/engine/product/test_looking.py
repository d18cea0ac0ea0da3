"""Where the parts of a product experiment meet: which tables are looked at, as of when, and how to again."""

from dataclasses import replace
from pathlib import Path

import pytest

from analysis.product.totals import ALL, Moments, Totals, Variable
from engine.core.model import Bound, Role
from engine.core.product import Aggregate, Measure, ProductMetric, ProductPlan, Share, Tables
from engine.product import looking
from engine.product.baselines import baseline_of, baselines_in
from tests.analysis.product.counting import counted

NOW_S = 1_800_000_000.0
ONE = 1_000_000


def metric(name: str = "ordered", aggregate: Aggregate = Aggregate.CONVERSION) -> ProductMetric:
    return ProductMetric(
        name=name,
        aggregate=aggregate,
        measure=Measure(event="order"),
        role=Role.OBJECTIVE,
        margin=Bound(),
    )


def plan(warehouse: str = "data", *metrics: ProductMetric) -> ProductPlan:
    return ProductPlan(
        name="checkout",
        question="Do they buy?",
        shares=(Share(variant="old", share=0.5), Share(variant="new", share=0.5)),
        tables=Tables(warehouse=warehouse, columns={}),
        metrics=metrics or (metric(),),
    )


def totals(moments: dict[str, Moments] | None = None) -> Totals:
    return Totals(
        units={},
        moments={("old", ALL, name): each for name, each in (moments or {}).items()},
        buckets={},
        caps={},
        counted=counted(future=7),
    )


class Looked:
    """Remembers what was asked, and says that seven rows came later."""

    def __init__(self) -> None:
        self.warehouse, self.at_s = "", 0.0

    def __call__(self, asked: ProductPlan, now_s: float) -> Totals:
        self.warehouse, self.at_s = asked.tables.warehouse, now_s
        return totals()


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> Looked:
    made = Looked()
    monkeypatch.setattr(looking, "look", made)
    return made


@pytest.mark.parametrize(
    ("written", "asked"),
    [
        ("data", "/team/shop/data"),
        (".", "/team/shop"),
        ("/elsewhere", "/elsewhere"),
        ("postgres://analyst@warehouse/shop", "postgres://analyst@warehouse/shop"),
        ("duckdb:///team/shop.duckdb", "duckdb:///team/shop.duckdb"),
    ],
)
def test_a_directory_is_told_from_the_experiment_file(looked: Looked, written: str, asked: str) -> None:
    looking.totals_of(plan(written), Path("/team/shop/experiment.yaml"), NOW_S)
    assert looked.warehouse == asked


@pytest.mark.parametrize(
    ("at_s", "looks_at_s", "future"),
    [(None, NOW_S, 7), (NOW_S, NOW_S, 7), (NOW_S - 60, NOW_S - 60, 0)],
)
def test_rows_after_an_earlier_look_are_no_clock_s_fault(
    looked: Looked, at_s: float | None, looks_at_s: float, future: int
) -> None:
    found = looking.totals_of(plan(), Path("experiment.yaml"), NOW_S, at_s)
    assert (looked.at_s, found.counted.future) == (looks_at_s, future)


def test_the_origin_is_a_command_that_can_be_typed() -> None:
    origin = looking.origin_of(Path("my shop/experiment.yaml"), NOW_S)
    assert origin.command == "rampwise ab report 'my shop/experiment.yaml' --at 2027-01-15T08:00:00Z"


def moments(units: int, **sums: tuple[int, int]) -> Moments:
    """Of one variable each: its sum and its sum of squares, in ones."""
    return Moments(
        units=units,
        sums={Variable(name): total * ONE for name, (total, _) in sums.items()},
        products={(Variable(name), Variable(name)): square * ONE**2 for name, (_, square) in sums.items()},
    )


def test_baselines_are_those_of_control_s_units() -> None:
    known = baselines_in(plan(), totals({"ordered": moments(100, y=(20, 20))}))
    assert known["ordered"].mean == pytest.approx(0.2)
    assert known["ordered"].deviation ** 2 == pytest.approx(0.16 * 100 / 99)
    assert known["ordered"].explained == 0.0


@pytest.mark.parametrize("cell", [moments(1, y=(1, 1)), moments(50, y=(0, 0)), moments(50, y=(50, 50))])
def test_too_few_units_or_all_alike_tell_nothing(cell: Moments) -> None:
    assert baselines_in(plan(), totals({"ordered": cell})) == {}


def test_a_ratio_over_nothing_and_a_quantile_tell_nothing() -> None:
    ratio = moments(50, y=(5, 5), d=(0, 0))
    ratio = replace(ratio, products={**ratio.products, (Variable.Y, Variable.D): 0})
    asked = plan("data", metric("r", Aggregate.RATIO), metric("q", Aggregate.QUANTILE))
    assert baselines_in(asked, totals({"r": ratio, "q": moments(50, y=(5, 5))})) == {}


def test_a_mean_and_its_deviation_can_be_negative_and_positive() -> None:
    typed = baseline_of(metric("profit", Aggregate.SUM), "-4.2 +/- 17")
    assert (typed.mean, typed.deviation) == (-4.2, 17.0)
