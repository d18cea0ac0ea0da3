"""A file that a document names stands beside it: its path is seen from the document's folder.

Wherever a command is typed, and wherever the engine runs that goes on with the run, it is the same file.
"""

from pathlib import Path as FilePath

from engine.spec.yaml_text import Path, Source

_TARGET: Path = ("spec", "target", "flag")
_GATE: Path = ("spec", "gate")
_GATES = {"flag": "file", "file": "path"}
"""Which option names a file, by built-in provider of a gate."""


def place(source: Source, folder: FilePath) -> None:
    """Make the paths in freshly loaded data absolute; what is no path is left for others to refuse."""
    _place(source.get(_TARGET), "file", folder)
    named = source.get((*_GATE, "provider"))
    if isinstance(named, str) and named in _GATES:
        _place(source.get((*_GATE, "options")), _GATES[named], folder)


def _place(options: object, name: str, folder: FilePath) -> None:
    if isinstance(options, dict) and isinstance(file := options.get(name), str) and file:
        options[name] = str(folder.absolute() / FilePath(file).expanduser())
