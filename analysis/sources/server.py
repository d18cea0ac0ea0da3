"""One Prometheus server as all runs of this process ask it: one client, one place to gather queries.

It parses nothing and keeps nothing that was answered.
"""

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from analysis.sources.gathering import Gathering
from analysis.sources.http import SecretHeaders, connect
from analysis.sources.queries import Evaluation, Query, text_of

Matrix = Sequence[Mapping[str, Any]]

_GIVES_UP_AT = 0.8
"""A server that cannot answer what many runs asked says so before they stop to wait: then it is not gone."""


class Server:
    """Asks; every method raises Trouble."""

    def __init__(self, url: str, auth: SecretHeaders) -> None:
        self._connection = connect(url, auth)
        self.gathering = Gathering(self._joined)

    def samples(self, query: Query, timeout_s: float) -> Matrix:
        """The matrix of an instant query for raw samples."""
        return self._samples(query, timeout_s, timeout_s)

    def levels(self, query: Evaluation, timeout_s: float) -> Matrix:
        """The matrix of a range query. Start and end go as parameters: the client rounds to whole seconds."""
        end_s = query.end_s + query.step_s / 2
        params = {"start": f"{query.first_s:.3f}", "end": f"{end_s:.3f}", "timeout": _timeout(timeout_s)}
        first = datetime.fromtimestamp(query.first_s, UTC)
        found: Matrix = self._connection.custom_query_range(
            query.expression, first, first, f"{query.step_s:.3f}", params=params, timeout=timeout_s
        )
        return found

    def _joined(self, query: Query, timeout_s: float) -> Matrix:
        return self._samples(query, timeout_s, timeout_s * _GIVES_UP_AT)

    def _samples(self, query: Query, timeout_s: float, gives_up_s: float) -> Matrix:
        params = {"time": f"{query.end_s:.3f}", "timeout": _timeout(gives_up_s)}
        found: Matrix = self._connection.custom_query(text_of(query), params=params, timeout=timeout_s)
        return found


@lru_cache(maxsize=256)
def server_at(
    url: str, bearer_token_env: str | None, headers: tuple[tuple[str, str], ...], _timeout_s: float
) -> Server:
    """The server with these options; opens nothing yet. Secrets are named by their variables, never given.

    Who gives it another time has another one, because they cannot wait for each other.
    """
    return Server(url, SecretHeaders(bearer_token_env, dict(headers)))


def _timeout(timeout_s: float) -> str:
    return f"{math.ceil(timeout_s * 1000)}ms"
