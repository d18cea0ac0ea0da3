"""Where all runs stand, kept in memory so that a page or a scrape asks no database.

Runs that this process drives are told by its driver at once; the others are looked up every few seconds.
"""

import itertools
import math
import threading
import time
from dataclasses import dataclass, field

import structlog

from analysis import evaluate
from engine.core.letter import LetterState
from engine.core.model import Experiment
from engine.core.run import Phase, Run
from engine.errors import CorruptRecord, RampwiseError, StoreError
from engine.ports import Clock, Snapshot, Store, StoredRun
from engine.wiring import load_experiment

_log = structlog.get_logger("rampwise.web")

REFRESH_S = 5.0
"""How often runs that other engines drive are looked up."""
MOST_ENDED = 200
"""How many runs that have ended are kept in view."""
LATE_INTERVALS = 3
"""A run without a tick for so many intervals is not live."""
_SHORTEST_LATE_S = 10.0
_ALL_EVERY = 12
_OWN_S = 60.0
"""Longer than the ticks of a busy process take: it must not read besides what it is about to tick."""
_PAUSE_S = 0.005


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where one run stands.

    Attributes:
        interval_s: between two ticks; None when the experiment cannot be read.
        ticked_s: of the latest tick, None before the first.
        data_until_s: end of the latest window in which every deciding metric was measured; None before it.
        unreadable: why experiment or evidence cannot be read, empty if they can.
    """

    run: Run
    reason: str
    ticked_s: float | None
    interval_s: float | None = None
    data_until_s: float | None = None
    unreadable: str = ""

    def silent(self, now_s: float) -> bool:
        """Whether nobody seems to tick this run: what is shown of it is old."""
        if self.run.phase.ended:
            return False
        late_s = max(LATE_INTERVALS * (self.interval_s or 0.0), _SHORTEST_LATE_S)
        return now_s - (self.run.launched_s if self.ticked_s is None else self.ticked_s) > late_s

    def data_age_s(self, now_s: float) -> float | None:
        """How old the newest complete data are; None before there are any, and after the end."""
        if self.data_until_s is None or self.run.phase.ended:
            return None
        return max(now_s - self.data_until_s, 0.0)


@dataclass(slots=True)
class Board:
    """The standings of all live runs and of the newest ended ones; an observer of this process's driver.

    Attributes:
        version: grows with every change. unreadable: why live runs cannot be read, one sentence each.
    """

    store: Store
    clock: Clock
    version: int = 0
    unreadable: tuple[str, ...] = ()
    _ticked_s: dict[str, float] = field(default_factory=dict)
    _refreshed_s: float | None = None
    _phases: dict[Phase, int] = field(default_factory=dict)
    _letters: dict[LetterState, int] = field(default_factory=dict)
    _standings: dict[str, Standing] = field(default_factory=dict)
    _experiments: dict[str, Experiment] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def standings(self) -> list[Standing]:
        """Live runs, the newest first, then ended ones, the one that ended last first."""
        with self._lock:
            found = list(self._standings.values())
        ended = [each for each in found if each.run.phase.ended]
        live = [each for each in found if not each.run.phase.ended]
        live.sort(key=lambda each: (-each.run.launched_s, each.run.id))
        ended.sort(key=lambda each: (-(each.run.ended_s or 0.0), each.run.id))
        return live + ended[:MOST_ENDED]

    def phases(self) -> dict[Phase, int]:
        """How many runs there were in each phase at the latest look at the database."""
        with self._lock:
            return dict(self._phases)

    def letters(self) -> dict[LetterState, int]:
        """How many letters there were in the outbox by state at that look."""
        with self._lock:
            return dict(self._letters)

    def standing(self, run_id: str) -> Standing | None:
        """One run's, None when it is not in view."""
        with self._lock:
            return self._standings.get(run_id)

    @property
    def refresh_age_s(self) -> float | None:
        """How long ago the database was last looked at; None before the first look."""
        return None if self._refreshed_s is None else time.monotonic() - self._refreshed_s

    def see(self, stored: StoredRun) -> Standing:
        """Where a run stands that was just loaded; one that ended long ago is not taken into view."""
        run = stored.snapshot.run
        if run.phase.ended and self.standing(run.id) is None:
            return self._read(stored.snapshot, stored)
        self._put(stored.snapshot, stored)
        return self.standing(run.id) or self._read(stored.snapshot, stored)

    def refresh(self) -> None:
        """Look at all runs of the database at once. StoreError when it cannot be read."""
        stored = {each.snapshot.run.id: each for each in self.store.runs(most_ended=MOST_ENDED)}
        for each in stored.values():
            self._put(each.snapshot, each)
        with self._lock:
            known = self._standings.items()
            gone = [run_id for run_id, each in known if each.run.phase.ended and run_id not in stored]
            for run_id in gone:
                del self._standings[run_id]
        self._count()

    def look(self, pause_s: float) -> None:
        """Look at the runs that go on or went on just now, but for those that this process ticks.

        One at a time with a pause after each, so that pages and ticks hardly notice. StoreError when the
        database cannot be read; a run that cannot be read harms no other.
        """
        live = {each.run.id for each in self.standings() if not each.run.phase.ended}
        unreadable = []
        for run_id in live | set(self.store.active()):
            if time.monotonic() - self._ticked_s.get(run_id, -math.inf) < _OWN_S:
                continue
            try:
                stored = self.store.load(run_id)
                self._put(stored.snapshot, stored)
            except CorruptRecord as error:
                unreadable.append(str(error))
            time.sleep(pause_s)
        with self._lock:
            self.version += self.unreadable != tuple(sorted(unreadable))
            self.unreadable = tuple(sorted(unreadable))
        self._count()

    def _count(self) -> None:
        phases, letters = dict(self.store.phases()), dict(self.store.letter_states())
        with self._lock:
            self._phases, self._letters = phases, letters
            self._refreshed_s = time.monotonic()

    def keep_fresh(self, stop: threading.Event) -> None:
        """Look every few seconds until `stop` is set; what is known outlives trouble with the database."""
        for number in itertools.count():
            try:
                if number % _ALL_EVERY == 0:
                    self.refresh()
                else:
                    self.look(_PAUSE_S)
            except StoreError as error:
                _log.warning("runs cannot be looked up, trying again", error=str(error))
            if stop.wait(REFRESH_S):
                return

    def on_round(self) -> None:
        """Nothing changed yet."""

    def on_start(self, run_id: str, known: Run | None) -> None:
        """Nothing changed yet."""

    def on_tick(self, snapshot: Snapshot, took_s: float) -> None:
        """This process ticked a run."""
        self._put(snapshot, None)
        if snapshot.run.phase.ended:
            self._ticked_s.pop(snapshot.run.id, None)
        else:
            self._ticked_s[snapshot.run.id] = time.monotonic()

    def on_error(self, run_id: str, error: Exception) -> None:
        """The run stands where it stood; its age tells."""

    def _put(self, snapshot: Snapshot, stored: StoredRun | None) -> None:
        run = snapshot.run
        known = self.standing(run.id)
        if known is not None and _moment(snapshot) <= (known.run.seq, known.ticked_s or 0.0):
            return
        made = self._read(snapshot, stored)
        with self._lock:
            self._standings[run.id] = made
            self.version += 1
            if run.phase.ended:
                self._experiments.pop(run.id, None)

    def _read(self, snapshot: Snapshot, stored: StoredRun | None) -> Standing:
        run = snapshot.run
        reason = snapshot.reason or run.reason
        try:
            experiment = self._experiment(run.id, stored)
            until_s = evaluate.Evidence.from_plain(experiment, snapshot.evidence).data_until_s
        except RampwiseError as error:
            return Standing(run=run, reason=reason, ticked_s=snapshot.ticked_s, unreadable=str(error))
        return Standing(
            run=run,
            reason=reason,
            ticked_s=snapshot.ticked_s,
            interval_s=experiment.interval_s,
            data_until_s=until_s,
        )

    def _experiment(self, run_id: str, stored: StoredRun | None) -> Experiment:
        with self._lock:
            known = self._experiments.get(run_id)
        if known is not None:
            return known
        stored = stored or self.store.load(run_id)
        made = load_experiment(stored)
        if not stored.snapshot.run.phase.ended:
            with self._lock:
                self._experiments[run_id] = made
        return made


def _moment(snapshot: Snapshot) -> tuple[int, float]:
    return snapshot.run.seq, snapshot.ticked_s or 0.0
