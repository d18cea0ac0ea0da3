# ruff: noqa: S101, D102 (a suite asserts, and the names of its tests are sentences)
"""What every target must do. Subclass the suite of its kind and provide the fixtures that the suite names.

`TargetContract` is for every target; `SeveralTreatmentsContract` is the same and more, for a target that can
split traffic over several treatments. Neither starts or stops what carries the traffic.
"""

from collections.abc import Callable

import pytest

from engine.core.target import ALL_TO_CONTROL, ALL_TO_TREATMENT, TargetGone, TargetState, Weights
from engine.ports import Target


def state(answer: TargetState | TargetGone) -> TargetState:
    """The answer, which must be a usable one."""
    assert isinstance(answer, TargetState), answer
    return answer


class TargetContract:
    """The suite for every target: fixtures `target`, with one treatment, and `vanish`."""

    @pytest.fixture
    def target(self) -> Target:
        """The target under test, with all traffic on control."""
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

    def test_weights_for_more_treatments_than_one_change_nothing(self, target: Target) -> None:
        before = state(target.apply(Weights.of(25)))
        assert isinstance(target.apply(Weights.of(20, 20)), TargetGone)
        assert state(target.observe()) == before


class SeveralTreatmentsContract(TargetContract):
    """The suite for a target that splits traffic over several treatments: fixture `several` as well."""

    @pytest.fixture
    def several(self) -> Target:
        """A target with exactly two treatments."""
        raise NotImplementedError

    def test_several_treatments_have_names_and_labels_of_their_own(self, several: Target) -> None:
        facts = several.facts()
        assert len({facts.control, facts.treatment, *facts.more_treatments}) == 3
        labels = [*facts.arm_labels.values(), *facts.more_labels]
        assert len(labels) == 3
        assert all(one != other for index, one in enumerate(labels) for other in labels[:index])
        assert facts.router is None or len(facts.router.more_labels) == 1

    @pytest.mark.parametrize("shares", [(50, 25), (25, 25), (0, 100), (0, 30), (100, 0), (40, 0), (0, 0)])
    def test_several_treatments_are_applied_and_read_back(
        self, several: Target, shares: tuple[int, int]
    ) -> None:
        for before in ((0, 0), (33, 33)):
            state(several.apply(Weights.of(*before)))
            applied = state(several.apply(Weights.of(*shares)))
            assert applied.weights == Weights.of(*shares)
            assert state(several.observe()) == applied

    def test_every_treatment_says_since_when_it_is_ready(self, several: Target) -> None:
        seen = state(several.observe())
        assert len(seen.treatments) == 2
        assert all(health.ready and health.ready_since_s is not None for health in seen.treatments)

    def test_a_dropped_treatment_leaves_the_others_as_they_are(self, several: Target) -> None:
        before = state(several.apply(Weights.of(25, 25)))
        after = state(several.apply(Weights.of(0, 25)))
        assert (after.weights.control, after.weights.treatments) == (75, (0, 25))
        assert after.version != before.version

    def test_weights_for_more_treatments_than_there_are_change_nothing(self, several: Target) -> None:
        before = state(several.apply(Weights.of(25, 25)))
        assert isinstance(several.apply(Weights.of(20, 20, 20)), TargetGone)
        assert state(several.observe()) == before
