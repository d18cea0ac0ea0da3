"""One run per key: found again after a restart and by others, bounded, and ended; no other spec is taken."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from engine.core.model import Mode
from engine.core.run import Phase
from engine.errors import SpecError, StoreBusy
from engine.provider import provider as module
from engine.provider.answers import FORGOTTEN, Said
from engine.provider.provider import IDLE_S, Mismatch, Provider, TooMany
from engine.provider.question import read_question
from tests.provider.asking import body, spec
from tests.provider.conftest import Booth


def test_a_question_begins_a_run_that_moves_nothing(booth: Booth) -> None:
    run = booth.store.load(booth.ask().run).snapshot.run
    assert (run.mode, run.name[:9], run.target_key) == (
        Mode.OBSERVE,
        "checkout-",
        f"observed/shop/checkout/{run.name[9:]}",
    )


def test_the_same_key_finds_the_same_run(booth: Booth) -> None:
    assert len({booth.ask().run for _ in range(3)}) == 1


def test_the_same_key_finds_the_same_run_and_evidence_after_a_restart(booth: Booth) -> None:
    before = booth.later(ticks=3)
    booth.restart()
    assert booth.ask().run == before.run
    booth.tick(3)
    assert booth.ask().verdict is Said.PASS


def test_another_step_has_a_run_of_its_own_beside_the_first(booth: Booth) -> None:
    runs = {booth.ask(step=step).run for step in ("1", "3")}
    assert len(runs) == 2
    assert set(booth.store.active()) == runs


def test_many_questions_at_once_begin_one_run(booth: Booth) -> None:
    others = [booth.provider, booth.another()]
    for each in others:
        each.end_forgotten()  # what is in the database is known before any of them asks
    start = threading.Barrier(8)

    def ask(number: int) -> str:
        start.wait()
        try:
            return others[number % 2].answer(read_question(body())).run
        except StoreBusy:
            return booth.ask().run

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(ask, range(8)))) == 1
    assert len(booth.store.runs()) == 1


def test_a_failure_that_another_engine_found_is_known(booth: Booth) -> None:
    elsewhere = booth.another()
    elsewhere.end_forgotten()
    booth.desk.source.bad = {"control": 10, "treatment": 300}
    assert booth.later().verdict is Said.FAIL
    assert elsewhere.answer(read_question(body())).verdict is Said.FAIL


def test_a_failure_of_the_next_run_that_another_engine_found_is_known(booth: Booth) -> None:
    elsewhere = booth.another()
    first = elsewhere.answer(read_question(body())).run
    booth.desk.clock.at_s += IDLE_S + 1
    elsewhere.end_forgotten()
    booth.tick()
    booth.desk.source.bad = {"control": 10, "treatment": 300}
    failed = booth.later()
    assert failed.run != first
    found = elsewhere.answer(read_question(body()))
    assert (found.verdict, found.run) == (Said.FAIL, failed.run)


def test_another_spec_under_the_same_key_is_refused(booth: Booth) -> None:
    run_id = booth.ask().run
    with pytest.raises(Mismatch, match=f"{run_id}.*another spec.*attempt"):
        booth.ask(spec_=spec(alpha_rollback=0.2))
    assert booth.ask().run == run_id


def test_two_kinds_of_analysis_may_share_a_run(booth: Booth) -> None:
    assert booth.ask("step").run == booth.ask("background").run


def test_a_wrong_spec_begins_nothing(booth: Booth) -> None:
    with pytest.raises(SpecError, match=r"spec\.metrics"):
        booth.ask(spec_=spec(metrics=[]))
    assert booth.store.runs() == []


def test_a_run_that_nobody_asks_for_ends_and_the_next_question_begins_anew(booth: Booth) -> None:
    run_id = booth.later().run
    booth.desk.clock.at_s += IDLE_S - 1
    booth.provider.end_forgotten()
    assert booth.store.requested(run_id) == ()
    booth.ask()
    booth.desk.clock.at_s += IDLE_S + 1
    booth.provider.end_forgotten()
    booth.tick()
    ended = booth.store.load(run_id).snapshot.run
    assert (ended.phase, ended.last_actor) == (Phase.STOPPED, str(FORGOTTEN))
    again = booth.ask()
    assert (again.verdict, again.run != run_id) == (Said.UNDECIDED, True)


def test_after_a_restart_the_time_without_questions_begins_anew_and_ends_too(booth: Booth) -> None:
    run_id = booth.ask().run
    booth.desk.clock.at_s += IDLE_S + 1
    booth.restart()
    booth.provider.end_forgotten()
    assert booth.store.requested(run_id) == ()
    booth.desk.clock.at_s += IDLE_S + 1
    booth.provider.end_forgotten()
    assert len(booth.store.requested(run_id)) == 1


def test_runs_that_people_launched_are_never_ended(booth: Booth) -> None:
    run_id = booth.desk.launched()
    booth.provider.end_forgotten()
    booth.desk.clock.at_s += 10 * IDLE_S
    booth.provider.end_forgotten()
    assert booth.store.requested(run_id) == ()


def test_so_many_runs_at_a_time_and_no_more(booth: Booth, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_RUNS", 2)
    for step in "12":
        booth.ask(step=step)
    with pytest.raises(TooMany, match="2 runs go on"):
        booth.ask(step="3")
    assert booth.ask(step="1").verdict is Said.UNDECIDED
    assert len(booth.store.runs()) == 2


def test_so_many_runs_an_hour_and_no_more(booth: Booth, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_LAUNCHES", 2)
    for step in "12":
        booth.ask(step=step)
    with pytest.raises(TooMany, match="within an hour"):
        booth.ask(step="3")
    booth.desk.clock.at_s += 3601
    assert booth.ask(step="3").verdict is Said.UNDECIDED


def test_the_keeper_ends_with_its_server(booth: Booth, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LOOK_S", 0.01)
    looked = threading.Event()

    def trouble(_: Provider) -> None:
        looked.set()
        raise StoreBusy("database is locked")

    monkeypatch.setattr(Provider, "end_forgotten", trouble)
    stop = threading.Event()
    keeper = threading.Thread(target=booth.provider.keep_tidy, args=(stop,))
    keeper.start()
    assert looked.wait(10)
    stop.set()
    keeper.join(10)
    assert not keeper.is_alive()
