"""The metric source `prometheus`: any server with Prometheus' HTTP API. Reads, and never changes anything.

Every selector is one instant query for raw samples, all with one evaluation time; `increase()` and range
queries extrapolate and interpolate and are no counts. Trouble becomes a value; nothing is raised.
"""

import math
import time
from collections.abc import Sequence
from typing import Any, ClassVar
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator

from analysis.sources.http import SecretHeaders, Trouble, connect
from analysis.sources.promql import range_text
from analysis.sources.series import parse_matrix
from analysis.sources.windows import Answer, Fetch, Query, read_windows
from engine.core.measure import Missing, MissingReason, Window
from engine.core.model import Metric
from engine.ports import Batch, Json


class PrometheusOptions(BaseModel):
    """Where the server is and how long to wait for it. Secrets are named, never given.

    Attributes:
        url: base URL, with the path prefix if the server has one.
        watermark_s: how long after its end a window is read; scrapes are stored when they have finished, so
            this should be at least what a scrape takes. A later sample is not lost, only counted later.
        timeout_s: for one query. A read takes at most about four times as long, whatever the server does.
        stale_after_s: age from which an arm's last sample is too old; more than twice the scrape interval.
        bearer_token_env: environment variable with the bearer token.
        headers_from_env: per HTTP header the environment variable with its value, such as a tenant.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str = "http://127.0.0.1:9090"
    watermark_s: float = Field(default=5.0, ge=0)
    timeout_s: float = Field(default=5.0, gt=0)
    stale_after_s: float = Field(default=60.0, gt=0)
    bearer_token_env: str | None = None
    headers_from_env: dict[str, str] = Field(default_factory=dict)

    @field_validator("url")
    @classmethod
    def _is_base_url(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("the URL starts with http:// or https:// and has a host name")
        if parts.username or parts.password or parts.query or parts.fragment:
            raise ValueError("the URL has no user, password or query; name secrets in `bearer_token_env`")
        return url.rstrip("/")


class PrometheusSource:
    """Counters from a server with Prometheus' HTTP API."""

    Options: ClassVar[type] = PrometheusOptions

    def __init__(self, options: PrometheusOptions) -> None:
        self._options = options
        self._connection = connect(
            options.url, SecretHeaders(options.bearer_token_env, options.headers_from_env)
        )

    @property
    def watermark_s(self) -> float:
        """How long after its end a window may be read."""
        return self._options.watermark_s

    def read(self, metrics: Sequence[Metric], windows: Sequence[Window], cursor: Json) -> Batch:
        """Readings for these windows; trouble becomes `Missing`, never an exception. Bounded in time."""
        return read_windows(self._fetcher(), metrics, windows, cursor, self._options.stale_after_s)

    def _fetcher(self) -> Fetch:
        """All queries of one read together have twice the time of one."""
        deadline = time.monotonic() + 2 * self._options.timeout_s

        def fetch(query: Query) -> Answer:
            text = range_text(query.selector, query.end_s - query.start_s)
            started = time.monotonic()
            try:
                result = self._ask(text, query.end_s, deadline - started)
                series = parse_matrix(result, bucketed=query.bucketed)
            except Trouble as trouble:
                return Answer(text=text, took_ms=_since_ms(started), series=trouble.missing)
            except (KeyError, TypeError, ValueError) as error:
                detail = f"{self._options.url} answered in an unknown form ({type(error).__name__}: {error})"
                missing = Missing(reason=MissingReason.SOURCE_ERROR, detail=detail)
                return Answer(text=text, took_ms=_since_ms(started), series=missing)
            return Answer(text=text, took_ms=_since_ms(started), series=series)

        return fetch

    def _ask(self, text: str, at_s: float, left_s: float) -> list[dict[str, Any]]:
        timeout_s = min(self._options.timeout_s, left_s)
        if timeout_s <= 0:
            raise Trouble(
                MissingReason.SOURCE_SLOW, f"{self._options.url} took too long for all queries together"
            )
        params = {"time": f"{at_s:.3f}", "timeout": f"{math.ceil(timeout_s * 1000)}ms"}
        answer: list[dict[str, Any]] = self._connection.custom_query(text, params=params, timeout=timeout_s)
        return answer


def _since_ms(started: float) -> float:
    return (time.monotonic() - started) * 1000
