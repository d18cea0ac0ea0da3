"""An in-memory sink for tests, ours and those of people who write plugins. It keeps the same contract."""

from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from engine.core.letter import Delivered, Refused
from engine.core.notice import Notice


class FakeSinkOptions(BaseModel):
    """Whether it takes notices; a text in `refuses` says why not."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    refuses: str = ""


class FakeSink:
    """Keeps what it is told.

    Attributes:
        delivered: every notice it took, in order.
    """

    Options: ClassVar[type[FakeSinkOptions]] = FakeSinkOptions

    def __init__(self, options: FakeSinkOptions | None = None) -> None:
        self._options = options or FakeSinkOptions()
        self.delivered: list[Notice] = []

    def deliver(self, notice: Notice) -> Delivered | Refused:
        """One attempt."""
        if self._options.refuses:
            return Refused(detail=self._options.refuses)
        self.delivered.append(notice)
        return Delivered()
