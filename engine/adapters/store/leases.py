"""Leases in a database; the rules of a lease are in `leasing`."""

from collections.abc import Collection, Mapping

from engine.adapters.store import statements
from engine.adapters.store.database import Database
from engine.adapters.store.leasing import LeaseState, Watch
from engine.ports import Lease


class SqlLeases:
    """The leases of all runs; `engine.leases.Leases` says what each method does."""

    def __init__(self, database: Database, watch: Watch) -> None:
        self._database = database
        self._watch = watch

    def acquire(self, run_id: str, owner: str, now_s: float, ttl_s: float) -> Lease | None:
        """The lease (renewed if already ours), or None while somebody else holds it."""
        with self._database.write() as connection:
            state = statements.lease_state(connection, run_id)
            if state is None:
                raise statements.unknown(connection, run_id)
            if not self._watch.may_take(run_id, state, owner, now_s, ttl_s):
                return None
            granted = state.granted(owner, now_s, ttl_s)
            statements.keep_leases(connection, {run_id: granted})
        return _lease_of(run_id, granted)

    def acquire_all(
        self, run_ids: Collection[str], owner: str, now_s: float, ttl_s: float
    ) -> Mapping[str, Lease | None]:
        """These leases at once, as `acquire` would; runs that there are not, or not now, are left out."""
        with self._database.write() as connection:
            states = statements.lease_states(connection, run_ids)
            granted = {
                run_id: state.granted(owner, now_s, ttl_s)
                for run_id, state in states.items()
                if self._watch.may_take(run_id, state, owner, now_s, ttl_s)
            }
            statements.keep_leases(connection, granted)
        return {run_id: _lease_of(run_id, granted.get(run_id)) for run_id in states}

    def release(self, lease: Lease) -> None:
        """Give the lease up; harmless when it is no longer ours."""
        with self._database.write() as connection:
            state = statements.lease_state(connection, lease.run_id)
            if state is not None and (state.owner, state.token) == (lease.owner, lease.token):
                statements.keep_leases(connection, {lease.run_id: state.released()})

    def holder(self, run_id: str, now_s: float) -> Lease | None:
        """Who drives the run now."""
        with self._database.read() as connection:
            state = statements.lease_state(connection, run_id, lock=False)
        return _lease_of(run_id, state) if state is not None and state.held(now_s) else None


def _lease_of(run_id: str, state: LeaseState | None) -> Lease | None:
    if state is None or state.owner is None:
        return None
    return Lease(run_id=run_id, owner=state.owner, token=state.token, expires_s=state.expires_s)
