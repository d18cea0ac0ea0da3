"""Letters arrive at least once: in spite of refusals, hanging sinks, sick databases and SIGKILL."""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from engine import courier as module
from engine.adapters.fakes_sink import FakeSink, FakeSinkOptions
from engine.adapters.fakes_store import MemoryStore
from engine.adapters.store import open_store
from engine.core.letter import Delivered, Letter, LetterState, Refused
from engine.core.model import NoticeKind, PluginChoice, SinkChoice
from engine.core.notice import Notice
from engine.core.run import Phase
from engine.courier import Courier, working
from engine.errors import PluginError, StoreBusy
from engine.ports import Sink
from tests.adapters.sinks.receivers import Inbox, http_inbox
from tests.contracts.letter_samples import a_letter
from tests.contracts.store_samples import started
from tests.engine import mortal_courier
from tests.engine.world import RUN_ID, FakeClock, World, quick_experiment

LIMIT_S = 20.0


def until(met: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + LIMIT_S
    while not met():
        assert time.monotonic() < deadline_s, "it never happened"
        time.sleep(0.005)


@dataclass
class Scripted:
    """A sink that does what it is told, call by call, and then delivers."""

    script: list[Callable[[], Delivered | Refused]] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)

    def deliver(self, notice: Notice) -> Delivered | Refused:
        self.seen.append(notice.id)
        return self.script.pop(0)() if self.script else Delivered()


@dataclass
class Office:
    """A courier with letters of one run, and the sinks they go to."""

    letters: tuple[Letter, ...] = (a_letter(),)
    sinks: dict[str, Sink] = field(default_factory=lambda: {"chat": Scripted()})
    clock: FakeClock = field(default_factory=lambda: FakeClock(at_s=1000.0))
    store: MemoryStore = field(default_factory=MemoryStore)

    def __post_init__(self) -> None:
        snapshot, spec, events = started("r1")
        self.store.create(snapshot, spec, events, letters=self.letters)

    @property
    def courier(self) -> Courier:
        return Courier(
            outbox=self.store,
            open_sink=lambda letter: self.sinks[letter.sink],
            clock=self.clock,
            chance=lambda: 1.0,
        )

    @property
    def letter(self) -> Letter:
        return self.store.letters("r1")[0]


def fail(error: Exception) -> Callable[[], Delivered]:
    def act() -> Delivered:
        raise error

    return act


def test_what_is_due_is_delivered_once():
    office = Office()
    assert [office.courier.round(), office.courier.round()] == [1, 0]
    assert office.letter.state is LetterState.DELIVERED
    assert office.sinks["chat"].seen == ["r1/7/rollback"]


def test_a_refusal_is_tried_again_with_doubled_pauses_under_the_same_id():
    office = Office(sinks={"chat": Scripted(script=[lambda: Refused(detail="busy")] * 3)})
    begun_s = office.clock.at_s
    tried_s = []
    while office.letter.state is LetterState.WAITING:
        if office.courier.round():
            tried_s.append(office.clock.at_s - begun_s)
        office.clock.at_s += 1
    assert tried_s == [0, 2, 6, 14]
    assert office.sinks["chat"].seen == ["r1/7/rollback"] * 4


def test_after_a_day_of_refusals_it_is_given_up_and_that_is_kept():
    office = Office(sinks={"chat": FakeSink(FakeSinkOptions(refuses="gone"))})
    rounds = 0
    while office.letter.state is LetterState.WAITING:
        rounds += office.courier.round()
        office.clock.at_s = max(office.letter.due_s, office.clock.at_s)
    assert office.letter.state is LetterState.GIVEN_UP
    assert office.letter.detail == "gone"
    assert 86_400 <= office.letter.settled_s - 1000.0 < 86_400 + 900
    assert 90 < rounds < 120


@pytest.mark.parametrize(
    ("error", "detail"),
    [
        (RuntimeError("token s3cret"), "the sink plugin failed with RuntimeError"),
        (PluginError("no plugin sinks/chat"), "no plugin sinks/chat"),
    ],
)
def test_what_a_sink_raises_is_a_refusal_that_shows_no_secret(error, detail, capsys):
    office = Office(sinks={"chat": Scripted(script=[fail(error)])})
    office.courier.round()
    assert (office.letter.state, office.letter.detail) == (LetterState.WAITING, detail)
    assert "s3cret" not in capsys.readouterr().out


def test_an_answer_that_is_none_is_a_refusal():
    office = Office(sinks={"chat": Scripted(script=[lambda: None])})
    office.courier.round()
    assert office.letter.detail == "the sink plugin answered with what is neither delivered nor refused"


def test_a_sink_that_hangs_keeps_no_other_waiting_and_is_tried_again(monkeypatch):
    monkeypatch.setattr(module, "DELIVER_S", 0.2)
    monkeypatch.setattr(module, "POLL_S", 0.01)
    release = threading.Event()

    def hang() -> Delivered:
        release.wait(LIMIT_S)
        return Delivered()

    hanging = [a_letter(sink="dead", seq=seq) for seq in range(1, 6)]
    sinks = {"chat": Scripted(), "dead": Scripted(script=[hang] * 20)}
    office = Office(letters=(*hanging, a_letter(seq=9)), sinks=sinks)
    stop = threading.Event()
    worker = threading.Thread(target=office.courier.work, args=(stop,))
    worker.start()
    until(lambda: sinks["chat"].seen == ["r1/9/rollback"])
    until(lambda: all(letter.detail for letter in office.store.letters("r1") if letter.sink == "dead"))
    details = {letter.detail for letter in office.store.letters("r1") if letter.sink == "dead"}
    assert details <= {
        "the sink plugin: no answer in 0.2 s",
        "the sink plugin: an earlier question still hangs",
    }
    assert len(sinks["dead"].seen) <= 2, "more than two attempts hang at a time"
    stop.set()
    release.set()
    worker.join(LIMIT_S)
    assert not worker.is_alive()


