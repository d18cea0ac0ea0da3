"""Any sequence of uses: the database and the memory store give the same answers."""

import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from engine.adapters.fakes_store import MemoryStore
from engine.adapters.store import SqlStore, open_store
from engine.core.events import ENGINE, Commanded, Freeze, Payload, Verb
from engine.core.evolve import replay
from engine.core.letter import Delivered, Refused, after
from engine.errors import RampwiseError
from engine.ports import Lease
from tests.contracts.letter_samples import a_letter
from tests.contracts.store_samples import (
    ADA,
    decided,
    ended,
    next_events,
    observed,
    started,
)

AnyStore = SqlStore | MemoryStore
RUNS = st.sampled_from(["r1", "r2", "r3"])
OWNERS = st.sampled_from(["a", "b"])
TIMES = st.floats(0, 200)
OUTCOMES = st.sampled_from([None, Delivered(), Refused(detail="busy"), Refused(detail="gone", retry=False)])


class TwoStores(RuleBasedStateMachine):
    """Does everything to both; whatever one answers or refuses, the other must too."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.sql = open_store(f"sqlite:///{self.folder}/runs.db")
        self.sql._watch._monotonic_s = lambda: 0.0
        self.memory = MemoryStore(monotonic_s=lambda: 0.0)
        self.leases: list[Lease] = []

    def teardown(self) -> None:
        self.sql.close()
        shutil.rmtree(self.folder)

    def both(self, act: Callable[[AnyStore], object]) -> object:
        answers = [_answer(act, store) for store in (self.sql, self.memory)]
        assert answers[0] == answers[1]
        return answers[0]

    @rule(run_id=RUNS, name=st.sampled_from("nm"), carrier=st.sampled_from("tu"), replace=st.none() | RUNS)
    def launch(self, run_id: str, name: str, carrier: str, replace: str | None) -> None:
        snapshot, spec, events = started(run_id, name=name, target_key=carrier)
        self.both(lambda store: store.create(snapshot, spec, events, replace=replace))

    @rule(run_id=RUNS, owner=OWNERS, now_s=TIMES, ttl_s=st.floats(0.1, 50))
    def acquire(self, run_id: str, owner: str, now_s: float, ttl_s: float) -> None:
        lease = self.both(lambda store: store.acquire(run_id, owner, now_s, ttl_s))
        if isinstance(lease, Lease):
            self.leases.append(lease)

    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        if self.leases:
            lease = data.draw(st.sampled_from(self.leases))
            self.both(lambda store: store.release(lease))

    @rule(data=st.data(), end=st.booleans(), behind=st.booleans())
    def append(self, data: st.DataObject, end: bool, behind: bool) -> None:
        if not self.leases:
            return
        lease = data.draw(st.sampled_from(self.leases))
        before = self.memory.load(lease.run_id).snapshot
        if end and not before.run.phase.ended:
            events, then = ended(before)
        else:
            events, then = next_events(before, *self._payloads(lease.run_id, before.run.windows_done))
        if behind:
            events, then = next_events(then, decided())
        letters = [a_letter(run_id=lease.run_id, seq=events[-1].seq, at_s=0.0, due_s=5.0)]
        self.both(lambda store: store.append(lease, events, then, letters))

    def _payloads(self, run_id: str, window: int) -> Sequence[Payload]:
        done = [
            Commanded(command_id=command.id, verb=Verb.APPROVE, step=0)
            for command in self.memory.requested(run_id)[:1]
        ]
        return [observed(window), *done]

    @rule(run_id=RUNS, verb=st.sampled_from(Verb), reason=st.text(st.characters(codec="utf-8"), max_size=5))
    def request(self, run_id: str, verb: Verb, reason: str) -> None:
        self.both(lambda store: store.request(run_id, verb, ADA, reason, "cli", 5.0))

    @rule(reason=st.none() | st.text(st.characters(codec="utf-8"), max_size=5))
    def freeze(self, reason: str | None) -> None:
        freeze = None if reason is None else Freeze(reason=reason, actor=ENGINE, since_s=1.0)
        self.both(lambda store: store.set_freeze(freeze))

    @rule(now_s=TIMES, ttl_s=st.floats(0.1, 50), at_most=st.integers(1, 3), outcome=OUTCOMES)
    def send(self, now_s: float, ttl_s: float, at_most: int, outcome: Delivered | Refused | None) -> None:
        claimed = self.both(lambda store: list(store.claim_letters(now_s, now_s + ttl_s, at_most)))
        if isinstance(claimed, list) and outcome is not None:
            for letter in claimed:
                settled = after(letter, outcome, now_s, 0.5)
                self.both(lambda store, settled=settled: store.settle_letter(settled))

    @rule(run_id=RUNS, now_s=TIMES, after_seq=st.integers(0, 5))
    def look(self, run_id: str, now_s: float, after_seq: int) -> None:
        self.both(lambda store: store.holder(run_id, now_s))
        self.both(lambda store: list(store.events(run_id, after_seq)))
        self.both(lambda store: list(store.requested(run_id)))
        self.both(lambda store: list(store.letters(run_id)))

    @invariant()
    def same_state_and_every_run_is_what_its_events_made_of_it(self) -> None:
        self.both(lambda store: list(store.runs()))
        self.both(lambda store: (list(store.active()), list(store.waiting()), store.freeze()))
        active = [self.sql.load(run_id).snapshot.run for run_id in self.sql.active()]
        assert len({run.name for run in active}) == len({run.target_key for run in active}) == len(active)
        for stored in self.sql.runs():
            assert replay(self.sql.events(stored.snapshot.run.id)) == stored.snapshot.run


def _answer(act: Callable[[AnyStore], object], store: AnyStore) -> object:
    try:
        return act(store)
    except RampwiseError as error:
        return type(error), str(error)


TestTwoStores = TwoStores.TestCase
TestTwoStores.settings = settings(
    max_examples=20,
    stateful_step_count=25,
    deadline=None,
    report_multiple_bugs=False,
    suppress_health_check=[HealthCheck.too_slow],
)
