"""Says at the top of a page how fresh it is: live, without ticks, or ended; honest when nobody drives."""

from dataclasses import dataclass
from datetime import UTC, datetime

from markupsafe import Markup, escape

from engine.core.labels import PHASE_WORDS
from engine.core.numbers import clock_time, duration
from engine.core.run import Run
from engine.web.board import Standing

SCRIPT = Markup('<script src="/static/live.js" defer></script>')
_STYLE = Markup('<link rel="stylesheet" href="/static/live.css">')
_PATIENCE_S = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Freshness:
    """How fresh what is shown is. `state` is `live`, `silent` or `ended`; `says` one sentence."""

    state: str
    says: str


def freshness(standing: Standing, now_s: float) -> Freshness:
    """Of one run."""
    run = standing.run
    if run.phase.ended:
        on = "" if run.ended_s is None else f" on {clock_time(run.ended_s)}"
        return Freshness(state="ended", says=f"Ended{on}: this page does not change any more.")
    if standing.silent(now_s):
        return Freshness(state="silent", says=_silent(standing, now_s))
    if standing.ticked_s is None:
        return Freshness(state="live", says="Live. Not ticked yet.")
    if standing.data_until_s is None:
        return Freshness(state="live", says=f"Live. Ticked {at(standing.ticked_s)}, no complete data yet.")
    return Freshness(
        state="live",
        says=f"Live. Ticked {at(standing.ticked_s)}, data complete until {at(standing.data_until_s)}.",
    )


def _silent(standing: Standing, now_s: float) -> str:
    if standing.ticked_s is None:
        return "Not live: nobody has driven this run yet. Start `rampwise serve`."
    ago = duration(now_s - standing.ticked_s)
    return (
        f"Not live: no tick since {at(standing.ticked_s)} ({ago} ago), so what you see is as of then. "
        "Nobody seems to drive this run; start `rampwise serve`."
    )


def at(moment_s: float) -> str:
    """A time of day, UTC."""
    return f"{datetime.fromtimestamp(moment_s, UTC):%H:%M:%S} UTC"


def head(*, refresh: bool) -> Markup:
    """Style and script of a live page; without JavaScript it loads itself anew while `refresh`."""
    again = Markup('<noscript><meta http-equiv="refresh" content="{}"></noscript>').format(_PATIENCE_S)
    return _STYLE + SCRIPT + (again if refresh else Markup())


def bar(fresh: Freshness, *, feed: str, seen: str, links: Markup) -> Markup:
    """The bar.

    Args:
        fresh: how fresh the page is.
        feed: where its server-sent events come from; empty for a page that does not change any more.
        seen: the id of the last event that the page shows.
        links: to other pages.
    """
    noscript = (
        "" if fresh.state == "ended" else f"Without JavaScript this page reloads every {_PATIENCE_S} s."
    )
    return Markup(
        '<aside id="live" aria-label="How fresh this page is" class="live {state}" '
        'data-state="{state}" data-feed="{feed}" data-seen="{seen}">'
        '<p><span id="live-says">{says}</span> <noscript>{noscript}</noscript></p>'
        '<nav aria-label="Rampwise">{links}</nav></aside>'
        '<p id="told" class="told" role="status" aria-live="polite"></p>\n'
    ).format(state=fresh.state, feed=feed, seen=seen, says=fresh.says, noscript=noscript, links=links)


def run_links(run: Run) -> Markup:
    """From a run's page to the list and to its data."""
    return Markup('<a href="/">All runs</a> <a href="/r/{id}.json">JSON</a>').format(id=run.id)


def phase(run: Run) -> Markup:
    """Icon and word of a run's phase."""
    icon, word = PHASE_WORDS[run.phase]
    return Markup('<span aria-hidden="true">{}</span> {}').format(icon, escape(word))
