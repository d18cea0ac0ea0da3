"""Visitors of an A/B test as the edge assigns them: the audience, whose requests say so, and all others."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from tests.e2e.cluster.bed.client import Load
from tests.e2e.cluster.bed.namespace import Namespace
from tests.e2e.cluster.bed.waiting import eventually

SHARE_PCT = 40
RATE_PER_S = 150.0
COUNTED, OBSERVED_PCT = 1000, 6.0
"""Requests come at random: of a thousand, a share of 40 percent is off by 6 points once in 10,000 times."""
SESSIONS: Mapping[str, str] = {"total": "sessions_total", "converted": "sessions_converted_total"}
AB: Mapping[str, Any] = {"ab": {"weights": [SHARE_PCT], "hold": "4s", "floor": 50}}
CONVERTS: Sequence[Mapping[str, Any]] = (
    {"preset": "conversions", "dispersion": 1},
    {"preset": "http_errors", "margin": {"absolute": "20pp"}, "dispersion": 1},
)


@dataclass(frozen=True)
class Visitors:
    """Two loads on one host."""

    audience: Load
    others: Load

    def assert_divided(self) -> None:
        """The audience sees the treatment only, the others control only, and their shares are as declared."""
        self.audience.await_all("v2")
        self.others.await_all("v1")
        before = self._counts()
        to_audience, to_others = eventually(lambda: self._since(before), what=f"{COUNTED} more requests")
        assert set(to_audience) | set(to_others) == {"v1", "v2"}
        assert to_audience["v2"] == to_audience.total()
        assert to_others["v1"] == to_others.total()
        observed_pct = 100.0 * to_audience["v2"] / (to_audience["v2"] + to_others["v1"])
        assert observed_pct == pytest.approx(SHARE_PCT, abs=OBSERVED_PCT)

    def _counts(self) -> list[Counter[str]]:
        return [Counter(load.counts()) for load in (self.audience, self.others)]

    def _since(self, before: list[Counter[str]]) -> list[Counter[str]] | None:
        more = [now - then for now, then in zip(self._counts(), before, strict=True)]
        return more if sum(each.total() for each in more) >= COUNTED else None

    def await_all(self, version: str) -> None:
        """Return when everybody sees this version."""
        for load in (self.audience, self.others):
            load.await_all(version)

    def assert_served(self) -> None:
        """Nobody went without an answer of the application."""
        for load in (self.audience, self.others):
            assert load.stats()["failed"] == 0
            assert load.counts().get("none", 0) == 0


@contextmanager
def visitors(namespace: Namespace, host: str, headers: Mapping[str, str]) -> Iterator[Visitors]:
    """Visitors of the shop, of whom `SHARE_PCT` percent send these headers."""
    within = RATE_PER_S * SHARE_PCT / 100
    with ExitStack() as stack:
        audience = stack.enter_context(namespace.cluster.load("shop", host, headers, rate_per_s=within))
        others = stack.enter_context(namespace.cluster.load("shop", host, rate_per_s=RATE_PER_S - within))
        yield Visitors(audience, others)
