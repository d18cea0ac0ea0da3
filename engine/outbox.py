"""The port of the outbox: letters that were written with the events they are about, and wait to be sent."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from engine.core.letter import Letter, LetterState


class Outbox(Protocol):
    """Letters of all runs; every store is one. None is lost: what is not settled becomes due again."""

    def claim_letters(self, now_s: float, until_s: float, at_most: int) -> Sequence[Letter]:
        """Letters that are due, now ours to send until `until_s`; those never tried come first."""
        ...

    def settle_letter(self, letter: Letter) -> None:
        """Keep what came of a claimed letter; nothing changes when somebody else has claimed it since."""
        ...

    def letters(self, run_id: str) -> Sequence[Letter]:
        """All letters of a run that can be read, in the order of their notices."""
        ...

    def letter_states(self) -> Mapping[LetterState, int]:
        """How many letters there are in each state; states without letters may be left out."""
        ...
