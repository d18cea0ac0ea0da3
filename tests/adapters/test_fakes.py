from collections.abc import Callable

import pytest

from engine.adapters.fakes import FakeTarget, FakeTargetOptions
from engine.core.target import TargetGone, Weights
from engine.testing.targets import SeveralTreatmentsContract, state


class TestFakeTargetKeepsTheContract(SeveralTreatmentsContract):
    @pytest.fixture
    def target(self) -> FakeTarget:
        return FakeTarget()

    @pytest.fixture
    def several(self) -> FakeTarget:
        return FakeTarget(FakeTargetOptions(more_treatments=("v3",)))

    @pytest.fixture
    def vanish(self, target: FakeTarget) -> Callable[[], None]:
        def go() -> None:
            target.gone = "pulled out"

        return go


def test_a_vanished_fake_changes_nothing() -> None:
    target = FakeTarget()
    target.gone = "pulled out"
    target.apply(Weights.of(50))
    target.gone = None
    assert state(target.observe()).weights == Weights.of(0)
    assert target.applied == []


def test_a_lost_answer_hides_an_act_that_took_effect() -> None:
    target = FakeTarget()
    target.loses_answers = True
    assert isinstance(target.apply(Weights.of(50)), TargetGone)
    assert state(target.observe()).weights == Weights.of(50)


def test_only_acts_that_change_something_are_recorded() -> None:
    target = FakeTarget()
    for treatment_pct in (10, 10, 0, 10):
        target.apply(Weights.of(treatment_pct))
    assert target.applied == [Weights.of(10), Weights.of(0), Weights.of(10)]
