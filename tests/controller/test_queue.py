"""Objects wait at most once, and none is forgotten."""

import threading

from engine.controller.queue import Queue

A, B = ("shop", "a"), ("shop", "b")


class Clock:
    at_s = 0.0

    def __call__(self) -> float:
        return self.at_s


def test_the_one_that_waits_longest_comes_first():
    clock = Clock()
    queue = Queue(now_s=clock)
    queue.add(A, 2.0)
    queue.add(B, 1.0)
    clock.at_s = 5.0
    assert [queue.take(0.0), queue.take(0.0), queue.take(0.0)] == [B, A, None]


def test_what_is_added_twice_is_looked_at_once_and_at_the_earlier_time():
    queue = Queue(now_s=Clock())
    for after_s in (9.0, 0.0, 5.0):
        queue.add(A, after_s)
    assert [queue.take(0.0), queue.take(0.0)] == [A, None]


def test_nothing_comes_before_its_time():
    queue = Queue(now_s=Clock())
    queue.add(A, 1.0)
    assert queue.take(0.0) is None


def test_who_waits_is_woken():
    queue = Queue()
    timer = threading.Timer(0.02, queue.add, [A])
    timer.start()
    assert queue.take(10.0) == A
    timer.join()


def test_nobody_else_gets_what_is_being_looked_at():
    queue = Queue(now_s=Clock())
    queue.add(A)
    assert queue.take(0.0) == A
    queue.add(A)
    queue.add(A, 7.0)
    assert queue.take(0.0) is None
    queue.done(A)
    assert [queue.take(0.0), queue.take(0.0)] == [A, None]


def test_what_was_not_added_again_is_done_for_good():
    queue = Queue(now_s=Clock())
    queue.add(A)
    assert queue.take(0.0) == A
    queue.done(A)
    assert queue.take(0.0) is None
