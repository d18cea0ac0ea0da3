import pytest

from analysis.stats.harmed import harmed
from engine.core.verdict import ArmSummary, Effect, Finding
from tests.builders import a_finding


def found(
    bad: int, estimate: float | None, low: float | None = None, high: float | None = None, **changes: object
) -> Finding:
    arm = ArmSummary(bad=bad, total=1000, step_bad=0, step_total=0)
    effect = Effect(measure="risk ratio", estimate=estimate, low=low, high=high, alpha=0.05)
    return a_finding(treatment=arm, effect=effect, **changes)


def test_of_sixty_errors_at_three_times_the_rate_forty_are_extra() -> None:
    assert harmed(found(60, 3.0, 1.5, 6.0)) == pytest.approx((40.0, 20.0, 50.0))


def test_fewer_than_control_are_spared() -> None:
    estimate, low, high = harmed(found(30, 0.75, 0.5, 1.0)) or (None, None, None)
    assert (estimate, low, high) == pytest.approx((-10.0, -30.0, 0.0))


def test_without_errors_in_control_all_are_extra_and_open_ends_stay_open() -> None:
    assert harmed(found(12, None)) == (12.0, None, 12.0)


def test_without_counted_trials_the_difference_tells() -> None:
    assert harmed(found(0, 0.0, None, 0.8, difference=-0.02)) == (-20.0, None, 0.0)
    assert harmed(found(0, None, difference=None)) is None


def test_without_a_ratio_or_trials_nothing_is_known() -> None:
    share = Effect(measure="share", estimate=0.1, low=0.0, high=0.2, alpha=0.05)
    empty = ArmSummary(bad=0, total=0, step_bad=0, step_total=0)
    assert harmed(a_finding(effect=share)) is None
    assert harmed(a_finding(treatment=empty)) is None


def test_events_at_twice_the_rate_are_half_extra_and_means_harm_nobody_countable() -> None:
    arm = ArmSummary(bad=30, total=2.5, step_bad=0, step_total=0)
    for measure, extra in (("rate ratio", (15.0, 0.0, 20.0)), ("ratio of means", None)):
        effect = Effect(measure=measure, estimate=2.0, low=1.0, high=3.0, alpha=0.05)
        assert harmed(a_finding(treatment=arm, effect=effect)) == pytest.approx(extra)
