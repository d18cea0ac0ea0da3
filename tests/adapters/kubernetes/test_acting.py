"""Waiting for an act's effect: bounded, and rarer the longer it takes."""

import pytest

from engine.adapters.kubernetes import acting
from engine.adapters.kubernetes.acting import MOST_POLL_S, POLL_S, SHOWS_WITHIN_S, await_shown
from engine.errors import Unreachable


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_s = 0.0
        self.slept_s: list[float] = []
        monkeypatch.setattr(acting.time, "monotonic", lambda: self.now_s)
        monkeypatch.setattr(acting.time, "sleep", self._sleep)
        monkeypatch.setattr(acting, "SHOWS_WITHIN_S", SHOWS_WITHIN_S)
        monkeypatch.setattr(acting, "POLL_S", POLL_S)

    def _sleep(self, seconds: float) -> None:
        self.slept_s.append(seconds)
        self.now_s += seconds


def test_what_is_there_at_once_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    assert await_shown(lambda: {"a": 1}, lambda _: "") == {"a": 1}
    assert clock.slept_s == []


def test_looks_become_rarer_and_end_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    with pytest.raises(Unreachable, match="still on its way"):
        await_shown(dict, lambda _: "still on its way")
    assert clock.slept_s[0] == POLL_S
    assert clock.slept_s == sorted(clock.slept_s)
    assert clock.slept_s[-1] == MOST_POLL_S
    assert SHOWS_WITHIN_S < clock.now_s <= SHOWS_WITHIN_S + MOST_POLL_S
