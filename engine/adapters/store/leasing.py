"""Who may drive a run: the rules of a lease, without a database, the same for every store.

A lease is free once it was released or its expiry has passed. Its token grows with every new holder; a write
with an old token is refused, so a holder that slept through its expiry can do no harm to the log.
"""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseState:
    """A lease as kept.

    Attributes:
        owner: None when released or never held. token: number of holders so far.
        beats: number of times it was granted or renewed. expires_s: epoch seconds.
    """

    owner: str | None = None
    token: int = 0
    beats: int = 0
    expires_s: float = 0.0

    def held(self, now_s: float) -> bool:
        """Whether somebody holds it."""
        return self.owner is not None and self.expires_s > now_s

    def granted(self, owner: str, now_s: float, ttl_s: float) -> "LeaseState":
        """The lease in this owner's hands for `ttl_s` more.

        For the same owner the expiry never moves back: a clock that was set back must not shorten a
        lease below what others were told.
        """
        until_s = now_s + ttl_s
        if owner == self.owner:
            return LeaseState(
                owner=owner, token=self.token, beats=self.beats + 1, expires_s=max(self.expires_s, until_s)
            )
        return LeaseState(owner=owner, token=self.token + 1, beats=self.beats + 1, expires_s=until_s)

    def released(self) -> "LeaseState":
        """The lease in nobody's hands."""
        return LeaseState(token=self.token, beats=self.beats)


class Watch:
    """Tells a dead holder whose lease expires in the far future from a living one.

    When a clock was set back, a lease may seem to last for hours. It still belongs to its holder for as long
    as the holder renews it. A holder that does not for a whole `ttl_s` of steady time is gone.
    """

    def __init__(self, monotonic_s: Callable[[], float]) -> None:
        self._monotonic_s = monotonic_s
        self._seen: dict[str, tuple[int, float]] = {}

    def may_take(self, run_id: str, lease: LeaseState, owner: str, now_s: float, ttl_s: float) -> bool:
        """Whether `owner` may have the lease now."""
        if lease.owner == owner or not lease.held(now_s):
            return True
        if lease.expires_s <= now_s + ttl_s:
            return False
        steady_s = self._monotonic_s()
        beats, since_s = self._seen.get(run_id, (-1, steady_s))
        if beats != lease.beats:
            self._seen[run_id] = (lease.beats, steady_s)
            return False
        return steady_s - since_s > ttl_s
