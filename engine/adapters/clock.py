"""The machine's clock. Nothing else in the engine reads it."""

import time


class SystemClock:
    """Wall-clock time of this machine."""

    def now_s(self) -> float:
        """Epoch seconds."""
        return time.time()
