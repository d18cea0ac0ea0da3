# ruff: noqa: S101, D102 (a suite asserts, and the names of its tests are sentences)
"""What every target must do. Subclass the suite of its kind and provide the fixtures that the suite names.

`TargetContract` is for every target, and takes both ends for final. `ReversibleTargetContract` is the same
and more, for one that comes back from them; `SeveralTreatmentsContract` is more again, for one that splits
traffic over several treatments, and `TidyTargetContract` for one that puts away at the end what only a run
needs. None starts or stops what carries the traffic.
"""

from collections.abc import Callable

import pytest

from engine.core.target import ALL_TO_CONTROL, ALL_TO_TREATMENT, TargetGone, TargetState, Weights
from engine.ports import Target, Tidy


def state(answer: TargetState | TargetGone) -> TargetState:
    """The answer, which must be a usable one."""
    assert isinstance(answer, TargetState), answer
    return answer


class TargetContract:
    """The suite for every target: `target`, with one treatment, `vanish`, and for a ladder `possible_pct`."""

    @pytest.fixture
    def target(self) -> Target:
        """The target under test, with all traffic on control."""
        raise NotImplementedError

    @pytest.fixture
    def possible_pct(self) -> tuple[int, ...]:
        """Percents between the ends that the treatment may have, rising; none where it is all or nothing."""
        return (1, 20, 30, 31, 40, 99)

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

    def test_apply_is_absolute_and_observe_reads_it_back(
        self, target: Target, possible_pct: tuple[int, ...]
    ) -> None:
        for treatment_pct in (*possible_pct, *reversed(possible_pct), *possible_pct[::2], 100):
            applied = state(target.apply(Weights.of(treatment_pct)))
            assert applied.weights == Weights.of(treatment_pct)
            assert state(target.observe()) == applied

    def test_all_traffic_can_be_taken_back(self, target: Target, possible_pct: tuple[int, ...]) -> None:
        for treatment_pct in possible_pct[-1:]:
            state(target.apply(Weights.of(treatment_pct)))
        applied = state(target.apply(ALL_TO_CONTROL))
        assert applied.weights == ALL_TO_CONTROL
        assert state(target.observe()).weights == ALL_TO_CONTROL

    def test_applying_the_same_weights_again_changes_nothing(
        self, target: Target, possible_pct: tuple[int, ...]
    ) -> None:
        for treatment_pct in (*possible_pct[:1], 100):
            once = state(target.apply(Weights.of(treatment_pct)))
            assert state(target.apply(Weights.of(treatment_pct))) == once

    def test_taking_back_again_changes_nothing(self, target: Target) -> None:
        once = state(target.apply(ALL_TO_CONTROL))
        assert state(target.apply(ALL_TO_CONTROL)) == once

    def test_version_changes_exactly_when_the_target_does(
        self, target: Target, possible_pct: tuple[int, ...]
    ) -> None:
        versions = [state(target.observe()).version]
        for treatment_pct in (*possible_pct, 100):
            moved = state(target.apply(Weights.of(treatment_pct))).version
            assert state(target.observe()).version == moved
            assert moved not in versions
            versions.append(moved)

    def test_an_act_that_rests_on_another_version_is_refused(
        self, target: Target, possible_pct: tuple[int, ...]
    ) -> None:
        first, following = (*possible_pct, 100, 100)[:2]
        before = state(target.observe())
        moved = state(target.apply(Weights.of(first), before.version))
        assert moved.weights == Weights.of(first)
        assert isinstance(target.apply(Weights.of(following), before.version), TargetGone)
        assert state(target.observe()) == moved
        assert state(target.apply(Weights.of(following), moved.version)).weights == Weights.of(following)

    def test_observing_moves_no_traffic(self, target: Target, possible_pct: tuple[int, ...]) -> None:
        routed = Weights.of((*possible_pct, 100)[0])
        state(target.apply(routed))
        assert [state(target.observe()).weights for _ in range(3)] == [routed] * 3

    def test_ready_arms_say_since_when(self, target: Target) -> None:
        seen = state(target.observe())
        for health in (seen.control, seen.treatment):
            assert health.ready
            assert health.ready_since_s is not None

    def test_a_vanished_target_says_so_and_raises_nothing(
        self, target: Target, vanish: Callable[[], None], possible_pct: tuple[int, ...]
    ) -> None:
        vanish()
        for answer in (target.observe(), target.apply(Weights.of((*possible_pct, 100)[0]))):
            assert isinstance(answer, TargetGone)
            assert answer.detail

    def test_weights_for_more_treatments_than_one_change_nothing(self, target: Target) -> None:
        before = state(target.observe())
        assert isinstance(target.apply(Weights.of(20, 20)), TargetGone)
        assert state(target.observe()) == before


