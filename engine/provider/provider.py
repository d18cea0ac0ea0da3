"""Finds or begins the run that a question is about, and answers from what is stored of it.

It asks no source and moves nothing: whoever drives all runs of the store drives these, too.
"""

import threading
from collections import deque
from dataclasses import dataclass, field

import structlog

from analysis import evaluate
from engine import spec
from engine.core.events import Actor, Verb
from engine.core.model import Experiment
from engine.core.run import Run
from engine.core.wording import analyses as wording
from engine.errors import RampwiseError, StoreError, UsageError
from engine.launching import launch
from engine.ports import Clock, Store, StoredRun
from engine.provider.answers import FORGOTTEN, Answer, answer, awaits_rollout, is_over
from engine.provider.question import ASKED_LABEL, KEY_LABEL, Analysis, Question
from engine.wiring import load_experiment, prepare

_log = structlog.get_logger("rampwise.provider")

SOURCE = "analysis"
"""How the event log names this door."""
IDLE_S = 1800.0
"""A run that nobody has asked for this long ends: twice the longest interval that an analysis should have, so
that neither a lost request nor a restart of whoever asks ends it; and the runs of yesterday's releases do not
ask Prometheus for ever."""
MOST_RUNS = 500
"""Runs that may go on at a time by questions alone."""
MOST_LAUNCHES = 500
"""Runs that may begin in an hour by questions alone; a run is some kilobytes in the database for ever."""
_HOUR_S = 3600.0
_LOOK_S = 5.0
_NEWEST_ENDED = 200


class TooMany(RampwiseError):  # noqa: N818 (names the state, like Unreachable)
    """Enough runs were begun by questions; this one may come again later."""


class Mismatch(RampwiseError):  # noqa: N818
    """The key has a run already, with another spec."""


