"""Long past ranges: the same readings as in a run, in chunks, and smaller ones where a chunk is too much."""

from collections.abc import Sequence

import pytest

from analysis.sources.fake import FakeOptions, FakeSource
from analysis.sources.history import read_history
from engine.core.measure import Missing, MissingReason, Window
from engine.core.model import Metric
from engine.errors import Unreachable
from engine.ports import Batch, Json
from engine.testing.sources import ERRORS, INTERVAL_S, LATENCY, NOW_S, SIZE, history, windows

METRICS = (ERRORS, LATENCY, SIZE)
END_S = NOW_S + 40 * INTERVAL_S


class Remembering(FakeSource):
    """The contract's scrapes; remembers how many windows were asked for, and can only do so many."""

    def __init__(self, most: int = 1000, reason: MissingReason = MissingReason.SOURCE_SLOW) -> None:
        super().__init__(FakeOptions())
        self.asked: list[int] = []
        self._most, self._reason = most, reason
        for at_s, name, labels, value in history():
            self.scrape(at_s, name, labels, value)

    def read(self, metrics: Sequence[Metric], windows: Sequence[Window], cursor: Json) -> Batch:
        self.asked.append(len(windows))
        too_many = len(windows) > self._most
        self.trouble = Missing(reason=self._reason, detail="too much") if too_many else None
        return super().read(metrics, windows, cursor)


def past(source: FakeSource, chunk_s: float = 150, end_s: float = END_S) -> list[tuple[Window, object]]:
    found = read_history(source, METRICS, start_s=NOW_S, end_s=end_s, window_s=INTERVAL_S, chunk_s=chunk_s)
    return list(found)


@pytest.mark.parametrize("chunk_s", [1, 15, 100, 150, 1e6])
def test_the_past_is_read_as_a_run_would_have_read_it(chunk_s: float) -> None:
    at_once = Remembering().read(METRICS, windows(0, 40), {})
    found = past(Remembering(), chunk_s)
    assert [window for window, _ in found] == windows(0, 40)
    assert [readings for _, readings in found] == list(at_once.readings)


def test_a_chunk_is_never_larger_than_said() -> None:
    source = Remembering()
    past(source, chunk_s=100)
    assert source.asked == [6, 6, 6, 6, 6, 6, 4]


def test_nothing_is_asked_before_it_is_needed() -> None:
    source = Remembering()
    found = read_history(source, METRICS, start_s=NOW_S, end_s=END_S, window_s=INTERVAL_S, chunk_s=60)
    next(found)
    assert source.asked == [4]


def test_a_window_that_is_not_over_is_left_out() -> None:
    assert len(past(Remembering(), end_s=END_S - 1)) == 39


def test_a_past_shorter_than_a_window_is_empty() -> None:
    assert past(Remembering(), end_s=NOW_S + 14) == []


def test_what_is_too_much_at_once_is_asked_for_in_halves() -> None:
    source = Remembering(most=3)
    assert [readings for _, readings in past(source)] == [readings for _, readings in past(Remembering())]
    assert source.asked[:3] == [10, 5, 2]


@pytest.mark.parametrize("most", [0, 5])
def test_a_source_that_is_down_is_no_past(most: int) -> None:
    with pytest.raises(Unreachable, match=r"past from 2023-11-14 22:13:20 UTC on cannot be read: too much"):
        past(Remembering(most=most, reason=MissingReason.SOURCE_DOWN))


def test_one_window_that_is_too_much_ends_the_past() -> None:
    with pytest.raises(Unreachable, match="too much"):
        past(Remembering(most=0))
