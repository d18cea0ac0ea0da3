# ruff: noqa: S101, D102 (a suite asserts, and the names of its tests are sentences)
"""What every sink must do. Subclass the suite and provide the fixtures `sink`, `received` and `unreachable`.

A sink that needs secrets also provides `secrets`: texts that nothing may show.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from engine.core.decision import Rule
from engine.core.letter import Delivered, Refused
from engine.core.model import Mode, NoticeKind
from engine.core.notice import Notice
from engine.core.run import Phase
from engine.core.target import Weights
from engine.ports import Sink

BOUND_S = 15.0


def a_notice(**changes: Any) -> Notice:
    """A rollback, told."""
    settings: dict[str, Any] = {
        "run_id": "r1",
        "experiment": "checkout-v2",
        "kind": NoticeKind.ROLLBACK,
        "seq": 7,
        "at_s": 1000.0,
        "title": "checkout-v2: rolled back, v1 has all traffic",
        "sentence": "Roll back: v2 is worse. errors: 4 % bad against 1 % (+3 pp); tolerated is 1.05×.",
        "rule": Rule.HARM,
        "weights": Weights.of(0),
        "phase": Phase.ROLLED_BACK,
        "mode": Mode.ACT,
        "target_key": "local/checkout",
        "control": "v1",
        "treatments": ("v2",),
        "actor": "engine",
    }
    return Notice(**(settings | changes))


class SinkContract:
    """The suite."""

    @pytest.fixture
    def sink(self) -> Sink:
        """A sink whose receiver takes everything."""
        raise NotImplementedError

    @pytest.fixture
    def received(self) -> Callable[[], Sequence[str]]:
        """Lists the ids of the notices that arrived, in order."""
        raise NotImplementedError

    @pytest.fixture
    def unreachable(self) -> Sink:
        """A sink whose receiver does not exist."""
        raise NotImplementedError

    @pytest.fixture
    def secrets(self) -> Sequence[str]:
        """Texts that no outcome and no `repr` may hold."""
        return ()

    @pytest.mark.parametrize("kind", NoticeKind)
    def test_every_kind_is_delivered(
        self, sink: Sink, received: Callable[[], Sequence[str]], kind: NoticeKind
    ) -> None:
        notice = a_notice(kind=kind)
        assert isinstance(sink.deliver(notice), Delivered)
        assert list(received()) == [notice.id]

    def test_a_repeated_notice_arrives_again_under_the_same_id(
        self, sink: Sink, received: Callable[[], Sequence[str]]
    ) -> None:
        for _ in range(2):
            assert isinstance(sink.deliver(a_notice()), Delivered)
        assert list(received()) == [a_notice().id] * 2

    def test_any_text_can_be_told(self, sink: Sink, received: Callable[[], Sequence[str]]) -> None:
        odd = replace(
            a_notice(),
            title="<!channel> & Subject: x\r\nBcc: eve@example.com\r\n\r\n\x00\x1b[2J “4 %” 🚀",
            sentence="line\r\n.\r\nQUIT\r\n" + "long " * 2000,
            actor="ada\n@desk",
        )
        assert isinstance(sink.deliver(odd), Delivered)
        assert list(received()) == [odd.id]

    def test_an_unreachable_receiver_is_a_refusal_in_time_and_worth_another_attempt(
        self, unreachable: Sink
    ) -> None:
        began_s = time.monotonic()
        outcome = unreachable.deliver(a_notice())
        assert isinstance(outcome, Refused)
        assert outcome.retry
        assert outcome.detail
        assert time.monotonic() - began_s < BOUND_S

    def test_no_secret_is_shown(self, sink: Sink, unreachable: Sink, secrets: Sequence[str]) -> None:
        told = repr([sink.deliver(a_notice()), unreachable.deliver(a_notice()), sink, unreachable])
        assert [secret for secret in secrets if secret in told] == []
