"""Writers that come at the same moment are written at once, and each gets its own outcome."""

import threading
from collections.abc import Callable, Sequence

import pytest

from engine.adapters.store.together import Refusals, Together
from engine.errors import LeaseLost, StoreBusy, StoreError


class Disk:
    """Keeps what is written; the first write waits until it is let go, so that others can gather."""

    def __init__(self, trouble: Callable[[Sequence[str]], Refusals] = lambda _: {}) -> None:
        self.groups: list[list[str]] = []
        self.writing = threading.Event()
        self.go_on = threading.Event()
        self.trouble = trouble

    def write(self, parts: Sequence[str]) -> Refusals:
        first = not self.writing.is_set()
        self.writing.set()
        if first:
            assert self.go_on.wait(10)
        refusals = self.trouble(parts)
        self.groups.append([part for place, part in enumerate(parts) if place not in refusals])
        return refusals


def written_with(disk: Disk, parts: Sequence[str], keys: Sequence[str] = ()) -> dict[str, Exception | None]:
    """Write one part, and all these while that takes its time; what came of each of them."""
    together = Together(disk.write)
    came: dict[str, Exception | None] = {}

    def add(key: str, part: str) -> None:
        try:
            together.add(key, part)
            came[part] = None
        except Exception as error:
            came[part] = error

    writers = [threading.Thread(target=add, args=("first", "first"))]
    writers[0].start()
    assert disk.writing.wait(10)
    for key, part in zip(keys or parts, parts, strict=True):
        writers.append(threading.Thread(target=add, args=(key, part)))
        writers[-1].start()
        while len(together._waiting) < len(writers) - 1:
            assert writers[-1].is_alive()
    disk.go_on.set()
    for writer in writers:
        writer.join(10)
    return came


def test_who_comes_while_another_writes_is_written_with_all_others_who_do():
    disk = Disk()
    assert written_with(disk, "abc") == dict.fromkeys(["first", "a", "b", "c"])
    assert disk.groups == [["first"], ["a", "b", "c"]]


def test_parts_of_one_key_are_written_one_after_the_other():
    disk = Disk()
    assert set(written_with(disk, ["a1", "a2", "b"], keys=["a", "a", "b"]).values()) == {None}
    assert disk.groups == [["first"], ["a1", "b"], ["a2"]]


def test_a_refused_part_is_told_to_its_writer_alone():
    lost = LeaseLost("another engine")
    disk = Disk(lambda parts: {place: lost for place, part in enumerate(parts) if part == "b"})
    came = written_with(disk, "abc")
    assert came == {"first": None, "a": None, "b": lost, "c": None}
    assert disk.groups == [["first"], ["a", "c"]]


def test_a_part_that_cannot_be_written_with_others_is_written_alone():
    disk = Disk(lambda parts: {place: None for place, part in enumerate(parts) if len(parts) > 1 > place})
    assert set(written_with(disk, "abc").values()) == {None}
    assert disk.groups == [["first"], ["b", "c"], ["a"]]


@pytest.mark.parametrize("trouble", [StoreError("row c is impossible"), RuntimeError("a bug")])
def test_the_trouble_of_one_part_is_not_that_of_the_others(trouble):
    def refuse(parts: Sequence[str]) -> Refusals:
        if "c" in parts:
            raise trouble
        return {}

    disk = Disk(refuse)
    assert written_with(disk, "abc") == {"first": None, "a": None, "b": None, "c": trouble}
    assert sorted(disk.groups) == [["a"], ["b"], ["first"]]


def test_a_locked_database_is_waited_for_once_by_all_together():
    def locked(parts: Sequence[str]) -> Refusals:
        if len(parts) > 1:
            raise StoreBusy("locked by another program")
        return {}

    disk = Disk(locked)
    came = written_with(disk, "abc")
    assert came.pop("first") is None
    assert [type(error) for error in came.values()] == [StoreBusy] * 3
    assert disk.groups == [["first"]]


def test_a_writer_that_is_interrupted_leaves_the_others_to_write_for_themselves():
    def interrupt(parts: Sequence[str]) -> Refusals:
        if len(parts) > 1:
            raise KeyboardInterrupt
        return {}

    disk, interrupted = Disk(interrupt), []
    hook = threading.excepthook
    threading.excepthook = lambda args: interrupted.append(args.exc_type)
    try:
        came = written_with(disk, "abc")
    finally:
        threading.excepthook = hook
    assert interrupted == [KeyboardInterrupt]
    assert sorted(disk.groups) == sorted([["first"], *([part] for part in came if part != "first")])
    assert len(came) == 3
