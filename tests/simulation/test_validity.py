"""The tables of docs/validity.md against the promises, and against a smaller run of the same simulations."""

from math import hypot, sqrt

import pytest

from tests.simulation import figures
from tests.simulation.measuring import Delay, Row, Share, rows, traffics
from tests.simulation.subjects import CASES
from tests.simulation.tables import Numbers, documented, documented_figures, documented_runs, parsed, table
from tests.simulation.watching import Regime

ALPHA = 0.05
RUNS = 60
FIGURE_RUNS = 100
REPEATED = (
    "independent",
    "ramp with shared drift",
    "few requests",
    "retry storms of 3",
    "correlated, AR(1) 0.95",
    "harm from half-time",
)
"""Traffic that is simulated again here; `make calibrate` has all of it."""
UNREACHED = {
    "at a point of the time grid": "thirty-one points share what waits",
    "between two points": "as at a point, and the way to it",
    "no errors at all": "2 % of the bet guard against one error",
}
"""Figures that the document says are not reached, and why."""


def most(runs: int, errors: float = 2.0) -> float:
    """Alpha and so many standard errors of a rate that is exactly alpha."""
    return ALPHA + errors * sqrt(ALPHA * (1.0 - ALPHA) / runs)


def assert_promised(row: Row) -> None:
    """Within three standard errors: of some hundred small samples a few are beyond two by chance."""
    for wrong in (row.false_rollbacks, row.wrong_promotions):
        assert wrong is None or wrong.value <= most(wrong.runs, 3.0), row


def assert_agree(now: Numbers, before: Numbers) -> None:
    """Within four standard errors of their difference; both are rounded to a tenth."""
    for mine, documented_one in zip(now, before, strict=True):
        if mine is None or documented_one is None:
            assert mine == documented_one
        else:
            most_apart = 4.0 * hypot(mine[1], documented_one[1]) + 0.1
            assert abs(mine[0] - documented_one[0]) <= most_apart


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.parametrize(
    ("name", "traffic"),
    [(name, traffic) for name in CASES for traffic in REPEATED if traffic in traffics(name)],
)
def test_a_smaller_run_keeps_the_promises_and_agrees_with_the_document(name: str, traffic: str) -> None:
    found = rows(name, traffic, RUNS)
    for row in found:
        assert_promised(row)
    now = parsed(f"### {name.capitalize()}\n{table(found)}")
    before = documented()
    for key, numbers in now.items():
        assert_agree(numbers, before[key])


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.parametrize("title", figures.MEASURES)
def test_a_smaller_run_of_the_figures_agrees_with_the_document(title: str) -> None:
    before = documented_figures()
    for figure in figures.MEASURES[title](FIGURE_RUNS):
        value, error, _ = before[figure.name]
        assert abs(figure.value - value) <= 4.0 * hypot(figure.error, error) + 0.001, figure


def test_the_document_has_every_kind_of_metric_in_every_traffic() -> None:
    assert {key[:2] for key in documented()} == {
        (name.capitalize(), traffic) for name in CASES for traffic in traffics(name)
    }


def test_the_document_shows_no_rate_above_alpha() -> None:
    limit = 100.0 * most(documented_runs())
    above = {
        key: numbers
        for key, numbers in documented().items()
        if any(shown is not None and shown[0] > limit for shown in (numbers[0], numbers[2]))
    }
    assert above == {}


def test_every_figure_is_reached_but_those_that_the_document_explains() -> None:
    missed = [name for name, (_, _, reached) in documented_figures().items() if not reached]
    assert [name for name in missed if not any(part in name for part in UNREACHED)] == []


def test_a_rate_above_alpha_is_noticed() -> None:
    row = Row(
        traffic="independent",
        regime=Regime.DECLARED,
        false_rollbacks=Share(happened=15, runs=100),
        found=Share(happened=1, runs=1),
        found_after=Delay(mean=1.0, error=0.0, median=1.0),
    )
    with pytest.raises(AssertionError):
        assert_promised(row)


def test_a_table_reads_back_as_the_numbers_that_it_shows() -> None:
    row = Row(
        traffic="independent",
        regime=Regime.DECLARED,
        false_rollbacks=Share(happened=10, runs=1000),
        found=Share(happened=500, runs=1000),
        found_after=Delay(mean=1234.56, error=7.89, median=1200.0),
    )
    numbers = parsed(f"### A case\n{table([row])}")["A case", "independent", "declared 1"]
    assert numbers == [(1.0, 0.3), None, None, (50.0, 1.6), (1234.6, 7.9), None, None]