@dataclass(slots=True)
class Provider:
    """For all threads of a web server.

    Attributes:
        place: how the log names this process.
    """

    store: Store
    clock: Clock
    place: str
    _asked_s: dict[str, float] = field(default_factory=dict)
    _runs: dict[str, str] | None = None
    _experiments: dict[str, Experiment] = field(default_factory=dict)
    _launched_s: deque[float] = field(default_factory=deque)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, question: Question) -> Answer:
        """What the question's run says now; the first question begins it.

        Raises:
            SpecError: the spec is wrong; all problems.
            Mismatch: the key has a run with another spec.
            TooMany: a bound on runs is reached.
            RampwiseError: the run cannot be begun or read.
        """
        with self._lock:
            stored = self._found(question) or self._begun(question)
            self._asked_s[stored.snapshot.run.id] = self.clock.now_s()
        if _labels(stored).get(ASKED_LABEL) != question.asked:
            raise Mismatch(
                f"run {stored.snapshot.run.id} of this key was begun with another spec; "
                "make them the same, or give the key another `attempt`"
            )
        switched = question.analysis is Analysis.POST_PROMOTION
        if switched:
            self._go_on(stored.snapshot.run, question)
        experiment = self._experiment(stored)
        evidence = evaluate.Evidence.from_plain(experiment, stored.snapshot.evidence)
        verdict = evaluate.verdict(experiment, evidence)
        return answer(experiment, stored.snapshot, verdict, self.clock.now_s(), switched=switched)

    def keep_tidy(self, stop: threading.Event) -> None:
        """End what nobody asks for, until `stop` is set; trouble is logged and tried again."""
        while not stop.wait(_LOOK_S):
            try:
                self.end_forgotten()
            except StoreError as error:
                _log.warning("runs that nobody asks for cannot be ended, trying again", error=str(error))

    def end_forgotten(self) -> None:
        """Ask for the end of every run that nobody has asked for since `IDLE_S`. StoreError."""
        now_s = self.clock.now_s()
        with self._lock:
            self._learn()
            active = set(self.store.active())
            self._asked_s = {run: at_s for run, at_s in self._asked_s.items() if run in active}
            idle = [run for run, at_s in self._asked_s.items() if now_s - at_s > IDLE_S]
            for run_id in idle:
                del self._asked_s[run_id]
        for run_id in idle:
            self.store.request(run_id, Verb.STOP, FORGOTTEN, wording.forgotten(IDLE_S), SOURCE, now_s)
            self._experiments.pop(run_id, None)

    def _found(self, question: Question) -> StoredRun | None:
        """The newest run of this key, None where a new one has to begin."""
        self._learn()
        known = (self._runs or {}).get(question.digest)
        stored = None if known is None else self._unless_over(known)
        if stored is not None:
            return stored
        # Another engine may have begun one, or the next one.
        newest = self._elsewhere(question)
        return None if newest is None or newest == known else self._unless_over(newest)

    def _unless_over(self, run_id: str) -> StoredRun | None:
        stored = self.store.load(run_id)
        return None if is_over(stored.snapshot.run, self.clock.now_s(), IDLE_S) else stored

    def _learn(self) -> None:
        """At the first look, which key has which run; their time without questions begins now."""
        if self._runs is not None:
            return
        now_s = self.clock.now_s()
        found: dict[str, str] = {}
        for stored in reversed(self.store.runs()):
            key = _labels(stored).get(KEY_LABEL)
            if key is not None:
                found[key] = stored.snapshot.run.id
                if not stored.snapshot.run.phase.ended:
                    self._asked_s.setdefault(stored.snapshot.run.id, now_s)
        self._runs = found

    def _elsewhere(self, question: Question) -> str | None:
        """The run that another engine has begun for this key since we first looked."""
        rival = self.store.rival(question.name, "")
        if rival is not None:
            return rival.run_id
        newest = self.store.runs(most_ended=_NEWEST_ENDED)
        own = (each for each in newest if _labels(each).get(KEY_LABEL) == question.digest)
        found = next(own, None)
        return None if found is None else found.snapshot.run.id

    def _begun(self, question: Question) -> StoredRun:
        """A new run; where another engine was quicker, its run."""
        prepared = prepare(spec.from_plain(question.document()))
        self._make_sure_there_is_room()
        actor = Actor(user=SOURCE, host=f"{question.key.namespace}/{question.key.rollout}")
        try:
            run_id = launch(prepared, self.store, self.clock, actor, self.place)
        except UsageError:
            rival = self.store.rival(question.name, "")
            if rival is None:
                raise
            run_id = rival.run_id
        else:
            self._launched_s.append(self.clock.now_s())
            _log.info("begun by a question", run=run_id, rollout=str(actor))
        if self._runs is not None:
            self._runs[question.digest] = run_id
        return self.store.load(run_id)

    def _make_sure_there_is_room(self) -> None:
        now_s = self.clock.now_s()
        while self._launched_s and now_s - self._launched_s[0] > _HOUR_S:
            self._launched_s.popleft()
        if len(self._launched_s) >= MOST_LAUNCHES:
            raise TooMany(f"{MOST_LAUNCHES} runs were begun within an hour; ask again later")
        if len(self._asked_s) >= MOST_RUNS:
            raise TooMany(f"{MOST_RUNS} runs go on that analyses ask for; ask again when some have ended")

    def _go_on(self, run: Run, question: Question) -> None:
        """The Rollout has switched: that is the approval for which the preview waits."""
        if not awaits_rollout(run) or self.store.requested(run.id):
            return
        actor = Actor(user=SOURCE, host=f"{question.key.namespace}/{question.key.rollout}")
        self.store.request(run.id, Verb.APPROVE, actor, wording.gone_on(), SOURCE, self.clock.now_s())

    def _experiment(self, stored: StoredRun) -> Experiment:
        run_id = stored.snapshot.run.id
        found = self._experiments.get(run_id)
        if found is None:
            found = load_experiment(stored)
            if len(self._experiments) >= MOST_RUNS:
                self._experiments.clear()
            self._experiments[run_id] = found
        return found


def _labels(stored: StoredRun) -> dict[str, str]:
    labels: dict[str, str] = stored.spec.get("document", {}).get("metadata", {}).get("labels") or {}
    return labels