def test_a_slow_sink_delays_no_tick(monkeypatch):
    monkeypatch.setattr(module, "POLL_S", 0.01)
    monkeypatch.setattr(module, "FLUSH_S", 0.1)
    release, entered = threading.Event(), threading.Event()

    class Slow:
        def deliver(self, _notice: Notice) -> Delivered:
            entered.set()
            release.wait(LIMIT_S)
            return Delivered()

    chat = SinkChoice(name="chat", plugin=PluginChoice(name="fake", options={}), on=tuple(NoticeKind))
    world = World(experiment=quick_experiment(sinks=(chat,)), error_rates=(0.01, 0.25))
    world.launch()
    courier = Courier(outbox=world.store, open_sink=lambda _letter: Slow(), clock=world.clock)
    try:
        with working(courier):
            final = world.until_ended()
            until(entered.is_set)
    finally:
        release.set()
    assert final.run.phase is Phase.ROLLED_BACK
    [letter] = world.store.letters(RUN_ID)
    assert letter.notice.kind is NoticeKind.ROLLBACK
    assert letter.notice.sentence.startswith("Roll back: v2 is worse. errors: ")


def test_a_database_that_cannot_be_used_for_a_while_loses_nothing(monkeypatch):
    office = Office()
    settle, times = office.store.settle_letter, iter((True, False))

    def sometimes(letter: Letter) -> None:
        if next(times):
            raise StoreBusy("locked")
        settle(letter)

    monkeypatch.setattr(office.store, "settle_letter", sometimes)
    office.courier.round()
    assert office.letter.state is LetterState.WAITING
    assert office.courier.round() == 0, "the claim still lasts"
    office.clock.at_s += module.CLAIM_S
    office.courier.round()
    assert office.letter.state is LetterState.DELIVERED
    assert office.sinks["chat"].seen == ["r1/7/rollback"] * 2


def test_a_flush_ends_in_time_with_a_sink_that_hangs():
    release = threading.Event()

    def hang() -> Delivered:
        release.wait(LIMIT_S)
        return Delivered()

    office = Office(sinks={"chat": Scripted(script=[hang])})
    begun_s = time.monotonic()
    office.courier.flush(0.2)
    took_s = time.monotonic() - begun_s
    release.set()
    assert 0.2 <= took_s < 2.0
    until(lambda: office.letter.state is LetterState.DELIVERED)


def test_a_letter_whose_claim_is_about_to_run_out_is_left_to_the_next_claim(monkeypatch):
    monkeypatch.setattr(module, "CLAIM_S", module.DELIVER_S)
    office = Office()
    assert office.courier.round() == 1
    assert office.sinks["chat"].seen == []
    monkeypatch.undo()
    office.clock.at_s += module.DELIVER_S
    office.courier.round()
    assert office.letter.state is LetterState.DELIVERED


def test_two_couriers_on_one_outbox_send_each_letter_once():
    letters = tuple(a_letter(seq=seq) for seq in range(1, 101))
    office = Office(letters=letters)
    threads = [threading.Thread(target=office.courier.flush) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Counter(office.sinks["chat"].seen) == Counter(letter.notice.id for letter in letters)


WANTED = {"r1/1/launched", "r1/3/stopped"}


def received(inbox: Inbox) -> Counter[str]:
    return Counter(json.loads(body)["data"]["id"] for _, _, body in inbox.requests)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_killed_at_any_point_every_notice_arrives_under_its_id(tmp_path: Path):
    with http_inbox() as inbox:
        boundaries = _boundaries(f"sqlite:///{tmp_path}/calm.db", inbox)
        assert received(inbox) == Counter(WANTED)
    assert boundaries > 30
    repeated = 0
    for kill_at in range(boundaries):
        with http_inbox() as inbox:
            url = f"sqlite:///{tmp_path}/{kill_at}.db"
            assert _lived(url, inbox, kill_at, now_s=2000.0) == -9
            assert _lived(url, inbox, None, now_s=9000.0) == 0
            arrived = received(inbox)
            assert set(arrived) == WANTED, f"killed at {kill_at}"
            assert max(arrived.values()) <= 2
            repeated += sum(arrived.values()) > len(WANTED)
        store = open_store(url)
        assert {letter.state for letter in store.letters("r1")} == {LetterState.DELIVERED}
        store.close()
    assert repeated > 0, "no kill fell between a send and its settlement; the test tested nothing"


def _boundaries(url: str, inbox: Inbox) -> int:
    answers = mortal_courier.FORKSERVER.Queue()
    args = (url, inbox.url, None, 2000.0, answers)
    process = mortal_courier.FORKSERVER.Process(target=mortal_courier.live, args=args, daemon=True)
    process.start()
    try:
        return int(answers.get(timeout=LIMIT_S))
    finally:
        process.join(LIMIT_S)
        answers.close()
        answers.join_thread()


def _lived(url: str, inbox: Inbox, kill_at: int | None, now_s: float) -> int | None:
    args = (url, inbox.url, kill_at, now_s)
    process = mortal_courier.FORKSERVER.Process(target=mortal_courier.live, args=args, daemon=True)
    process.start()
    process.join(LIMIT_S)
    if process.is_alive():
        process.kill()
        process.join()
    return process.exitcode
