"""What an audience's share makes of a split, and whose sessions are counted."""

import pytest
from pydantic import ValidationError

from engine.adapters.kubernetes.options import Audience, ClusterOptions
from engine.adapters.kubernetes.session_series import session_series
from engine.core.model import Arm
from engine.core.target import ALL_TO_CONTROL, ALL_TO_TREATMENT, Weights
from engine.fields import format_selector

LABELS = {
    Arm.CONTROL: {"namespace": "store", "revision": "shop.one"},
    Arm.TREATMENT: {"namespace": "store", "revision": "shop.two"},
}


@pytest.mark.parametrize(
    ("within_pct", "outside_pct", "weights"),
    [
        (0, 0, ALL_TO_CONTROL),
        (100, 0, Weights.of(30)),
        (100, 100, ALL_TO_TREATMENT),
        (50, 0, Weights.of(15)),
        (100, 10, Weights.of(37)),
        (0, 100, Weights.of(70)),
        (0.1, 0, Weights.of(1)),
        (99.9, 100, Weights.of(99)),
    ],
)
def test_the_treatment_has_its_share_of_all_visitors(
    within_pct: float, outside_pct: float, weights: Weights
) -> None:
    assert Audience(share_pct=30).weights(within_pct=within_pct, outside_pct=outside_pct) == weights


@pytest.mark.parametrize("share_pct", [1, 50, 99])
def test_no_mixture_looks_like_a_state_of_a_run(share_pct: int) -> None:
    audience = Audience(share_pct=share_pct)
    pure = {(0, 0), (100, 0), (100, 100)}
    for within_pct in range(0, 101, 5):
        for outside_pct in range(0, 101, 5):
            weights = audience.weights(within_pct=within_pct, outside_pct=outside_pct)
            assert audience.possible(weights) == ((within_pct, outside_pct) in pure)


@pytest.mark.parametrize("share_pct", [0, 100])
def test_an_audience_leaves_control_somebody(share_pct: int) -> None:
    with pytest.raises(ValidationError, match="share_pct"):
        Audience(share_pct=share_pct)


def test_only_sessions_of_the_two_versions_are_counted() -> None:
    options = ClusterOptions.model_validate(
        {"sessions": {"total": 'visits_total{kind="shop"}', "converted": "bought_total"}}
    )
    series = session_series(options, LABELS)
    assert series is not None
    ours = r'namespace="store",revision=~"shop\\.one|shop\\.two"'
    assert format_selector(series.total) == f'visits_total{{kind="shop",{ours}}}'
    assert format_selector(series.converted) == f"bought_total{{{ours}}}"


def test_without_counters_there_are_no_sessions() -> None:
    assert session_series(ClusterOptions(), LABELS) is None


def test_a_counter_is_no_expression() -> None:
    with pytest.raises(ValidationError, match="not an expression"):
        ClusterOptions.model_validate({"sessions": {"total": "sum(a)", "converted": "b"}})
