"""What every store must do. A test class for a store subclasses this and provides `store`."""

from dataclasses import replace

import pytest

from engine.adapters.fakes_store import MemoryStore
from engine.adapters.store import SqlStore
from engine.core.events import Actor, Freeze, Verb
from engine.core.letter import Delivered, Letter, LetterState, Refused, after
from engine.core.run import Phase
from engine.errors import LeaseLost, UsageError
from engine.ports import Rival, Store
from tests.contracts.letter_samples import a_letter
from tests.contracts.many_runs_contract import ManyRunsContract
from tests.contracts.store_samples import ADA, commanded, decided, ended, next_events, observed, started

AnyStore = SqlStore | MemoryStore


def launch(
    store: Store, run_id: str, *, name: str = "checkout-v2", target_key: str = "local/checkout"
) -> None:
    snapshot, spec, events = started(run_id, name=name, target_key=target_key)
    store.create(snapshot, spec, events)


def end(store: Store, run_id: str, owner: str = "ender") -> None:
    lease = store.acquire(run_id, owner, now_s=1e6, ttl_s=1)
    assert lease is not None
    events, snapshot = ended(store.load(run_id).snapshot)
    store.append(lease, events, snapshot)
    store.release(lease)


def write(store: Store, *letters: Letter) -> None:
    snapshot, spec, events = started("r1")
    store.create(snapshot, spec, events, letters=letters)


