"""What of a local platform runs, what died, and what the proxy routes. Changes nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from engine.adapters.traefik.platform_record import LOAD, PROXY, PlatformRecord, label
from engine.errors import Unreachable
from engine.local.client import Client
from engine.local.processes import find

SCHEMA = "rampwise.dev/local/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class PartStatus:
    """One process: where it listens (base URLs by purpose), and for a dead one its last words."""

    name: str
    running: bool
    pid: int
    urls: Mapping[str, str]
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformStatus:
    """A platform now.

    Attributes:
        phase: `starting` or `up`. owned: it goes when its starter goes.
        urls: per service, through the proxy.
        routes: whole percent per version and service; a service is absent while the proxy gives no answer.
        load_running: whether requests are being sent; None while the load generator gives no answer.
    """

    name: str
    directory: str
    phase: str
    owned: bool
    parts: tuple[PartStatus, ...]
    urls: Mapping[str, str]
    routes: Mapping[str, Mapping[str, int]]
    load_running: bool | None
    schema: str = SCHEMA


def describe(directory: Path, record: PlatformRecord, client: Client) -> PlatformStatus:
    """Look at every process, and ask the living."""
    parts = []
    for name, part in record.parts.items():
        running = find(part) is not None
        urls = {purpose: record.url(name, purpose) for purpose in part.ports}
        detail = "" if running else last_words(directory, name)
        parts.append(PartStatus(name=name, running=running, pid=part.pid, urls=urls, detail=detail))
    return PlatformStatus(
        name=label(directory),
        directory=str(directory),
        phase=record.phase,
        owned=record.owned,
        parts=tuple(parts),
        urls={s: f"{record.url(PROXY)}/{s}/" for s in record.versions if PROXY in record.parts},
        routes=_routes(record, client),
        load_running=_load_running(record, client),
    )


def log_file(directory: Path, part: str) -> Path:
    """Where a part's output goes."""
    return directory / "logs" / f"{part.replace('/', '-')}.log"


def last_words(directory: Path, part: str) -> str:
    """The last line that a part wrote."""
    path = log_file(directory, part)
    lines = path.read_text(encoding="utf-8", errors="replace").strip().splitlines() if path.exists() else []
    return lines[-1] if lines else "it said nothing"


def _routes(record: PlatformRecord, client: Client) -> dict[str, Mapping[str, int]]:
    routes = {}
    for service, versions in record.versions.items():
        try:
            routes[service] = client.routed(record.url(PROXY, "api"), service, versions).weights
        except (KeyError, Unreachable):
            continue
    return routes


def _load_running(record: PlatformRecord, client: Client) -> bool | None:
    try:
        return client.stats(record.url(LOAD), next(iter(record.versions))).running
    except (KeyError, Unreachable):
        return None
