"""The reports of runs, drawn once per run and event, by few workers: charts are slow, ticks come first."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import StrEnum

from markupsafe import Markup

from analysis.report.document import to_json
from analysis.report.html import to_html
from analysis.report.live import LiveBar
from analysis.report.view import ReportView
from engine.errors import RampwiseError
from engine.ports import Store, StoredRun
from engine.reporting import view_of

MOST_KEPT = 40
"""Reports kept; one is at most about a megabyte."""
MOST_WAITING = 64
_WORKERS = 2
_HEAD, _BAR = "<!--live head-->", "<!--live bar-->"


class Form(StrEnum):
    """Forms of a report that are served."""

    HTML = "html"
    JSON = "json"


class Busy(RampwiseError):  # noqa: N818 (names the state, as in engine.errors)
    """Too many reports are waiting to be drawn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """A report as of the run's event `seq`; its page still lacks the bar, which is newer than the report."""

    seq: int
    text: str

    def page(self, head: Markup, bar: Markup) -> str:
        """The page with this bar. Texts of others cannot hold the marks: they are escaped."""
        return self.text.replace(_HEAD, head, 1).replace(_BAR, bar, 1).lstrip()


@dataclass(slots=True)
class Reports:
    """Draws reports and keeps the latest ones."""

    store: Store
    _kept: OrderedDict[tuple[Form, str], tuple[int, Future[Drawn]]] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _pool: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(_WORKERS, thread_name_prefix="rampwise-report")
    )

    def ask(self, stored: StoredRun, form: Form) -> Future[Drawn]:
        """The report as of this state, drawn or being drawn; drawing it again costs nothing.

        Raises:
            Busy: too many others are waiting.
        """
        run = stored.snapshot.run
        key = (form, run.id)
        with self._lock:
            seq, future = self._kept.get(key, (-1, None))
            if future is None or seq < run.seq or (future.done() and future.exception() is not None):
                future = self._begin(run.id, form)
                self._kept[key] = (run.seq, future)
            self._kept.move_to_end(key)
            while len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
        return future

    def _begin(self, run_id: str, form: Form) -> Future[Drawn]:
        waiting = sum(not future.done() for _, future in self._kept.values())
        if waiting >= MOST_WAITING:
            msg = "Too many reports are waiting to be drawn; try again in a moment."
            raise Busy(msg)
        return self._pool.submit(_draw, self.store, run_id, _FORMS[form])

    def close(self) -> None:
        """Draw nothing more."""
        self._pool.shutdown(wait=True, cancel_futures=True)


def _draw(store: Store, run_id: str, write: Callable[[ReportView], str]) -> Drawn:
    view = view_of(store, run_id)
    return Drawn(seq=view.provenance.events, text=write(view))


def _to_page(view: ReportView) -> str:
    return to_html(view, live=LiveBar(head=Markup(_HEAD), bar=Markup(_BAR)))  # noqa: S704 (constants)


_FORMS: dict[Form, Callable[[ReportView], str]] = {Form.HTML: _to_page, Form.JSON: to_json}
