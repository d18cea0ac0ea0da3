"""A notice on its way to one sink: a row of the outbox. What may be done with it next is decided here."""

from dataclasses import dataclass, replace
from enum import StrEnum

from engine.core.notice import Notice

FIRST_RETRY_S = 2.0
LONGEST_RETRY_S = 900.0
GIVE_UP_AFTER_S = 86400.0
"""How long a letter is tried, counted from its notice; one that is older is still tried once."""


class LetterState(StrEnum):
    """Where a letter is."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    GIVEN_UP = "given_up"


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One notice for one sink.

    Attributes:
        sink: its name within the experiment.
        attempts: how often it was taken to be sent; a claim is known by it.
        due_s: when it is to be sent next; while somebody sends it, when that claim ends (epoch seconds).
        detail: what its latest attempt came to, never a secret.
        settled_s: when it was delivered or given up, None while it waits.
    """

    notice: Notice
    sink: str
    state: LetterState = LetterState.WAITING
    attempts: int = 0
    due_s: float = 0.0
    detail: str = ""
    settled_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """A sink's receiver took a notice; `detail` says what is worth knowing about it, if anything."""

    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A notice was not taken: why, without any secret, and whether another attempt could do better."""

    detail: str
    retry: bool = True


def after(letter: Letter, outcome: Delivered | Refused, now_s: float, chance: float) -> Letter:
    """The letter after an attempt: delivered, due again later, or given up.

    Args:
        letter: as claimed, this attempt counted.
        outcome: what came of the attempt.
        now_s: epoch seconds.
        chance: from 0 to 1; spreads the attempts of many letters.
    """
    if isinstance(outcome, Delivered):
        return replace(letter, state=LetterState.DELIVERED, detail=outcome.detail, settled_s=now_s)
    if not outcome.retry or now_s - letter.notice.at_s >= GIVE_UP_AFTER_S:
        return replace(letter, state=LetterState.GIVEN_UP, detail=outcome.detail, settled_s=now_s)
    return replace(letter, due_s=now_s + pause_s(letter.attempts, chance), detail=outcome.detail)


def pause_s(attempts: int, chance: float) -> float:
    """How long to wait after so many attempts: doubled each time, and up to half of it left out by chance.

    >>> [pause_s(attempts, 1.0) for attempts in (1, 2, 3, 20)], pause_s(1, 0.0)
    ([2.0, 4.0, 8.0, 900.0], 1.0)
    """
    longest_s = min(FIRST_RETRY_S * 2.0 ** min(attempts - 1, 32), LONGEST_RETRY_S)
    return longest_s * (0.5 + 0.5 * chance)
