"""The pages that are not reports: the list of runs, and trouble. Every text of others is escaped."""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from analysis.report.words import iso
from engine.core.numbers import clock_time, duration
from engine.web import status_bar
from engine.web.board import MOST_ENDED, Board, Standing
from engine.web.status_bar import Freshness

_LONGEST_REASON = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the list."""

    id: str
    name: str
    phase: str
    state: Markup
    weights: str
    at: str
    at_iso: str
    data: str
    late: bool
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Runs under one heading; `when` names the column of moments."""

    id: str
    title: str
    caption: Markup
    when: str
    empty: Markup
    rows: tuple[Row, ...]


def runs_page(board: Board, now_s: float, fresh: Freshness, seen: str) -> str:
    """The list of runs: live ones first."""
    standings = board.standings()
    live = [each for each in standings if not each.run.phase.ended]
    ended = [each for each in standings if each.run.phase.ended]
    groups = (
        Group(
            id="running",
            title=f"Running ({len(live):,})",
            caption=Markup("Runs that go on; weights are control/treatment"),
            when="Since",
            empty=Markup("No run goes on. <code>rampwise launch FILE</code> begins one."),
            rows=tuple(_row(each, now_s) for each in live),
        ),
        Group(
            id="ended",
            title=f"Ended ({len(ended):,})",
            caption=Markup("At most {} that ended last; <code>rampwise list --all</code> shows all").format(
                MOST_ENDED
            ),
            when="Ended",
            empty=Markup("No run has ended yet."),
            rows=tuple(_row(each, now_s) for each in ended),
        ),
    )
    links = Markup('<a href="/metrics">Metrics</a>')
    return _template("runs.html.j2").render(
        title=f"{len(live):,} running: Rampwise",
        head=status_bar.head(refresh=True),
        bar=status_bar.bar(fresh, feed="/events", seen=seen, links=links),
        groups=groups,
        unreadable=board.unreadable,
    )


def trouble_page(title: str, says: str) -> str:
    """A page that says what is wrong."""
    return _template("trouble.html.j2").render(title=title, says=says)


@cache
def assets() -> dict[str, tuple[str, str]]:
    """Text and media type of every file that pages load, by name."""
    static = files("engine.web") / "static"
    style, script = "text/css; charset=utf-8", "text/javascript; charset=utf-8"
    return {
        "report.css": ((files("analysis.report") / "templates" / "report.css").read_text("utf-8"), style),
        "runs.css": ((static / "runs.css").read_text("utf-8"), style),
        "live.css": ((static / "live.css").read_text("utf-8"), style),
        "live.js": ((static / "live.js").read_text("utf-8"), script),
    }


def _row(standing: Standing, now_s: float) -> Row:
    run = standing.run
    moment_s = run.launched_s if run.ended_s is None else run.ended_s
    reason = standing.unreadable or standing.reason
    return Row(
        id=run.id,
        name=run.name,
        phase=run.phase.value,
        state=status_bar.phase(run),
        weights=str(run.weights),
        at=clock_time(moment_s).removesuffix(" UTC"),
        at_iso=iso(moment_s),
        data=_data(standing, now_s),
        late=standing.silent(now_s),
        reason=reason if len(reason) <= _LONGEST_REASON else f"{reason[:_LONGEST_REASON]}…",
    )


def _data(standing: Standing, now_s: float) -> str:
    if standing.run.phase.ended:
        return ""
    if standing.silent(now_s):
        since = standing.ticked_s
        return "never ticked" if since is None else f"no tick for {duration(now_s - since)}"
    age_s = standing.data_age_s(now_s)
    return "none yet" if age_s is None else f"{duration(age_s)} old"


@cache
def _template(name: str) -> Template:
    environment = Environment(
        loader=PackageLoader("engine.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)