class ReversibleTargetContract(TargetContract):
    """The suite for a target that can leave both ends again, and be put at any of its shares from there."""

    def test_every_share_is_reached_from_everywhere(
        self, target: Target, possible_pct: tuple[int, ...]
    ) -> None:
        every = (0, *possible_pct, 100)
        for treatment_pct in every:
            for before in (0, every[len(every) // 2], 100):
                state(target.apply(Weights.of(before)))
                applied = state(target.apply(Weights.of(treatment_pct)))
                assert applied.weights == Weights.of(treatment_pct)
                assert state(target.observe()) == applied

    def test_both_ends_are_left_again(self, target: Target) -> None:
        for end in (ALL_TO_TREATMENT, ALL_TO_CONTROL, ALL_TO_TREATMENT):
            assert state(target.apply(end)).weights == end
            assert state(target.apply(end)) == state(target.observe())


class TidyTargetContract(ReversibleTargetContract):
    """The suite for a target that has things which only a run needs, and puts them away at its end."""

    def test_a_finished_target_is_at_its_end_with_nothing_left_of_the_run(self, target: Target) -> None:
        for end in (ALL_TO_CONTROL, ALL_TO_TREATMENT):
            assert state(target.apply(Weights.of(20))).leftovers
            finished = state(_tidy(target).finish(end))
            assert (finished.weights, finished.leftovers, finished.ended) == (end, False, "")
            assert state(target.observe()) == finished

    def test_finishing_again_changes_nothing(self, target: Target) -> None:
        for end in (ALL_TO_CONTROL, ALL_TO_TREATMENT):
            state(target.apply(end))
            once = state(_tidy(target).finish(end))
            assert state(_tidy(target).finish(end)) == once
            assert state(target.observe()) == once

    def test_a_finish_that_rests_on_another_version_is_refused(self, target: Target) -> None:
        before = state(target.observe())
        moved = state(target.apply(Weights.of(20)))
        assert isinstance(_tidy(target).finish(ALL_TO_TREATMENT, before.version), TargetGone)
        assert state(target.observe()) == moved
        assert state(_tidy(target).finish(ALL_TO_TREATMENT, moved.version)).weights == ALL_TO_TREATMENT

    def test_the_next_run_begins_where_a_run_was_finished(self, target: Target) -> None:
        for end in (ALL_TO_CONTROL, ALL_TO_TREATMENT):
            state(_tidy(target).finish(end))
            assert state(target.apply(ALL_TO_CONTROL)).weights == ALL_TO_CONTROL
            assert state(target.apply(Weights.of(20))).weights == Weights.of(20)

    def test_a_split_is_no_end(self, target: Target) -> None:
        before = state(target.apply(Weights.of(20)))
        assert isinstance(_tidy(target).finish(Weights.of(20)), TargetGone)
        assert state(target.observe()) == before

    def test_a_vanished_target_is_not_finished(self, target: Target, vanish: Callable[[], None]) -> None:
        vanish()
        assert isinstance(_tidy(target).finish(ALL_TO_CONTROL), TargetGone)


def _tidy(target: Target) -> Tidy:
    assert isinstance(target, Tidy)
    return target


class SeveralTreatmentsContract(ReversibleTargetContract):
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
