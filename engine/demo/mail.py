"""What the webhook received of each release, and whether it is all that had to be told. Pure."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from engine.core.model import NoticeKind
from engine.core.run import Phase
from engine.demo.receiver import Received

_TOLD_AS = {
    Phase.PROMOTED: NoticeKind.PROMOTED,
    Phase.ROLLED_BACK: NoticeKind.ROLLBACK,
    Phase.STOPPED: NoticeKind.STOPPED,
    Phase.EXPIRED: NoticeKind.ROLLBACK,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """All that arrived.

    Attributes:
        received: notices with a good signature, repetitions too. unsigned: messages without one.
    """

    received: Sequence[Received]
    unsigned: int

    @property
    def repeated(self) -> int:
        """How many were repetitions, which receivers know by the id."""
        return len(self.received) - len({notice.id for notice in self.received})

    @property
    def is_sound(self) -> bool:
        """Whether every message was signed, and no id stands for two different notices."""
        bodies = defaultdict(set)
        for notice in self.received:
            bodies[notice.id].add(notice.body)
        return self.unsigned == 0 and all(len(same) == 1 for same in bodies.values())

    def kinds(self, experiment: str) -> tuple[str, ...]:
        """What was told of one experiment, each notice once, in the order of arrival."""
        own = {notice.id: notice.kind for notice in self.received if notice.experiment == experiment}
        return tuple(own.values())

    def tells(self, experiment: str, end: Phase) -> bool:
        """Whether the experiment's end was told, and no other end.

        An end that had to be tried again is told each time.
        """
        ends = {kind for kind in self.kinds(experiment) if kind in set(_TOLD_AS.values())}
        return end in _TOLD_AS and ends == {_TOLD_AS[end]}
