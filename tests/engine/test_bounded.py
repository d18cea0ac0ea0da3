"""What hangs costs bounded time and bounded threads, and what fails fails in the caller."""

import time
from threading import Event, active_count

import pytest

from engine.bounded import Bounded


def test_what_is_returned_and_what_is_raised_reach_the_caller() -> None:
    questions = Bounded(1)
    assert questions.call(lambda: 3, 5) == 3
    with pytest.raises(ZeroDivisionError):
        questions.call(lambda: 1 // 0, 5)
    assert questions.call(lambda: 4, 5) == 4


def test_an_exit_of_foreign_code_does_not_end_the_engine() -> None:
    def leave() -> None:
        raise SystemExit

    with pytest.raises(RuntimeError, match="SystemExit"):
        Bounded(1).call(leave, 5)


def test_what_hangs_is_given_up_and_refused_until_it_ends() -> None:
    release, questions = Event(), Bounded(2)
    began_s, threads = time.monotonic(), active_count()
    for _ in range(2):
        with pytest.raises(TimeoutError, match=r"no answer in 0\.02 s"):
            questions.call(lambda: release.wait(30), 0.02)
    for _ in range(50):
        with pytest.raises(TimeoutError, match="an earlier question still hangs"):
            questions.call(lambda: 1, 5)
    assert active_count() == threads + 2
    assert time.monotonic() - began_s < 2
    release.set()
    assert _eventually(questions) == 1


def _eventually(questions: Bounded) -> int:
    deadline_s = time.monotonic() + 10
    while True:
        try:
            return questions.call(lambda: 1, 5)
        except TimeoutError:
            assert time.monotonic() < deadline_s
