"""The sink `event_file`: appends every notice to a file, one CloudEvent (JSON, structured) per line."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

from cloudevents.core.bindings.http import to_structured_event
from cloudevents.core.v1.event import CloudEvent
from pydantic import BaseModel, ConfigDict

from engine.core.letter import Delivered, Refused
from engine.core.notice import Notice, to_plain


class EventFileOptions(BaseModel):
    """What stands under `notify: [event_file: ...]`."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    path: str


class EventFile:
    """Writes, and retries nothing: the engine does."""

    Options: ClassVar[type[EventFileOptions]] = EventFileOptions

    def __init__(self, options: EventFileOptions) -> None:
        self._path = Path(options.path)

    def deliver(self, notice: Notice) -> Delivered | Refused:
        """One line; the event's `id` is the notice's, so that a reader can tell a repetition."""
        event = CloudEvent(
            attributes={
                "specversion": "1.0",
                "type": f"com.acme.release.{notice.kind.value}",
                "id": notice.id,
                "source": "/acme-rampwise",
                "subject": notice.run_id,
                "time": datetime.fromtimestamp(notice.at_s, UTC),
                "datacontenttype": "application/json",
            },
            data=to_plain(notice),
        )
        try:
            with self._path.open("ab") as file:
                file.write(to_structured_event(event).body + b"\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            return Refused(detail=f"{self._path} cannot be written: {error.strerror}")
        return Delivered()
