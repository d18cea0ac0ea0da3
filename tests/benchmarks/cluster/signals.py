"""What routers and applications would have counted: independent requests, at fixed rates, split by weights.

Drawn when somebody looks, for exactly the time since the last look. Talks to nobody; time is an argument.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

BOUNDS_S = ("0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "10", "+Inf")
_SHARES = np.array([0.02, 0.05, 0.15, 0.25, 0.25, 0.15, 0.08, 0.03, 0.015, 0.004, 0.0008, 0.0002])
FAILED_ORDERS = 0.02
"""Share of the application's orders that fail, in both arms."""
_CONTROL, _TREATMENT = 0, 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two versions behind one router.

    Attributes:
        name: NAMESPACE/NAME of what carries their weights.
        services: what the router calls control and treatment, its label `service`.
        orders: further labels of the application's counters of control and treatment; none without.
        share_pct: of the treatment. error_rate: of both versions.
    """

    name: str
    services: tuple[str, str]
    rate_per_s: float
    orders: tuple[str, str] | None = None
    share_pct: float = 0.0
    error_rate: float = 0.01


class Signals:
    """Counters of many pairs; none ever goes back."""

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)
        self._rows: dict[str, int] = {}
        self._share = np.zeros(0)
        self._rate_per_s = np.zeros(0)
        self._error_rate = np.zeros((0, 2))
        self._at_s = np.zeros(0)
        self._requests = np.zeros((0, 2, 2), dtype=np.int64)
        self._buckets = np.zeros((0, 2, len(BOUNDS_S)), dtype=np.int64)
        self._orders = np.zeros((0, 2, 2), dtype=np.int64)
        self._names: tuple[list[str], list[str], list[str]] = ([], [], [])

    def add(self, pairs: Sequence[Pair], now_s: float) -> None:
        """Count for these, too, from now on."""
        start, more = len(self._rows), len(pairs)
        self._rows |= {pair.name: start + place for place, pair in enumerate(pairs)}
        self._share = np.append(self._share, [pair.share_pct / 100.0 for pair in pairs])
        self._rate_per_s = np.append(self._rate_per_s, [pair.rate_per_s for pair in pairs])
        rates = [[pair.error_rate] * 2 for pair in pairs]
        self._error_rate = np.concatenate([self._error_rate, np.array(rates).reshape(more, 2)])
        self._at_s = np.append(self._at_s, np.full(more, now_s))
        for name in ("_requests", "_buckets", "_orders"):
            old = getattr(self, name)
            setattr(self, name, np.concatenate([old, np.zeros((more, *old.shape[1:]), dtype=np.int64)]))
        for pair in pairs:
            self._name(pair)

    def set_share(self, name: str, share_pct: float, now_s: float) -> None:
        """From now on the treatment gets this much. Names that are not known are nobody's affair here."""
        row = self._rows.get(name)
        if row is not None:
            self._advance(slice(row, row + 1), now_s)
            self._share[row] = share_pct / 100.0

    def set_error_rate(self, name: str, error_rate: float, now_s: float) -> None:
        """From now on so many of the treatment's requests fail. KeyError for a name that is not known."""
        row = self._rows[name]
        self._advance(slice(row, row + 1), now_s)
        self._error_rate[row, _TREATMENT] = error_rate

    def exposition(self, now_s: float) -> bytes:
        """All counters as Prometheus reads them."""
        self._advance(slice(None), now_s)
        lines: list[str] = []
        for names, counted in zip(self._names, (self._requests, self._buckets, self._orders), strict=True):
            shown = np.cumsum(counted, axis=2) if counted is self._buckets else counted
            lines += [
                f"{name} {value}" for name, value in zip(names, shown.ravel().tolist(), strict=True) if name
            ]
        return ("\n".join(lines) + "\n").encode()

    def _advance(self, rows: slice, now_s: float) -> None:
        passed_s = np.maximum(now_s - self._at_s[rows], 0.0)
        self._at_s[rows] += passed_s
        arms = np.stack([1.0 - self._share[rows], self._share[rows]], axis=1)
        expected = (self._rate_per_s[rows] * passed_s)[:, None] * arms
        drawn = self._rng.poisson(expected[:, :, None] * _SHARES)
        total = drawn.sum(axis=2)
        failed = self._rng.binomial(total, self._error_rate[rows])
        refused = self._rng.binomial(total, FAILED_ORDERS)
        self._buckets[rows] += drawn
        self._requests[rows] += np.stack([total - failed, failed], axis=2)
        self._orders[rows] += np.stack([total - refused, refused], axis=2)

    def _name(self, pair: Pair) -> None:
        """Names of the series, in the order of the counters."""
        requests, buckets, orders = self._names
        for arm, service in enumerate(pair.services):
            common = f'method="GET",protocol="http",service="{service}"'
            requests += [
                f'traefik_service_requests_total{{code="{code}",{common}}}' for code in ("200", "500")
            ]
            name = "traefik_service_request_duration_seconds_bucket"
            buckets += [f'{name}{{code="200",{common},le="{bound}"}}' for bound in BOUNDS_S]
            if pair.orders is None:
                orders += ["", ""]
            else:
                labels = pair.orders[arm]
                orders += [f'orders_total{{{labels},result="{result}"}}' for result in ("ok", "failed")]
