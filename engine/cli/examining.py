"""The doctor's checks. Each looks at one thing and changes nothing that was not to be made anyway."""

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from engine import plugins
from engine.adapters.traefik import platform_record
from engine.cli.session import the_clock, the_store
from engine.core import talk
from engine.core.numbers import clock_time, duration
from engine.core.run import Run
from engine.errors import RampwiseError, StoreError
from engine.home import home
from engine.local.programs import prometheus_binary, traefik_binary
from engine.ports import Store

_OLDEST_S = 1_735_689_600.0
"""2025-01-01: a clock before this was never set."""
_SLACK_S = 1.0
_RUNS_OF_INTEREST = 20
"""Ended runs whose notices still matter."""


class State(StrEnum):
    """What a check came to."""

    OK = "ok"
    WRONG = "wrong"
    OPTIONAL = "optional"

    @property
    def icon(self) -> str:
        """A sign for it, so that nothing is told by colour alone."""
        return {State.OK: "✔", State.WRONG: "✖", State.OPTIONAL: "–"}[self]


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """One check: what was looked at, what was found, what to do; `advice` is empty when all is well."""

    what: str
    state: State
    found: str
    advice: str = ""


def examine() -> list[Examined]:
    """All checks, in the order in which their trouble should be mended."""
    found = [_home()]
    try:
        store = the_store()
        found += [*_database(store), _clock(store), *_notices(store)]
    except StoreError as error:
        found.append(_wrong("database", str(error), "mend it, or name another with --db"))
    return [*found, *_plugins(), *_programs(), _platform()]


def _home() -> Examined:
    directory = home()
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=directory):
            pass
    except OSError as error:
        return _wrong("home", f"{directory}: {error.strerror}", "make it writable, or set RAMPWISE_HOME")
    return _ok("home", f"{directory} is writable")


def _database(store: Store) -> Iterator[Examined]:
    """Whether every run and every event can be read."""
    troubles = [str(error) for error in store.unreadable()]
    runs = [stored.snapshot.run for stored in store.runs()]
    for run in runs:
        try:
            store.events(run.id)
        except RampwiseError as error:
            troubles.append(str(error))
    for trouble in troubles:
        yield _wrong("database", trouble, "restore it from a backup; the other runs go on")
    if not troubles:
        active = sum(not run.phase.ended for run in runs)
        yield _ok("database", f"{len(runs)} runs, {active} of them go on; all can be read")


def _notices(store: Store) -> Iterator[Examined]:
    """What somebody should have been told lately and was not."""
    runs = [stored.snapshot.run for stored in store.runs(most_ended=_RUNS_OF_INTEREST)]
    troubles = {run.id: talk.undelivered(store.letters(run.id)) for run in runs}
    for run_id, trouble in troubles.items():
        if trouble:
            yield _wrong(f"notices of {run_id}", trouble, "mend the sink; `rampwise serve` sends what waits")
    if not any(troubles.values()):
        yield _ok("notices", "all have been delivered")


def _clock(store: Store) -> Examined:
    now_s = the_clock().now_s()
    if now_s < _OLDEST_S:
        return _wrong("clock", f"it says {clock_time(now_s)}", "set it, and keep it set with NTP")
    latest = max((stored.snapshot.run for stored in store.runs()), key=_last_event_s, default=None)
    if latest is not None and now_s < latest.last_event_s - _SLACK_S:
        back = duration(latest.last_event_s - now_s)
        return _wrong("clock", f"it is {back} behind the last event of {latest.id}", "set it, and use NTP")
    return _ok("clock", clock_time(now_s))


def _last_event_s(run: Run) -> float:
    return run.last_event_s


def _plugins() -> Iterator[Examined]:
    found = plugins.listing()
    for one in found:
        if one.error:
            yield _wrong(
                f"plugin {one.kind}/{one.name}",
                f"{one.distribution}: {one.error}",
                f"mend it, or {plugins.DISABLED_VARIABLE}={one.kind}/{one.name}",
            )
    absent = [group for group in plugins.GROUPS if not plugins.available(group)]
    if absent:
        yield _wrong("plugins", f"none in {', '.join(absent)}", 'install again: pip install "rampwise"')
    else:
        yield _ok("plugins", f"{len(found)} registered")


def _programs() -> Iterator[Examined]:
    """What only `local` and `demo` need."""
    for what, find in (("prometheus program", prometheus_binary), ("traefik program", traefik_binary)):
        try:
            yield _ok(what, find())
        except RampwiseError as error:
            yield Examined(
                what=what, state=State.OPTIONAL, found=str(error), advice="only `local` and `demo` need it"
            )


def _platform() -> Examined:
    try:
        record = platform_record.read(platform_record.locate("default"))
    except RampwiseError as error:
        return _wrong("local platform", str(error), "rampwise local down")
    if record is None:
        return Examined(
            what="local platform", state=State.OPTIONAL, found="none runs", advice="rampwise local up"
        )
    dead = sorted(name for name, part in record.parts.items() if not _lives(part.pid))
    if dead:
        return _wrong("local platform", f"died: {', '.join(dead)}", "rampwise local status")
    return _ok("local platform", f"{record.phase}, {len(record.parts)} processes")


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _ok(what: str, found: str) -> Examined:
    return Examined(what=what, state=State.OK, found=found)


def _wrong(what: str, found: str, advice: str) -> Examined:
    return Examined(what=what, state=State.WRONG, found=found, advice=advice)
