"""What every intake must do. A test class for one subclasses this and provides `intake`."""

import itertools
import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from engine.intake import Exposure, Intake, Occurrence, Old, Record, Swept

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

    def test_what_is_old_goes_and_the_rest_stays(self, intake: Intake) -> None:
        intake.take_in([EXPOSED, DID], NOW_S)
        intake.take_in([replace(EXPOSED, id="x2"), replace(DID, id="e2")], NOW_S + 1)
        old = Old(before_s=NOW_S + 1)
        for kind in (Exposure, Occurrence):
            assert intake.sweep(kind, old, 100) == Swept(deleted=1, upto_s=None)
            assert intake.sweep(kind, old, 100) == Swept(deleted=0, upto_s=None)
        assert [each.id for each in intake.exposures("checkout")] == ["x2"]
        assert [each.id for each in intake.occurrences("checkout")] == ["e2"]

    def test_the_receipt_that_counts_is_the_first(self, intake: Intake) -> None:
        for at_s in (NOW_S, NOW_S + 1):
            intake.take_in([replace(EXPOSED, at_s=3000.0 - at_s), DID], at_s)
        for kind in (Exposure, Occurrence):
            assert intake.sweep(kind, Old(before_s=NOW_S + 1), 100).deleted == 1

    def test_spared_experiments_keep_their_exposures_and_all_that_their_units_did(
        self, intake: Intake
    ) -> None:
        search, bob = (
            replace(EXPOSED, id="x2", experiment="search"),
            replace(EXPOSED, id="x3", experiment="search", unit="bob"),
        )
        did = [DID, replace(DID, id="e2", unit="bob"), replace(DID, id="e3", unit="eve")]
        intake.take_in([EXPOSED, search, bob, *did], NOW_S)
        old = Old(before_s=NOW_S + 1, spare={"checkout", "unknown"})
        assert intake.sweep(Exposure, old, 100).deleted == 2
        assert list(intake.exposures("checkout")) == [EXPOSED]
        assert intake.sweep(Occurrence, old, 100).deleted == 2
        assert list(intake.occurrences("checkout")) == [DID]

    def test_old_records_are_gone_through_a_few_at_a_time(self, intake: Intake) -> None:
        times_s = [1.0, 2.0, 2.0, 2.0, 3.0, 4.0]
        intake.take_in([replace(EXPOSED, experiment="else")], NOW_S)
        for number, at_s in enumerate(times_s):
            unit = "eve" if number % 2 else "ada"
            intake.take_in([replace(DID, id=f"e{number}", unit=unit)], at_s)
        old, seen, after_s = Old(before_s=NOW_S, spare={"else"}), [], 0.0
        for _ in range(len(times_s)):
            swept = intake.sweep(Occurrence, replace(old, after_s=after_s), 2)
            seen.append(swept)
            if swept.upto_s is None:
                break
            after_s = swept.upto_s
        assert [each.upto_s for each in seen] == [2.0, 4.0, None]
        assert [each.deleted for each in seen] == [2, 1, 0]
        assert sorted(each.id for each in intake.occurrences("else")) == ["e0", "e2", "e4"]

    def test_what_was_deleted_may_come_again(self, intake: Intake) -> None:
        intake.take_in([EXPOSED, DID], NOW_S)
        for kind in (Exposure, Occurrence):
            intake.sweep(kind, Old(before_s=NOW_S + 1), 100)
        intake.take_in([EXPOSED, DID], NOW_S)
        assert list(intake.exposures("checkout")) == [EXPOSED]
        assert list(intake.occurrences("checkout")) == [DID]

    def test_a_unit_is_forgotten_whole_and_alone(self, intake: Intake) -> None:
        bob = [replace(EXPOSED, id="x3", unit="bob"), replace(DID, id="e3", unit="bob")]
        search = replace(EXPOSED, id="x2", experiment="search")
        intake.take_in([EXPOSED, search, DID, replace(DID, id="e2"), *bob], NOW_S)
        gone = intake.forget("ada")
        assert (gone.exposures, gone.occurrences) == (2, 2)
        assert list(gone.experiments) == ["checkout", "search"]
        assert list(intake.exposures("search")) == []
        assert list(intake.exposures("checkout")) == bob[:1]
        assert list(intake.occurrences("checkout")) == bob[1:]
        again = intake.forget("ada")
        assert (again.exposures, again.occurrences, list(again.experiments)) == (0, 0, [])

    def test_a_forgotten_unit_is_not_missed_when_old_records_go(self, intake: Intake) -> None:
        intake.take_in([EXPOSED, DID], NOW_S)
        intake.forget("ada")
        for kind in (Exposure, Occurrence):
            assert intake.sweep(kind, Old(before_s=NOW_S + 1), 100).deleted == 0

    def test_records_are_taken_in_while_others_are_deleted(self, intake: Intake) -> None:
        intake.take_in([EXPOSED, *(replace(DID, id=f"old{number}") for number in range(500))], 1.0)
        stop, errors = threading.Event(), []

        def delete() -> None:
            while not stop.is_set():
                try:
                    intake.sweep(Occurrence, Old(before_s=2.0), 20)
                except Exception as error:
                    errors.append(error)

        worker = threading.Thread(target=delete)
        worker.start()
        for number in range(30):
            again = [replace(DID, id=f"old{each}") for each in range(10 * number, 10 * number + 10)]
            intake.take_in([*again, replace(DID, id=f"new{number}")], NOW_S)
        stop.set()
        worker.join()
        assert errors == []
        intake.sweep(Occurrence, Old(before_s=2.0), 1000)
        kept = {each.id for each in intake.occurrences("checkout")}
        assert {f"new{number}" for number in range(30)} <= kept

    def test_many_records_come_out_whole(self, intake: Intake) -> None:
        many: list[Any] = [replace(DID, id=f"e{number}", value=float(number)) for number in range(12_000)]
        intake.take_in([EXPOSED, *many], NOW_S)
        assert sum(each.value or 0 for each in intake.occurrences("checkout")) == sum(range(12_000))
