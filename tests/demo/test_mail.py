"""What the webhook received is all that had to be told, or the demonstration fails."""

import pytest

from engine.core.run import Phase
from engine.demo.mail import Mail
from engine.demo.receiver import Received


def a_notice(seq: int, kind: str, experiment: str = "healthy", body: bytes = b"") -> Received:
    return Received(id=f"{experiment}-1/{seq}/{kind}", experiment=experiment, kind=kind, body=body)


def mail(*notices: Received, unsigned: int = 0) -> Mail:
    return Mail(received=notices, unsigned=unsigned)


@pytest.mark.parametrize(
    ("end", "kind"),
    [
        (Phase.PROMOTED, "promoted"),
        (Phase.ROLLED_BACK, "rollback"),
        (Phase.STOPPED, "stopped"),
        (Phase.EXPIRED, "rollback"),
    ],
)
def test_an_end_is_told_as_what_it_was(end, kind):
    assert mail(a_notice(3, "blocked"), a_notice(9, kind)).tells("healthy", end)


def test_an_end_that_was_not_told_is_missed():
    assert not mail(a_notice(3, "blocked")).tells("healthy", Phase.PROMOTED)


def test_another_experiments_end_is_none_of_its_own():
    assert not mail(a_notice(9, "promoted", "errors")).tells("healthy", Phase.PROMOTED)


def test_another_end_besides_is_wrong():
    both = mail(a_notice(8, "rollback"), a_notice(9, "promoted"))
    assert not both.tells("healthy", Phase.PROMOTED)


def test_an_end_that_was_tried_twice_may_be_told_twice():
    assert mail(a_notice(8, "rollback"), a_notice(9, "rollback")).tells("healthy", Phase.ROLLED_BACK)


def test_a_run_that_goes_on_has_no_end_to_tell():
    assert not mail().tells("healthy", Phase.RUNNING)


def test_a_repetition_is_told_once_and_counted():
    twice = mail(a_notice(9, "promoted"), a_notice(9, "promoted"))
    assert twice.kinds("healthy") == ("promoted",)
    assert twice.repeated == 1
    assert twice.is_sound
    assert twice.tells("healthy", Phase.PROMOTED)


def test_one_id_for_two_different_notices_is_unsound():
    assert not mail(a_notice(9, "promoted", body=b"a"), a_notice(9, "promoted", body=b"b")).is_sound


def test_a_message_without_a_signature_is_unsound():
    assert not mail(a_notice(9, "promoted"), unsigned=1).is_sound
