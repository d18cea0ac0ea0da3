"""The addresses: list, report, events, metrics, health, all read-only; verdicts, flags, and users' events."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from concurrent.futures import Future
from dataclasses import dataclass

import structlog
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from engine.errors import RampwiseError, StoreError, UsageError
from engine.ports import Clock, Store
from engine.web import pages, status_bar
from engine.web.applications import Applications
from engine.web.board import Board, Standing
from engine.web.feeds import MOST_FEEDS, Feed, Feeds
from engine.web.guard import Guard
from engine.web.health import Health
from engine.web.metrics import CONTENT_TYPE, Metrics
from engine.web.origins import open_to
from engine.web.reports import Busy, Drawn, Form, Reports
from engine.web.verdicts import PATH, Verdicts

_log = structlog.get_logger("rampwise.web")

FIRST_BYTE_S = 0.02
"""A report that takes longer to draw is sent as it comes."""
_DOCTYPE = "<!doctype html>"
_JSON = "application/json"

Answer = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Everything that pages are made from."""

    store: Store
    clock: Clock
    board: Board
    metrics: Metrics
    health: Health
    reports: Reports
    feeds: Feeds
    verdicts: Verdicts
    applications: Applications | None = None

    async def runs(self, request: Request) -> Response:
        """The list."""
        return HTMLResponse(await run_in_threadpool(self._list))

    async def report(self, request: Request) -> Response:
        """A run's report with its bar; what takes longer to draw follows the first byte."""
        standing, drawing = await run_in_threadpool(self._ask, _run_id(request), Form.HTML)
        waiting = asyncio.shield(asyncio.wrap_future(drawing))
        try:
            drawn = await asyncio.wait_for(waiting, FIRST_BYTE_S)
        except TimeoutError:
            return StreamingResponse(self._late(drawing, standing), media_type="text/html; charset=utf-8")
        return HTMLResponse(self._page(drawn, standing))

    async def report_json(self, request: Request) -> Response:
        """A run's report for machines."""
        _, drawing = await run_in_threadpool(self._ask, _run_id(request), Form.JSON)
        return Response((await asyncio.wrap_future(drawing)).text, media_type=_JSON)

    async def all_events(self, request: Request) -> Response:
        """Server-sent events of all runs."""
        return self._feed(self.feeds.all_runs(_after(request)))

    async def run_events(self, request: Request) -> Response:
        """Server-sent events of one run; 204 tells a reader that nothing more will come."""
        run_id = _run_id(request)
        stored = await run_in_threadpool(self.store.load, run_id)
        run, after = stored.snapshot.run, _after(request)
        after_seq = int(after) if after.isdecimal() and len(after) < 12 else run.seq
        if run.phase.ended and after_seq >= run.seq:
            return Response(status_code=204)
        standing = await run_in_threadpool(self.board.see, stored)
        return self._feed(self.feeds.one_run(standing, after_seq))

    async def exposition(self, request: Request) -> Response:
        """Metrics."""
        text = await run_in_threadpool(self.metrics.exposition)
        return Response(text, media_type=CONTENT_TYPE)

    async def alive(self, request: Request) -> Response:
        """Whether the driver moves."""
        return _health(self.health.not_alive())

    async def ready(self, request: Request) -> Response:
        """Whether runs can be driven now."""
        return _health(await run_in_threadpool(self.health.not_ready))

    async def asset(self, request: Request) -> Response:
        """A style sheet or the script."""
        found = pages.assets().get(request.path_params["name"])
        if found is None:
            return _trouble(404, "Not found", "There is no such file.")
        return Response(found[0], media_type=found[1], headers={"Cache-Control": "max-age=60"})

    def _list(self) -> str:
        seen = self.feeds.position()
        return pages.runs_page(self.board, self.clock.now_s(), self.feeds.freshness(), seen)

    def _ask(self, run_id: str, form: Form) -> tuple[Standing, Future[Drawn]]:
        stored = self.store.load(run_id)
        return self.board.see(stored), self.reports.ask(stored, form)

    def _feed(self, messages: AsyncIterator[str]) -> Response:
        if self.feeds.open >= MOST_FEEDS:
            return PlainTextResponse("too many streams are open\n", 503, {"Retry-After": "10"})
        return Feed(self.feeds, messages)

    async def _late(self, drawing: Future[Drawn], standing: Standing) -> AsyncIterator[str]:
        yield _DOCTYPE
        try:
            page = self._page(await asyncio.wrap_future(drawing), standing)
        except RampwiseError as error:
            page = pages.trouble_page("This report cannot be made", str(error))
        except Exception:  # noqa: BLE001 (the answer has begun; the log has the details)
            _log.exception("report failed", run=standing.run.id)
            page = pages.trouble_page("This report cannot be made", "The engine's log says why.")
        yield page.removeprefix(_DOCTYPE)

    def _page(self, drawn: Drawn, standing: Standing) -> str:
        run = standing.run
        fresh = status_bar.freshness(standing, self.clock.now_s())
        feed = "" if run.phase.ended else f"/events/{run.id}"
        bar = status_bar.bar(fresh, feed=feed, seen=str(drawn.seq), links=status_bar.run_links(run))
        return drawn.page(status_bar.head(refresh=not run.phase.ended), bar)


def create_app(site: Site, hosts: Collection[str]) -> ASGIApp:
    """The pages behind their guard. `hosts` are further names under which they may be asked for."""
    routes = [
        # First, for these are asked for far more often than all others, and each route costs a look.
        *(site.applications.routes() if site.applications else ()),
        Route("/", _told(site.runs)),
        Route("/r/{run_id}.json", _told(site.report_json)),
        Route("/r/{run_id}", _told(site.report)),
        Route("/events", _told(site.all_events)),
        Route("/events/{run_id}", _told(site.run_events)),
        Route("/metrics", _told(site.exposition)),
        Route("/healthz", _told(site.alive)),
        Route("/readyz", _told(site.ready)),
        Route("/static/{name}", _told(site.asset)),
        Route(PATH, site.verdicts.ask, methods=["POST"]),
    ]
    origins = site.applications.origins if site.applications else ()
    app = Starlette(routes=routes, exception_handlers={404: _not_found})
    return Guard(open_to(app, origins), hosts, origins)


def _told(answer: Answer) -> Answer:
    """The same answer, with errors as pages; unexpected ones are logged and told without details."""

    async def told(request: Request) -> Response:
        try:
            return await answer(request)
        except UsageError as error:
            return _trouble(404, "No such run", str(error))
        except Busy as error:
            return _trouble(503, "Busy", str(error))
        except StoreError as error:
            return _trouble(503, "The database cannot be used", str(error))
        except RampwiseError as error:
            return _trouble(500, "This cannot be shown", str(error))
        except Exception:  # noqa: BLE001 (one page's bug must not end the server; it is logged in full)
            _log.exception("page failed", path=request.url.path)
            return _trouble(500, "This cannot be shown", "The engine's log says why.")

    return told


def _trouble(status: int, title: str, says: str) -> Response:
    return HTMLResponse(pages.trouble_page(title, says), status)


async def _not_found(_request: Request, _error: Exception) -> Response:
    return _trouble(404, "Not found", "There is no such page.")


def _health(trouble: str) -> Response:
    return PlainTextResponse(f"{trouble or 'ok'}\n", 503 if trouble else 200)


def _run_id(request: Request) -> str:
    run_id: str = request.path_params["run_id"]
    return run_id


def _after(request: Request) -> str:
    """The last event that a reader has: of its lost connection, else of the page it was given."""
    return request.headers.get("last-event-id") or request.query_params.get("after", "")
