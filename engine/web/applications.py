"""What applications under experiment call: evaluation of flags, and the address that takes their events."""

from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass

from starlette.routing import Route

from engine.errors import Unreachable
from engine.intake import Intake
from engine.ports import Clock
from engine.web.exposing import Exposing
from engine.web.flags import FlagFile
from engine.web.intake import Events
from engine.web.ofrep import Ofrep, unserved


@dataclass(frozen=True, slots=True, kw_only=True)
class Applications:
    """Events always, flags where there is a file of them. `origins` are those whose pages may use both."""

    events: Events
    ofrep: Ofrep | None = None
    origins: Collection[str] = ()

    @classmethod
    def of(
        cls,
        intake: Intake,
        clock: Clock,
        token: str,
        flags: FlagFile | None,
        origins: Collection[str] = frozenset(),
    ) -> "Applications":
        """Both over the same intake; whoever has the token may use both."""
        events = Events(intake=intake, clock=clock, token=token, origins=origins)
        if flags is None:
            return cls(events=events, origins=origins)
        with suppress(Unreachable):  # the log says at once what is wrong with the file
            flags.current()
        exposing = Exposing(intake, clock)
        ofrep = Ofrep(flags=flags, exposing=exposing, token=token, origins=origins)
        return cls(events=events, ofrep=ofrep, origins=origins)

    def routes(self) -> list[Route]:
        """All addresses."""
        return [*self.events.routes(), *(self.ofrep.routes() if self.ofrep else [unserved()])]

    def close(self) -> None:
        """Write the exposures that still wait."""
        if self.ofrep:
            self.ofrep.exposing.close()
