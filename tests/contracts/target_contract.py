"""What every target must do. Subclass it and provide the fixtures `target` and `vanish`."""

from collections.abc import Callable

import pytest

from engine.core.target import ALL_TO_CONTROL, ALL_TO_TREATMENT, TargetGone, TargetState, Weights
from engine.ports import Target


def state(answer: TargetState | TargetGone) -> TargetState:
    """The answer, which must be a usable one."""
    assert isinstance(answer, TargetState), answer
    return answer


class TargetContract:
    """The suite."""

    @pytest.fixture
    def target(self) -> Target:
        raise NotImplementedError

    @pytest.fixture
    def vanish(self) -> Callable[[], None]:
        """Makes the target unreachable."""
        raise NotImplementedError

    def test_key_and_variants_are_stable(self, target: Target) -> None:
        assert target.facts() == target.facts()
        assert target.facts().key
        assert target.facts().control != target.facts().treatment

    def test_arm_labels_tell_the_arms_apart(self, target: Target) -> None:
        labels = list(target.facts().arm_labels.values())
        assert len(labels) == 2
        assert labels[0] != labels[1]

    @pytest.mark.parametrize("treatment_pct", [0, 1, 20, 99, 100])
    def test_apply_is_absolute_and_observe_reads_it_back(self, target: Target, treatment_pct: int) -> None:
        for before in (0, 50, 100):
            state(target.apply(Weights.of(before)))
            applied = state(target.apply(Weights.of(treatment_pct)))
            assert applied.weights == Weights.of(treatment_pct)
            assert state(target.observe()) == applied

    def test_applying_the_same_weights_again_changes_nothing(self, target: Target) -> None:
        once = state(target.apply(Weights.of(30)))
        assert state(target.apply(Weights.of(30))) == once

    def test_version_changes_exactly_when_the_target_does(self, target: Target) -> None:
        first = state(target.apply(Weights.of(30))).version
        assert state(target.observe()).version == first
        assert state(target.apply(Weights.of(31))).version != first

    def test_observing_moves_no_traffic(self, target: Target) -> None:
        state(target.apply(Weights.of(40)))
        assert [state(target.observe()).weights for _ in range(3)] == [Weights.of(40)] * 3

    def test_both_ends_are_reachable(self, target: Target) -> None:
        assert state(target.apply(ALL_TO_TREATMENT)).weights == ALL_TO_TREATMENT
        assert state(target.apply(ALL_TO_CONTROL)).weights == ALL_TO_CONTROL

    def test_ready_arms_say_since_when(self, target: Target) -> None:
        seen = state(target.observe())
        for health in (seen.control, seen.treatment):
            assert health.ready
            assert health.ready_since_s is not None

    def test_a_vanished_target_says_so_and_raises_nothing(
        self, target: Target, vanish: Callable[[], None]
    ) -> None:
        vanish()
        for answer in (target.observe(), target.apply(Weights.of(10))):
            assert isinstance(answer, TargetGone)
            assert answer.detail
