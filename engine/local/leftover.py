"""A route that an earlier release left behind, which breaks a split unseen. Writes and removes its file."""

import time
from collections.abc import Mapping
from pathlib import Path

from engine.adapters.traefik import platform_record as records
from engine.adapters.traefik.platform_record import PROXY, PlatformRecord
from engine.adapters.traefik.routed import Routed
from engine.adapters.traefik.routes import ByCookie, leftover_name, render_leftover
from engine.errors import Unreachable
from engine.local.client import POLL_S, Client

TAKE_OVER_S = 10.0


def leave(
    directory: Path, client: Client, record: PlatformRecord, service: str, weights: Mapping[str, int]
) -> None:
    """Write the route and return when the proxy has it. Unreachable when it does not take it in time."""
    cookie = isinstance(_routed(client, record, service).sticky, ByCookie)
    records.replace_text(
        _file(directory, service), render_leftover(service, weights, cookie=cookie), scratch=directory
    )
    _await(client, record, service, there=True)


def remove(directory: Path, client: Client, record: PlatformRecord, service: str) -> None:
    """Remove the route and return when the proxy has forgotten it."""
    _file(directory, service).unlink(missing_ok=True)
    _await(client, record, service, there=False)


def _file(directory: Path, service: str) -> Path:
    return records.routes_file(directory, leftover_name(service))


def _routed(client: Client, record: PlatformRecord, service: str) -> Routed:
    return client.routed(record.url(PROXY, "api"), service, record.versions[service])


def _await(client: Client, record: PlatformRecord, service: str, *, there: bool) -> None:
    deadline = time.monotonic() + TAKE_OVER_S
    while _routed(client, record, service).leftover is not there:
        if time.monotonic() > deadline:
            raise Unreachable(f"the proxy did not take over the routes of {service} in {TAKE_OVER_S:g} s")
        time.sleep(POLL_S)
