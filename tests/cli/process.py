"""`rampwise` as a process of its own, with the desk's plugins: `python -m tests.cli.process ARGUMENTS`."""

from pathlib import Path

from engine import plugins
from engine.cli import main
from tests.cli.desk import Desk

if __name__ == "__main__":
    plugins.entry_points = Desk(home=Path()).entry_points
    main.main()
