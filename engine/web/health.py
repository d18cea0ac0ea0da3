"""Whether this process does its work: the driver looks for due runs, and the database can be written."""

import threading
import time
from dataclasses import dataclass, field

from engine.errors import StoreError
from engine.ports import Lease, Store
from engine.web.metrics import Metrics

ALIVE_S = 30.0
"""A driver that has not looked for due runs for so long is not alive."""
_KEEP_S = 2.0
_NO_LEASE = Lease(run_id="", owner="readyz", token=-1, expires_s=0.0)


@dataclass(slots=True)
class Health:
    """Answers for `/healthz` and `/readyz`: empty when all is well, else what is not."""

    store: Store
    metrics: Metrics
    began_s: float = field(default_factory=time.monotonic)
    _asked_s: float | None = None
    _answer: str = ""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def not_alive(self) -> str:
        """Why this process should be started anew."""
        age_s = self.metrics.round_age_s
        waited_s = time.monotonic() - self.began_s if age_s is None else age_s
        if waited_s <= ALIVE_S:
            return ""
        return f"the driver has not looked for due runs for {waited_s:.0f} s"

    def not_ready(self) -> str:
        """Why this process cannot drive runs now; asks the database at most every two seconds."""
        if self.metrics.round_age_s is None:
            return "the driver has not begun"
        return self.not_alive() or self._store_trouble()

    def _store_trouble(self) -> str:
        with self._lock:
            if self._asked_s is None or time.monotonic() - self._asked_s > _KEEP_S:
                self._answer = self._ask()
                self._asked_s = time.monotonic()
            return self._answer

    def _ask(self) -> str:
        try:
            # Giving up a lease that nobody has changes nothing, but takes the way of every write.
            self.store.release(_NO_LEASE)
        except StoreError:
            return "the database cannot be written; the log says why"
        return ""
