"""What every intake must do. A test class for one subclasses this and provides `intake`."""

import itertools
import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from engine.intake import Exposure, Intake, Occurrence, Record

EXPOSED = Exposure(
    source="/shop",
    id="x1",
    experiment="checkout",
    unit="ada",
    variant="v2",
    at_s=1000.25,
    dimensions={"country": "de"},
)
DID = Occurrence(
    source="/shop", id="e1", unit="ada", name="purchase", value=0.1, at_s=1001.5, event_id="order-1"
)
NOW_S = 2000.0


class IntakeContract:
    """Uses of one intake by one process."""

    @pytest.fixture
    def intake(self) -> Intake:
        raise NotImplementedError

    def test_what_is_taken_in_comes_out_as_it_was(self, intake: Intake) -> None:
        no_value = replace(DID, id="e2", value=None, name="größe 🙂")
        intake.take_in([EXPOSED, DID, no_value], NOW_S)
        assert list(intake.exposures("checkout")) == [EXPOSED]
        assert sorted(intake.occurrences("checkout"), key=lambda each: each.id) == [DID, no_value]

    def test_nothing_is_taken_in_without_harm(self, intake: Intake) -> None:
        intake.take_in([], NOW_S)
        assert list(intake.exposures("checkout")) == []

    def test_the_same_record_counts_once_within_and_between_batches(self, intake: Intake) -> None:
        for _ in range(2):
            intake.take_in([EXPOSED, DID, EXPOSED, DID], NOW_S)
        assert list(intake.exposures("checkout")) == [EXPOSED]
        assert list(intake.occurrences("checkout")) == [DID]

    def test_the_same_id_of_another_source_is_another_record(self, intake: Intake) -> None:
        intake.take_in([EXPOSED, DID, replace(DID, source="/app"), replace(EXPOSED, source="/app")], NOW_S)
        assert len(list(intake.exposures("checkout"))) == 2
        assert len(list(intake.occurrences("checkout"))) == 2

    @pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
    @pytest.mark.parametrize("at_once", [True, False])
    def test_of_an_exposure_told_with_several_times_the_earliest_is_kept(
        self, intake: Intake, order: Sequence[int], at_once: bool
    ) -> None:
        told = [
            EXPOSED,
            replace(EXPOSED, at_s=900.0, dimensions={"country": "at"}),
            replace(EXPOSED, at_s=950.0, dimensions={}),
        ]
        batches: list[list[Record]] = [[told[place]] for place in order]
        for batch in [list(itertools.chain(*batches))] if at_once else batches:
            intake.take_in(batch, NOW_S)
        assert list(intake.exposures("checkout")) == [told[1]]

    def test_events_belong_to_every_experiment_that_exposed_their_unit(self, intake: Intake) -> None:
        other = replace(EXPOSED, id="x2", experiment="search", unit="ada")
        bob = replace(DID, id="e2", unit="bob")
        intake.take_in([EXPOSED, other, DID, bob], NOW_S)
        for experiment in ("checkout", "search"):
            assert list(intake.occurrences(experiment)) == [DID]
            assert len(list(intake.exposures(experiment))) == 1
        assert list(intake.occurrences("unknown")) == []

    def test_a_unit_exposed_twice_has_its_events_once(self, intake: Intake) -> None:
        intake.take_in([EXPOSED, replace(EXPOSED, id="x2", variant="v1"), DID], NOW_S)
        assert list(intake.occurrences("checkout")) == [DID]

    def test_the_names_of_dimensions_are_those_of_all_exposures(self, intake: Intake) -> None:
        more = replace(EXPOSED, id="x2", dimensions={"browser": "firefox"})
        other = replace(EXPOSED, id="x3", experiment="search", dimensions={"age": "7"})
        intake.take_in([EXPOSED, more, other], NOW_S)
        assert list(intake.dimensions("checkout")) == ["browser", "country"]
        assert list(intake.dimensions("unknown")) == []

    def test_threads_that_bring_the_same_and_other_records_lose_none(self, intake: Intake) -> None:
        errors: list[Exception] = []

        def bring(first: int) -> None:
            try:
                for number in range(first, first + 30):
                    intake.take_in([EXPOSED, replace(DID, id=f"e{number}"), replace(DID, id="same")], NOW_S)
            except Exception as error:
                errors.append(error)

        threads = [threading.Thread(target=bring, args=(1000 * each,)) for each in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert errors == []
        assert len(list(intake.occurrences("checkout"))) == 4 * 30 + 1
        assert list(intake.exposures("checkout")) == [EXPOSED]

    def test_many_records_come_out_whole(self, intake: Intake) -> None:
        many: list[Any] = [replace(DID, id=f"e{number}", value=float(number)) for number in range(12_000)]
        intake.take_in([EXPOSED, *many], NOW_S)
        assert sum(each.value or 0 for each in intake.occurrences("checkout")) == sum(range(12_000))
