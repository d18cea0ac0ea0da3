"""How a target in a cluster acts: write, again when somebody else was faster, then wait for the effect.

It knows no kind's meaning.
"""

import time
from collections.abc import Callable

from engine.adapters.kubernetes.cluster import Manifest, Moved
from engine.core.target import Weights
from engine.errors import Unreachable, UsageError

ATTEMPTS = 8
"""A status that controllers write moves an object's resource version all the time."""
SHOWS_WITHIN_S = 4.0
POLL_S = 0.1
MOST_POLL_S = 0.5
"""Looks become rarer: many acts at once must not keep the API server from answering anything else."""
_RARER = 1.5


def one_treatment(weights: Weights) -> None:
    """UsageError for weights of several treatments."""
    if weights.more:
        msg = f"{weights} splits traffic over several treatments; this target has one"
        raise UsageError(msg)


def write(attempt: Callable[[], Manifest]) -> Manifest:
    """The object after the write. `attempt` reads, checks and writes anew; Moved when no attempt works."""
    for _ in range(ATTEMPTS - 1):
        try:
            return attempt()
        except Moved:
            continue
    return attempt()


def await_shown(read: Callable[[], Manifest], missing: Callable[[Manifest], str]) -> Manifest:
    """The object once it shows the act, that is when `missing` has nothing to say.

    Raises:
        Unreachable: it does not show it within `SHOWS_WITHIN_S`; says what is missing.
    """
    until_s = time.monotonic() + SHOWS_WITHIN_S
    pause_s = POLL_S
    while True:
        seen = read()
        lacking = missing(seen)
        if not lacking:
            return seen
        if time.monotonic() > until_s:
            raise Unreachable(lacking)
        time.sleep(pause_s)
        pause_s = min(_RARER * pause_s, MOST_POLL_S)
