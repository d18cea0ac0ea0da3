"""Days whose units have, and have not yet, had all their time."""

from analysis.product.young import over
from tests.analysis.product.values import DAY_S, START_S, a_product_metric, day

WEEK_S = 7 * DAY_S


def test_a_day_is_over_once_its_last_unit_has_had_all_its_time() -> None:
    metric = a_product_metric(within_s=WEEK_S)
    assert over(metric, day(0), START_S + DAY_S + WEEK_S) is True
    assert over(metric, day(0), START_S + DAY_S + WEEK_S - 1) is False
    assert over(metric, day(1), START_S + DAY_S + WEEK_S) is False


def test_a_time_without_an_end_is_never_over() -> None:
    assert over(a_product_metric(within_s=None), day(0), START_S + 1e9) is None
