"""The statements of the outbox, each inside a transaction that its caller opened. Sends nothing."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, func, insert, select, update

from engine.adapters.store import records
from engine.adapters.store.records import AnyRow
from engine.adapters.store.tables import LETTERS
from engine.core.letter import Letter, LetterState

_KEY = (LETTERS.c.run_id, LETTERS.c.seq, LETTERS.c.kind, LETTERS.c.sink)
_WAITS = LETTERS.c.state == LetterState.WAITING.value


def add_letters(connection: Connection, letters: Sequence[Letter]) -> None:
    """Put letters into the outbox, in the transaction of the events that they are about."""
    if letters:
        connection.execute(insert(LETTERS), [records.letter_row(letter) for letter in letters])


def anything_due(connection: Connection, now_s: float) -> bool:
    """Whether a letter waits to be sent now."""
    due = select(LETTERS.c.seq).where(_WAITS, LETTERS.c.due_s <= now_s).limit(1)
    return connection.execute(due).first() is not None


def claim(connection: Connection, now_s: float, until_s: float, at_most: int) -> Sequence[AnyRow]:
    """Take letters that are due: nobody else finds them due before `until_s`."""
    oldest_first = (LETTERS.c.attempts > 0, LETTERS.c.due_s, *_KEY)
    query = select(*_KEY).where(_WAITS, LETTERS.c.due_s <= now_s).order_by(*oldest_first).limit(at_most)
    keys = connection.execute(query.with_for_update(skip_locked=True)).all()
    claimed = [
        connection.execute(
            update(LETTERS)
            .where(_is(key))
            .values(due_s=until_s, attempts=LETTERS.c.attempts + 1)
            .returning(LETTERS)
        ).one()
        for key in keys
    ]
    return tuple(claimed)


def settle(connection: Connection, letter: Letter) -> None:
    """Write what came of a claim, unless it ran out and somebody else has claimed the letter since."""
    notice = letter.notice
    of_letter = _is((notice.run_id, notice.seq, notice.kind.value, letter.sink))
    ours = (LETTERS.c.attempts == letter.attempts) & _WAITS
    connection.execute(update(LETTERS).where(of_letter & ours).values(records.progress_row(letter)))


def states(connection: Connection) -> dict[LetterState, int]:
    """How many letters there are in each state that this version knows."""
    rows = connection.execute(select(LETTERS.c.state, func.count()).group_by(LETTERS.c.state)).all()
    return {LetterState(state): count for state, count in rows if state in set(LetterState)}


def letters_of(connection: Connection, run_id: str) -> Sequence[AnyRow]:
    """The rows of all letters of a run, in order."""
    return connection.execute(select(LETTERS).where(LETTERS.c.run_id == run_id).order_by(*_KEY)).all()


def waiting_letters(connection: Connection) -> Sequence[AnyRow]:
    """The rows of all letters that wait."""
    return connection.execute(select(LETTERS).where(_WAITS).order_by(*_KEY)).all()


def _is(key: Sequence[object]) -> ColumnElement[bool]:
    run_id, seq, kind, sink = key
    return (
        (LETTERS.c.run_id == run_id)
        & (LETTERS.c.seq == seq)
        & (LETTERS.c.kind == kind)
        & (LETTERS.c.sink == sink)
    )
