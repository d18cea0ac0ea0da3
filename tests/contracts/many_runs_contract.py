"""What every store must do for an engine that drives many runs at once; part of `StoreContract`."""

import threading
from dataclasses import replace

from analysis import evaluate
from engine.errors import LeaseLost
from engine.ports import Lease, Store
from tests.builders import an_experiment
from tests.contracts.store_samples import next_events, observed, started


def a_run(store: Store, run_id: str) -> None:
    snapshot, spec, events = started(run_id, name=run_id, target_key=run_id)
    store.create(snapshot, spec, events)


def a_lease(store: Store, run_id: str, owner: str = "a") -> Lease:
    a_run(store, run_id)
    lease = store.acquire(run_id, owner, now_s=100, ttl_s=30)
    assert lease is not None
    return lease


class ManyRunsContract:
    """Many runs, one store, many threads."""

    def test_leases_taken_together_are_each_like_one_taken_alone(self, store: Store) -> None:
        for number in range(3):
            a_run(store, f"r{number}")
        ours = store.acquire("r0", "a", now_s=100, ttl_s=30)
        store.acquire("r1", "b", now_s=100, ttl_s=30)
        taken = store.acquire_all(["r0", "r1", "r2", "nobody"], "a", now_s=110, ttl_s=30)
        assert ours is not None
        assert taken["r0"] == replace(ours, expires_s=140)
        assert taken["r1"] is None
        assert taken["r2"] == store.holder("r2", now_s=139.9)
        assert "nobody" not in taken
        assert store.acquire_all([], "a", now_s=110, ttl_s=30) == {}
        assert store.acquire("r0", "b", now_s=139, ttl_s=30) is None

    def test_what_many_append_at_once_is_all_there_but_for_who_may_not(self, store: Store) -> None:
        leases = [a_lease(store, f"r{number}") for number in range(12)]
        lost = leases[5]
        store.acquire(lost.run_id, "b", now_s=131, ttl_s=30)
        trouble: dict[str, Exception] = {}

        def drive(lease: Lease) -> None:
            try:
                for index in range(6):
                    events, snapshot = next_events(store.load(lease.run_id).snapshot, observed(index))
                    store.append(lease, events, snapshot)
            except Exception as error:  # (looked at below)
                trouble[lease.run_id] = error

        threads = [threading.Thread(target=drive, args=(lease,)) for lease in leases]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert {run_id: type(error) for run_id, error in trouble.items()} == {lost.run_id: LeaseLost}
        for lease in leases:
            stored = store.load(lease.run_id).snapshot
            wanted = 1 if lease is lost else 7
            assert stored.run.seq == len(store.events(lease.run_id)) == wanted

    def test_evidence_is_stored_alike_whether_it_is_plain_or_made_when_looked_at(self, store: Store) -> None:
        experiment = an_experiment()
        evidence = evaluate.start(experiment)
        lease = a_lease(store, "r1")
        before = store.load("r1").snapshot
        store.append(lease, [], replace(before, evidence=evidence.deferred()))
        found = store.load("r1").snapshot.evidence
        assert found == evidence.to_plain()
        assert evaluate.Evidence.from_plain(experiment, found).to_plain() == evidence.to_plain()
