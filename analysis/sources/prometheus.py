"""The metric source `prometheus`: any server with Prometheus' HTTP API. Reads, and never changes anything.

Every selector is one instant query for raw samples, all with one evaluation time; `increase()` and range
queries extrapolate and interpolate and are no counts. Only a gauge's expression is a range query, whose steps
are the ends of the windows: a level may be as old as the server looks back (5 minutes by default). Trouble
becomes a value; nothing is raised.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator

from analysis.sources.gathering import Found
from analysis.sources.http import Trouble
from analysis.sources.place import Places
from analysis.sources.queries import Answer, Evaluation, Query, text_of
from analysis.sources.series import Series, Shape, parse_matrix
from analysis.sources.server import server_at
from analysis.sources.windows import read_windows
from engine.bounded import Bounded
from engine.core.measure import Missing, MissingReason, Window
from engine.core.model import Metric
from engine.ports import Batch, Json

READ_AT_MOST_S = 9.0
"""A read must end well before the lease of the run that it is for."""
MOST_HANGING = 4


class PrometheusOptions(BaseModel):
    """Where the server is and how long to wait for it. Secrets are named, never given.

    Attributes:
        url: base URL, with the path prefix if the server has one.
        watermark_s: how long after its end a window is read; scrapes are stored when they have finished, so
            this should be at least what a scrape takes. A later sample is not lost, only counted later.
        timeout_s: for one query, at most 5 s. All queries of a read together take at most twice as long and
            never more than 9 s, whatever the server does.
        stale_after_s: age from which an arm's last sample is too old; more than twice the scrape interval.
        bearer_token_env: environment variable with the bearer token.
        headers_from_env: per HTTP header the environment variable with its value, such as a tenant.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str = "http://127.0.0.1:9090"
    watermark_s: float = Field(default=5.0, ge=0)
    timeout_s: float = Field(default=5.0, gt=0, le=5)
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
        headers = tuple(sorted(options.headers_from_env.items()))
        self._server = server_at(options.url, options.bearer_token_env, headers, options.timeout_s)
        self._questions = Bounded(MOST_HANGING)
        self._places = Places()

    @property
    def watermark_s(self) -> float:
        """How long after its end a window may be read."""
        return self._options.watermark_s

    def read(self, metrics: Sequence[Metric], windows: Sequence[Window], cursor: Json) -> Batch:
        """Readings for these windows; trouble becomes `Missing`, never an exception. Bounded in time."""
        try:
            one = _Read(self, time.monotonic() + min(2 * self._options.timeout_s, READ_AT_MOST_S))
            stale_after_s = self._options.stale_after_s
            return read_windows(
                one.fetch, metrics, windows, cursor, stale_after_s, one.evaluate, one.gather, self._places
            )
        except Exception as error:  # noqa: BLE001 (blind is a state that a run can be in; ended is not)
            return Batch(readings=(), cursor=cursor, queries=(), trouble=self._failed(error))

    def gathered(self, queries: Sequence[Query], left_s: float) -> Found:
        """What is found together with other runs' queries, while there are many; see `Gathering`.

        Who has less time left than others have asks alone.
        """
        timeout_s = self._options.timeout_s
        return {} if left_s < timeout_s else self._server.gathering.read(self, queries, timeout_s)

    def samples(self, query: Query, deadline: float) -> Answer:
        """All raw samples that the query names."""
        started = time.monotonic()
        ask = partial(self._server.samples, query)
        answer = self._answer(text_of(query), query.shape, deadline, ask)
        quick = time.monotonic() - started < self._options.timeout_s / 4
        if quick and not isinstance(answer.series, Missing):
            self._server.gathering.behaved(query.selector)
        return answer

    def levels(self, query: Evaluation, deadline: float) -> Answer:
        """The expression's values."""
        return self._answer(query.expression, Shape.LEVEL, deadline, partial(self._server.levels, query))

    def _answer(self, text: str, shape: Shape, deadline: float, ask: Callable[[float], Any]) -> Answer:
        started = time.monotonic()
        series = self._series(shape, deadline - started, ask)
        return Answer(text=text, took_ms=_since_ms(started), series=series)

    def _series(
        self, shape: Shape, left_s: float, ask: Callable[[float], Any]
    ) -> tuple[Series, ...] | Missing:
        timeout_s = min(self._options.timeout_s, left_s)
        if timeout_s <= 0:
            return self._slow("all queries together took too long")
        try:
            return self._questions.call(lambda: self._parsed(ask(timeout_s), shape), timeout_s)
        except Trouble as trouble:
            return trouble.missing
        except TimeoutError as error:
            return self._slow(str(error))
        except Exception as error:  # noqa: BLE001 (whatever a server makes a client do, it gave nothing)
            return self._failed(error)

    def _parsed(self, answer: Any, shape: Shape) -> tuple[Series, ...]:
        try:
            return parse_matrix(answer, shape=shape)
        except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
            detail = f"{self._options.url} answered in an unknown form ({type(error).__name__}: {error})"
            raise Trouble(MissingReason.SOURCE_ERROR, detail) from error

    def _slow(self, said: str) -> Missing:
        return Missing(reason=MissingReason.SOURCE_SLOW, detail=f"{self._options.url}: {said}")

    def _failed(self, error: Exception) -> Missing:
        """Only the error's kind: its text may hold what was sent, and so a secret."""
        detail = f"reading {self._options.url} failed ({type(error).__name__})"
        return Missing(reason=MissingReason.SOURCE_ERROR, detail=detail)


@dataclass(slots=True)
class _Read:
    """The questions of one read: all of them together have until `deadline`."""

    source: PrometheusSource
    deadline: float
    _found: Found = field(default_factory=dict)
    _took_ms: float = 0.0

    def gather(self, queries: Sequence[Query]) -> None:
        """Told of the queries that come: other runs may be asking much the same."""
        started = time.monotonic()
        self._found = self.source.gathered(queries, self.deadline - started)
        self._took_ms = _since_ms(started)

    def fetch(self, query: Query) -> Answer:
        found = self._found.get(query)
        if found is None:
            return self.source.samples(query, self.deadline)
        return Answer(text=text_of(query), took_ms=self._took_ms, series=found)

    def evaluate(self, query: Evaluation) -> Answer:
        return self.source.levels(query, self.deadline)


def _since_ms(started: float) -> float:
    return (time.monotonic() - started) * 1000
