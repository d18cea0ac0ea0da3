"""Who may drive a run when clocks are wrong and holders die."""

from hypothesis import given
from hypothesis import strategies as st

from engine.adapters.fakes_store import MemoryStore
from engine.adapters.store.leasing import LeaseState
from tests.contracts.store_samples import started

TTL_S = 30.0


class SteadyClock:
    """A clock that only the test moves."""

    def __init__(self) -> None:
        self.at_s = 0.0

    def __call__(self) -> float:
        return self.at_s


def _store(steady: SteadyClock) -> MemoryStore:
    store = MemoryStore(monotonic_s=steady)
    snapshot, spec, events = started("r1")
    store.create(snapshot, spec, events)
    return store


def test_after_the_clock_was_set_back_a_dead_holder_is_replaced_within_two_ttl() -> None:
    steady = SteadyClock()
    store = _store(steady)
    dead = store.acquire("r1", "dead", now_s=100_000, ttl_s=TTL_S)
    assert dead is not None
    assert store.acquire("r1", "b", now_s=500, ttl_s=TTL_S) is None
    steady.at_s = TTL_S
    assert store.acquire("r1", "b", now_s=530, ttl_s=TTL_S) is None
    steady.at_s = TTL_S + 0.1
    taken = store.acquire("r1", "b", now_s=530.1, ttl_s=TTL_S)
    assert taken is not None
    assert (taken.token, taken.expires_s) == (dead.token + 1, 560.1)


def test_after_the_clock_was_set_back_a_living_holder_keeps_the_lease() -> None:
    steady = SteadyClock()
    store = _store(steady)
    assert store.acquire("r1", "alive", now_s=100_000, ttl_s=TTL_S) is not None
    for tick in range(50):
        steady.at_s = 15.0 * tick
        now_s = 500 + steady.at_s
        assert store.acquire("r1", "alive", now_s=now_s, ttl_s=TTL_S) is not None
        assert store.acquire("r1", "b", now_s=now_s, ttl_s=TTL_S) is None


def test_a_second_jump_of_the_clock_does_not_count_as_time_without_renewal() -> None:
    steady = SteadyClock()
    store = _store(steady)
    assert store.acquire("r1", "alive", now_s=100_000, ttl_s=TTL_S) is not None
    assert store.acquire("r1", "b", now_s=500, ttl_s=TTL_S) is None
    steady.at_s = 1.0
    assert store.acquire("r1", "b", now_s=5_000, ttl_s=TTL_S) is None


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.floats(-1000, 1000), st.floats(0.1, 100)),
        min_size=1,
        max_size=40,
    )
)
def test_whatever_the_clocks_say_a_told_lease_is_never_given_away_early(
    attempts: list[tuple[str, float, float]],
) -> None:
    """No steady time passes, so only expiry can free a lease."""
    store = _store(SteadyClock())
    until_s: dict[str, float] = {}
    holder, token = "", 0
    for owner, now_s, ttl_s in attempts:
        lease = store.acquire("r1", owner, now_s=now_s, ttl_s=ttl_s)
        if lease is None:
            assert owner != holder
            assert until_s[holder] > now_s
            continue
        changed = owner != holder
        assert not changed or not holder or until_s[holder] <= now_s
        assert lease.token == token + changed
        assert changed or lease.expires_s >= until_s[owner]
        holder, token, until_s[owner] = owner, lease.token, lease.expires_s


def test_a_lease_ends_at_its_expiry_and_not_after_it() -> None:
    state = LeaseState().granted("a", now_s=10.0, ttl_s=5.0)
    assert state.held(14.999)
    assert not state.held(15.0)
