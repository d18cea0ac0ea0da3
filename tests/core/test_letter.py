"""A letter is tried again with growing pauses, for a day, and not for ever."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from engine.core.letter import (
    GIVE_UP_AFTER_S,
    LONGEST_RETRY_S,
    Delivered,
    LetterState,
    Refused,
    after,
    pause_s,
)
from tests.contracts.letter_samples import a_letter


def test_a_delivered_letter_is_settled():
    letter = after(a_letter(), Delivered(detail="one is gone"), 1005.0, 0.5)
    assert (letter.state, letter.settled_s, letter.detail) == (LetterState.DELIVERED, 1005.0, "one is gone")


def test_a_refused_letter_waits_and_says_why():
    letter = after(replace(a_letter(), attempts=1), Refused(detail="busy"), 1005.0, 1.0)
    assert (letter.state, letter.due_s, letter.detail) == (LetterState.WAITING, 1007.0, "busy")


def test_a_letter_that_no_attempt_would_better_is_given_up_at_once():
    letter = after(a_letter(), Refused(detail="gone", retry=False), 1005.0, 1.0)
    assert (letter.state, letter.settled_s) == (LetterState.GIVEN_UP, 1005.0)


def test_after_a_day_it_is_given_up_but_never_untried():
    late_s = 1000.0 + GIVE_UP_AFTER_S
    assert after(a_letter(), Refused(detail="x"), late_s - 1, 1.0).state is LetterState.WAITING
    assert after(a_letter(), Refused(detail="x"), late_s, 1.0).state is LetterState.GIVEN_UP
    assert after(a_letter(), Delivered(), late_s, 1.0).state is LetterState.DELIVERED


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_pauses_grow_up_to_a_bound(attempts, chance):
    assert 1.0 <= pause_s(attempts, chance) <= LONGEST_RETRY_S
    assert pause_s(attempts, chance) <= pause_s(attempts + 1, chance)
