"""The belt carries everything in order, never makes its caller wait, and counts what it loses."""

import multiprocessing
import threading
import time
from collections.abc import Iterator, Sequence

import pytest

from engine import belt
from engine.belt import Belt


class Receiver:
    """Takes batches; refuses while it is away, and can be made to wait."""

    def __init__(self) -> None:
        self.got: list[list[int]] = []
        self.tries = 0
        self.away = False
        self.chokes_on: int | None = None
        self.may = threading.Event()
        self.may.set()
        self.left_s: list[float | None] = []

    def __call__(self, batch: Sequence[int], left_s: float | None) -> bool:
        self.tries += 1
        self.left_s.append(left_s)
        assert self.may.wait(30)
        if self.away:
            raise ConnectionError("away")
        if self.chokes_on in batch:
            raise TypeError("not mine")
        self.got.append(list(batch))
        return True


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


@pytest.fixture
def made(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> Iterator[Belt[int]]:
    monkeypatch.setattr(belt, "_FIRST_PAUSE_S", 0.01)
    carrying = Belt(receiver, name="test", most=10, batch=4, linger_s=0.01)
    yield carrying
    receiver.may.set()
    carrying.close(5)


def flat(receiver: Receiver) -> list[int]:
    return [item for batch in receiver.got for item in batch]


def test_items_arrive_in_order_and_in_bounded_batches(made: Belt[int], receiver: Receiver) -> None:
    for number in range(10):
        assert made.put(number)
    assert made.flush(10)
    assert flat(receiver) == list(range(10))
    assert max(map(len, receiver.got)) <= 4


def test_nothing_is_started_before_there_is_something_to_carry(receiver: Receiver) -> None:
    before = threading.active_count()
    idle: Belt[int] = Belt(receiver, name="idle")
    assert threading.active_count() == before
    assert idle.flush(0.01)
    idle.close(0.01)
    assert not idle.put(1)


def test_a_receiver_that_is_away_gets_the_same_batch_again(made: Belt[int], receiver: Receiver) -> None:
    receiver.away = True
    made.put(1)
    assert not made.flush(0.2)
    assert receiver.tries > 1
    receiver.away = False
    assert made.flush(10)
    assert (flat(receiver), made.lost) == ([1], 0)


def test_what_can_never_be_delivered_is_given_up_and_the_rest_goes_on(
    made: Belt[int], receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    receiver.chokes_on = 1
    for _ in range(2):
        made.put(1)
        assert made.flush(10)
    made.put(2)
    assert made.flush(10)
    assert (flat(receiver), made.lost, receiver.tries) == ([2], 2, 3)
    warned = [record for record in caplog.records if record.levelname == "WARNING"]
    assert [record.getMessage() for record in warned] == ["test: 1 could not be delivered and are lost"]
    assert "not mine" in caplog.text


def test_what_finds_no_place_is_counted_and_the_caller_never_waits(
    made: Belt[int], receiver: Receiver
) -> None:
    receiver.may.clear()
    began_s = time.monotonic()
    placed = [made.put(number) for number in range(1000)]
    assert time.monotonic() - began_s < 5
    assert made.lost == placed.count(False) > 980
    receiver.may.set()
    assert made.flush(10)
    assert flat(receiver) == [number for number, found in enumerate(placed) if found]


def test_the_end_delivers_what_waits(made: Belt[int], receiver: Receiver) -> None:
    for number in range(6):
        made.put(number)
    made.close(10)
    assert (flat(receiver), made.lost) == ([0, 1, 2, 3, 4, 5], 0)
    assert not made.put(7)


def test_the_end_waits_for_nobody_who_is_away(made: Belt[int], receiver: Receiver) -> None:
    receiver.away = True
    for number in range(6):
        made.put(number)
    began_s = time.monotonic()
    made.close(5)
    assert time.monotonic() - began_s < 4
    assert made.lost == 6


def test_the_end_waits_for_nobody_who_hangs(made: Belt[int], receiver: Receiver) -> None:
    receiver.may.clear()
    for number in range(6):
        made.put(number)
    began_s = time.monotonic()
    made.close(0.1)
    assert time.monotonic() - began_s < 4
    assert made.lost == 6


def test_many_threads_lose_nothing(receiver: Receiver) -> None:
    wide: Belt[int] = Belt(receiver, name="wide", most=100_000, batch=100, linger_s=0.0)
    threads = [
        threading.Thread(target=lambda first=first: [wide.put(first + n) for n in range(500)])
        for first in range(0, 4000, 500)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wide.flush(30)
    assert sorted(flat(receiver)) == list(range(4000))
    wide.close(5)


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_forked_process_carries_its_own_and_none_of_its_parents(
    made: Belt[int], receiver: Receiver
) -> None:
    receiver.may.clear()
    made.put(1)
    context = multiprocessing.get_context("fork")
    answers = context.SimpleQueue()
    child = context.Process(target=_in_child, args=(made, receiver, answers))
    child.start()
    child.join(30)
    assert child.exitcode == 0
    assert answers.get() == [2]
    receiver.may.set()
    assert made.flush(10)
    assert flat(receiver) == [1]


def _in_child(made: Belt[int], receiver: Receiver, answers: "multiprocessing.SimpleQueue[list[int]]") -> None:
    receiver.may = threading.Event()
    receiver.may.set()
    made.put(2)
    made.flush(10)
    answers.put(flat(receiver))
