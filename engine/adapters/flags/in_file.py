"""Flags in a flagd file on this machine, replaced by rename: a reader sees all of a change or nothing."""

from collections.abc import Collection
from pathlib import Path

from engine.adapters.flags.holder import Choose, Flags, after
from engine.adapters.gates.flag_file import change_flags, flags_in


class InFile:
    """One flagd JSON file; it may be missing, its directory too."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def place(self) -> str:
        """See `Holder.place`."""
        return f"file:{self._path.absolute()}"

    def read(self) -> Flags:
        """See `Holder.read`; a file that is not there has none."""
        return flags_in(self._path)

    def put(self, keys: Collection[str], choose: Choose) -> None:
        """See `Holder.put`; a lock beside the file keeps other writers of Rampwise waiting."""
        with change_flags(self._path) as flags:
            wanted = after(flags, keys, choose(flags))
            flags.clear()
            flags.update(wanted)
