"""Finds a run by what people type: its id, or its experiment's name."""

from engine.errors import UsageError
from engine.ports import Store, StoredRun


def find_run(store: Store, text: str) -> StoredRun:
    """The run of this id, else the newest run of the experiment of this name.

    Raises:
        UsageError: there is neither; near ones are named.
        CorruptRecord: there is one, but it cannot be read.
    """
    try:
        return store.load(text)
    except UsageError:
        named = next((stored for stored in store.runs() if stored.snapshot.run.name == text), None)
        if named is None:
            raise
        return named
