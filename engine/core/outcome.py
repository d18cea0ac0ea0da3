"""What a run's end means to a pipeline: exit codes. The command line prints them, `--help` lists them."""

from enum import IntEnum

from engine.core.decision import Rule
from engine.core.run import Phase, Run


class ExitCode(IntEnum):
    """Exit codes of every command."""

    OK = 0
    ERROR = 1
    USAGE = 2
    ROLLED_BACK = 3
    UNDECIDED = 4
    NOT_TRUSTED = 5
    STOPPED = 6
    INTERRUPTED = 130


_BLIND_RULES = {Rule.BLIND_TOO_LONG, Rule.UNTRUSTWORTHY_TOO_LONG}


def exit_code(run: Run) -> ExitCode:
    """The exit code of `--wait` for this run; UNDECIDED while it has not ended."""
    match run.phase:
        case Phase.PROMOTED:
            return ExitCode.OK
        case Phase.ROLLED_BACK:
            return ExitCode.NOT_TRUSTED if run.ended_by in _BLIND_RULES else ExitCode.ROLLED_BACK
        case Phase.STOPPED:
            return ExitCode.STOPPED
        case Phase.FAILED:
            return ExitCode.ERROR
        case _:
            return ExitCode.UNDECIDED