class StoreContract(ManyRunsContract):
    """Uses of one store by one process."""

    def test_a_new_store_is_empty(self, store: AnyStore) -> None:
        as_port: Store = store
        assert (list(as_port.runs()), list(as_port.active()), list(as_port.waiting())) == ([], [], [])

    def test_a_created_run_loads_with_its_spec_and_its_events(self, store: AnyStore) -> None:
        snapshot, spec, events = started("r1")
        store.create(snapshot, spec, events)
        assert store.load("r1").snapshot == snapshot
        assert store.load("r1").spec == spec
        assert list(store.events("r1")) == list(events)

    def test_appended_events_follow_and_the_snapshot_is_the_latest(self, store: AnyStore) -> None:
        launch(store, "r1")
        lease = store.acquire("r1", "a", now_s=0, ttl_s=30)
        assert lease is not None
        events, snapshot = next_events(store.load("r1").snapshot, observed(0), decided())
        store.append(lease, events, snapshot)
        assert store.load("r1").snapshot == snapshot
        assert list(store.events("r1", after_seq=1)) == list(events)
        assert [event.seq for event in store.events("r1")] == [1, 2, 3]
        assert list(store.events("r1", after_seq=3)) == []

    def test_the_newest_ended_runs_are_enough_where_there_are_many(self, store: AnyStore) -> None:
        for number in range(4):
            snapshot, spec, events = started(
                f"r{number}", name=f"n{number}", target_key=f"t{number}", at_s=number
            )
            store.create(snapshot, spec, events)
        for number in (0, 1, 2):
            end(store, f"r{number}")
        assert [each.snapshot.run.id for each in store.runs(most_ended=1)] == ["r3", "r2"]
        assert [each.snapshot.run.id for each in store.runs(most_ended=0)] == ["r3"]
        assert [each.snapshot.run.id for each in store.each_run()] == ["r0", "r1", "r2", "r3"]
        assert len(store.runs()) == 4

    def test_runs_are_counted_by_phase(self, store: AnyStore) -> None:
        launch(store, "r1", name="n1", target_key="t1")
        launch(store, "r2", name="n2", target_key="t2")
        end(store, "r1")
        counts = store.phases()
        assert counts[store.load("r1").snapshot.run.phase] == 1
        assert counts[store.load("r2").snapshot.run.phase] == 1
        assert sum(counts.values()) == 2

    def test_a_snapshot_may_change_without_events(self, store: AnyStore) -> None:
        launch(store, "r1")
        lease = store.acquire("r1", "a", now_s=0, ttl_s=30)
        assert lease is not None
        ticked = replace(store.load("r1").snapshot, ticked_s=12.5, cursor={"at": 3})
        store.append(lease, (), ticked)
        assert store.load("r1").snapshot == ticked
        assert len(store.events("r1")) == 1

    def test_an_unknown_run_is_refused_and_near_ones_are_named(self, store: AnyStore) -> None:
        launch(store, "checkout-v2-1", name="checkout-v2")
        for act in (
            lambda: store.load("checkout-v2-2"),
            lambda: store.events("chekout-v2"),
            lambda: store.acquire("checkout-v2", "a", now_s=0, ttl_s=1),
            lambda: store.request("checkout-v2-", Verb.STOP, ADA, "", "cli", 0.0),
        ):
            with pytest.raises(UsageError, match=r"there is no run .* Did you mean checkout-v2-1\?"):
                act()

    def test_a_run_unlike_any_other_points_to_the_list(self, store: AnyStore) -> None:
        launch(store, "r1")
        with pytest.raises(UsageError, match="rampwise list"):
            store.load("something-else-entirely")

    def test_runs_are_listed_newest_first(self, store: AnyStore) -> None:
        for number, run_id in enumerate(("old", "new", "middle")):
            launched_s = {"old": 100.0, "middle": 200.0, "new": 300.0}[run_id]
            snapshot, spec, events = started(
                run_id, name=f"n{number}", target_key=f"t{number}", at_s=launched_s
            )
            store.create(snapshot, spec, events)
        assert [stored.snapshot.run.id for stored in store.runs()] == ["new", "middle", "old"]
        assert list(store.active()) == ["old", "middle", "new"]

    def test_a_second_active_run_of_one_name_is_refused(self, store: AnyStore) -> None:
        launch(store, "r1", name="checkout", target_key="t1")
        with pytest.raises(UsageError, match="experiment checkout already has a run: r1 is running"):
            launch(store, "r2", name="checkout", target_key="t2")
        assert list(store.active()) == ["r1"]
        with pytest.raises(UsageError):
            store.events("r2")

    def test_a_second_active_run_on_one_target_is_refused(self, store: AnyStore) -> None:
        launch(store, "r1", name="n1", target_key="local/shop")
        with pytest.raises(UsageError, match="target local/shop is owned by run r1"):
            launch(store, "r2", name="n2", target_key="local/shop")

    def test_the_rival_of_a_launch_is_of_its_name_or_else_on_its_target(self, store: AnyStore) -> None:
        launch(store, "r1", name="n1", target_key="t1")
        launch(store, "r2", name="n2", target_key="t2")
        assert store.rival("n3", "t3") is None
        assert store.rival("n3", "t1") == Rival(run_id="r1", same_name=False)
        assert store.rival("n2", "t1") == Rival(run_id="r2", same_name=True)
        end(store, "r2")
        assert store.rival("n2", "t1") == Rival(run_id="r1", same_name=False)
        assert store.rival("n2", "t2") is None

    def test_a_run_id_is_used_once(self, store: AnyStore) -> None:
        launch(store, "r1", name="n1", target_key="t1")
        with pytest.raises(UsageError, match="r1 exists already"):
            launch(store, "r1", name="n2", target_key="t2")

    def test_an_ended_run_gives_name_and_target_free(self, store: AnyStore) -> None:
        launch(store, "r1")
        end(store, "r1")
        launch(store, "r2")
        assert list(store.active()) == ["r2"]
        assert store.load("r1").snapshot.run.phase is Phase.STOPPED

    def test_replacing_needs_the_old_run_to_have_ended(self, store: AnyStore) -> None:
        launch(store, "r1")
        snapshot, spec, events = started("r2")
        with pytest.raises(UsageError, match="r1 cannot be replaced: it is running"):
            store.create(snapshot, spec, events, replace="r1")
        end(store, "r1")
        store.create(snapshot, spec, events, replace="r1")
        assert list(store.active()) == ["r2"]

    def test_replacing_an_unknown_run_is_refused(self, store: AnyStore) -> None:
        snapshot, spec, events = started("r2")
        with pytest.raises(UsageError, match="there is no run 'r0'"):
            store.create(snapshot, spec, events, replace="r0")
        assert list(store.active()) == []

    def test_events_with_a_gap_are_refused_as_a_mistake_of_the_caller(self, store: AnyStore) -> None:
        launch(store, "r1")
        lease = store.acquire("r1", "a", now_s=0, ttl_s=30)
        assert lease is not None
        events, snapshot = next_events(store.load("r1").snapshot, observed(0), decided())
        with pytest.raises(ValueError, match="do not lead to"):
            store.append(lease, events[:1], snapshot)
        assert len(store.events("r1")) == 1

    def test_events_of_another_run_are_refused(self, store: AnyStore) -> None:
        launch(store, "r1")
        lease = store.acquire("r1", "a", now_s=0, ttl_s=30)
        assert lease is not None
        events, snapshot = next_events(store.load("r1").snapshot, observed(0))
        with pytest.raises(ValueError, match="of this run"):
            store.append(lease, [replace(events[0], run_id="r2")], snapshot)

    def test_an_append_to_a_log_that_moved_on_is_refused(self, store: AnyStore) -> None:
        launch(store, "r1")
        lease = store.acquire("r1", "a", now_s=0, ttl_s=30)
        assert lease is not None
        events, snapshot = next_events(store.load("r1").snapshot, observed(0))
        store.append(lease, events, snapshot)
        with pytest.raises(LeaseLost, match="the log stands at event 2, and event 2 was to follow"):
            store.append(lease, events, snapshot)
        assert len(store.events("r1")) == 2

    def test_a_lease_has_one_holder_until_it_expires(self, store: AnyStore) -> None:
        launch(store, "r1")
        first = store.acquire("r1", "a", now_s=100, ttl_s=30)
        assert first is not None
        assert first.expires_s == 130
        assert store.acquire("r1", "b", now_s=129.9, ttl_s=30) is None
        assert store.holder("r1", now_s=129.9) == first
        assert store.holder("r1", now_s=130) is None
        second = store.acquire("r1", "b", now_s=130, ttl_s=30)
        assert second is not None
        assert second.token == first.token + 1
        assert store.holder("r1", now_s=131) == second

    def test_a_renewed_lease_lasts_longer_and_keeps_its_token(self, store: AnyStore) -> None:
        launch(store, "r1")
        first = store.acquire("r1", "a", now_s=100, ttl_s=30)
        again = store.acquire("r1", "a", now_s=120, ttl_s=30)
        assert first is not None
        assert again is not None
        assert (again.token, again.expires_s) == (first.token, 150)

    def test_a_released_lease_is_free_at_once_with_a_new_token(self, store: AnyStore) -> None:
        launch(store, "r1")
        first = store.acquire("r1", "a", now_s=100, ttl_s=30)
        assert first is not None
        store.release(first)
        assert store.holder("r1", now_s=100) is None
        second = store.acquire("r1", "a", now_s=100, ttl_s=30)
        assert second is not None
        assert second.token == first.token + 1

    def test_releasing_a_lease_that_is_no_longer_ours_changes_nothing(self, store: AnyStore) -> None:
        launch(store, "r1")
        first = store.acquire("r1", "a", now_s=100, ttl_s=30)
        second = store.acquire("r1", "b", now_s=131, ttl_s=30)
        assert first is not None
        assert second is not None
        store.release(first)
        store.release(replace(first, run_id="nobody"))
        assert store.holder("r1", now_s=131) == second

    def test_an_old_lease_cannot_write(self, store: AnyStore) -> None:
        launch(store, "r1")
        first = store.acquire("r1", "a", now_s=100, ttl_s=30)
        store.acquire("r1", "b", now_s=131, ttl_s=30)
        assert first is not None
        events, snapshot = next_events(store.load("r1").snapshot, observed(0))
        with pytest.raises(LeaseLost, match=r"a no longer drives it \(lease 1\); b drives it \(lease 2\)"):
            store.append(first, events, snapshot)
        assert len(store.events("r1")) == 1

    def test_a_released_lease_cannot_write(self, store: AnyStore) -> None:
        launch(store, "r1")
        lease = store.acquire("r1", "a", now_s=100, ttl_s=30)
        assert lease is not None
        store.release(lease)
        events, snapshot = next_events(store.load("r1").snapshot, observed(0))
        with pytest.raises(LeaseLost, match="was given up"):
            store.append(lease, events, snapshot)

    def test_an_expired_lease_that_nobody_took_can_still_write(self, store: AnyStore) -> None:
        launch(store, "r1")
        lease = store.acquire("r1", "a", now_s=100, ttl_s=0.001)
        assert lease is not None
        events, snapshot = next_events(store.load("r1").snapshot, observed(0))
        store.append(lease, events, snapshot)
        assert len(store.events("r1")) == 2

    def test_a_clock_set_back_lets_no_second_holder_in(self, store: AnyStore) -> None:
        launch(store, "r1")
        assert store.acquire("r1", "a", now_s=10_000, ttl_s=30) is not None
        assert store.acquire("r1", "b", now_s=5_000, ttl_s=30) is None
        renewed = store.acquire("r1", "a", now_s=5_001, ttl_s=30)
        assert renewed is not None
        assert store.acquire("r1", "b", now_s=10_001, ttl_s=30) is None

    def test_commands_wait_oldest_first_until_their_event_is_appended(self, store: AnyStore) -> None:
        launch(store, "r1")
        first = store.request("r1", Verb.PAUSE, ADA, "lunch", "cli", 5.0)
        second = store.request("r1", Verb.STOP, Actor(user="bob"), "", "web", 6.0)
        assert list(store.requested("r1")) == [first, second]
        assert (first.verb, first.actor, first.reason, first.source, first.at_s) == (
            Verb.PAUSE, ADA, "lunch", "cli", 5.0,
        )  # fmt: skip
        lease = store.acquire("r1", "a", now_s=0, ttl_s=30)
        assert lease is not None
        events, snapshot = next_events(store.load("r1").snapshot, commanded(first))
        store.append(lease, events, snapshot)
        assert list(store.requested("r1")) == [second]

    def test_a_command_is_closed_only_by_its_own_run(self, store: AnyStore) -> None:
        launch(store, "r1", name="n1", target_key="t1")
        launch(store, "r2", name="n2", target_key="t2")
        command = store.request("r1", Verb.PAUSE, ADA, "", "cli", 5.0)
        lease = store.acquire("r2", "a", now_s=0, ttl_s=30)
        assert lease is not None
        events, snapshot = next_events(store.load("r2").snapshot, commanded(command))
        store.append(lease, events, snapshot)
        assert list(store.requested("r1")) == [command]
        assert list(store.requested("r2")) == []

    def test_only_active_runs_with_open_commands_are_waiting(self, store: AnyStore) -> None:
        for number in range(3):
            launch(store, f"r{number}", name=f"n{number}", target_key=f"t{number}")
        store.request("r1", Verb.PAUSE, ADA, "", "cli", 5.0)
        store.request("r1", Verb.STOP, ADA, "", "cli", 6.0)
        store.request("r2", Verb.STOP, ADA, "", "cli", 6.0)
        end(store, "r2")
        assert list(store.waiting()) == ["r1"]
        assert list(store.waiting()["r1"]) == list(store.requested("r1"))

    def test_the_freeze_lasts_until_it_is_ended(self, store: AnyStore) -> None:
        assert store.freeze() is None
        first = Freeze(reason="holidays", actor=ADA, since_s=7.0)
        store.set_freeze(first)
        assert store.freeze() == first
        second = replace(first, reason="incident")
        store.set_freeze(second)
        assert store.freeze() == second
        store.set_freeze(None)
        assert store.freeze() is None

    def test_what_the_caller_keeps_changing_does_not_change_what_is_stored(self, store: AnyStore) -> None:
        evidence = {"metrics": {"errors": [1, 2]}}
        snapshot, spec, events = started("r1")
        store.create(replace(snapshot, evidence=evidence), spec, events)
        evidence["metrics"]["errors"].append(3)
        assert store.load("r1").snapshot.evidence == {"metrics": {"errors": [1, 2]}}

    def test_letters_are_kept_with_the_events_they_are_about_or_not_at_all(self, store: AnyStore) -> None:
        snapshot, spec, events = started("r1")
        store.create(snapshot, spec, events, letters=[a_letter(seq=1)])
        lease = store.acquire("r1", "a", now_s=0, ttl_s=30)
        assert lease is not None
        more, next_one = next_events(snapshot, decided())
        store.append(lease, more, next_one, [a_letter(seq=2), a_letter(seq=2, sink="pager")])
        with pytest.raises(LeaseLost):
            store.append(lease, more, next_one, [a_letter(seq=3)])
        with pytest.raises(UsageError):
            store.create(*started("r2"), letters=[a_letter(run_id="r2")])
        kept = [(letter.notice.seq, letter.sink) for letter in store.letters("r1")]
        assert kept == [(1, "chat"), (2, "chat"), (2, "pager")]
        assert store.letters("r1")[0] == a_letter(seq=1)
        assert list(store.letters("r2")) == []

    def test_a_claimed_letter_is_nobody_elses_until_the_claim_ends(self, store: AnyStore) -> None:
        write(store, a_letter(due_s=1000.0))
        assert list(store.claim_letters(999.0, 1060.0, 9)) == []
        [ours] = store.claim_letters(1000.0, 1060.0, 9)
        assert (ours.attempts, ours.due_s) == (1, 1060.0)
        assert list(store.claim_letters(1059.0, 1100.0, 9)) == []
        [again] = store.claim_letters(1060.0, 1100.0, 9)
        assert (again.attempts, again.notice) == (2, ours.notice)

    def test_of_many_letters_those_never_tried_are_claimed_first(self, store: AnyStore) -> None:
        write(store, *(a_letter(seq=seq, due_s=1000.0 + seq) for seq in (3, 1, 2)))
        assert [each.notice.seq for each in store.claim_letters(2000.0, 2001.0, 1)] == [1]
        assert [each.notice.seq for each in store.claim_letters(3000.0, 3001.0, 9)] == [2, 3, 1]

    def test_a_settled_letter_is_not_due_again(self, store: AnyStore) -> None:
        write(store, a_letter(seq=1), a_letter(seq=2))
        first, second = store.claim_letters(1000.0, 1060.0, 9)
        store.settle_letter(after(first, Delivered(), 1001.0, 1.0))
        store.settle_letter(after(second, Refused(detail="no such place", retry=False), 1001.0, 1.0))
        assert list(store.claim_letters(1e9, 1e9, 9)) == []
        assert [(each.state, each.detail, each.settled_s) for each in store.letters("r1")] == [
            (LetterState.DELIVERED, "", 1001.0),
            (LetterState.GIVEN_UP, "no such place", 1001.0),
        ]

    def test_a_refused_letter_is_due_again_when_it_says(self, store: AnyStore) -> None:
        write(store, a_letter())
        [claimed] = store.claim_letters(1000.0, 1060.0, 9)
        store.settle_letter(after(claimed, Refused(detail="busy"), 1001.0, 1.0))
        assert list(store.claim_letters(1002.9, 1060.0, 9)) == []
        [again] = store.claim_letters(1003.0, 1063.0, 9)
        assert (again.attempts, again.detail) == (2, "busy")

    def test_who_slept_over_a_claim_changes_nothing(self, store: AnyStore) -> None:
        write(store, a_letter())
        [slept] = store.claim_letters(1000.0, 1060.0, 9)
        [ours] = store.claim_letters(1060.0, 1120.0, 9)
        store.settle_letter(after(slept, Refused(detail="late", retry=False), 1061.0, 1.0))
        assert store.letters("r1")[0] == ours
        store.settle_letter(after(ours, Delivered(), 1062.0, 1.0))
        store.settle_letter(after(ours, Refused(detail="late", retry=False), 1063.0, 1.0))
        assert store.letters("r1")[0].state is LetterState.DELIVERED

    def test_a_command_keeps_which_treatment_it_means(self, store: AnyStore) -> None:
        launch(store, "r1")
        store.request("r1", Verb.PROMOTE, ADA, "", "cli", 5.0, "v3")
        store.request("r1", Verb.PROMOTE, ADA, "", "cli", 6.0)
        assert [command.treatment for command in store.requested("r1")] == ["v3", ""]
