"""Which units a split gives to whom, so that more weight for a treatment takes nobody out of it. Pure.

Every unit has two independent hashes. The first puts it into an arm's slot and never moves it. The second is
its height in the slot: a treatment fills its own slot from the bottom, up to its weight. What does not fit
goes to other slots, control's first. How far a treatment reaches depends on its own weight only, so that each
share contains all smaller ones, whatever the others' weights do. For three treatments or more no layout does
that for every split (two that outgrow their slots meet somewhere): such a split is refused.
"""

from dataclasses import dataclass
from fractions import Fraction

from engine.core.target import Weights
from engine.errors import UsageError
from engine.flags.plan import FlagPlan

_WHOLE_PCT = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """Consecutive heights of a slot. `variant` is None where the ramp has not come yet: not exposed."""

    variant: str | None
    share: Fraction


Slot = tuple[Range, ...]
"""From the bottom to the top; shares are of the slot and sum to 1."""


@dataclass(slots=True)
class _Room:
    """A slot while it is filled, in shares of all units."""

    size: Fraction
    bottom: list[tuple[int, Fraction]]
    top: list[tuple[int, Fraction]]

    @property
    def free(self) -> Fraction:
        return self.size - sum((share for _, share in (*self.bottom, *self.top)), Fraction(0))

    @property
    def is_contested(self) -> bool:
        """Whether two come from the same end: how far in one begins would depend on the other."""
        return len(self.bottom) > 1 or len(self.top) > 1


def slots(plan: FlagPlan, weights: Weights) -> tuple[Slot, ...]:
    """What is in every arm's slot at these weights, control's first.

    Raises:
        UsageError: there are more weights than treatments, or treatments outgrow their slots and meet.
    """
    if len(weights.treatments) > len(plan.treatments):
        msg = f"{weights} has weights for more treatments than {', '.join(plan.treatments)}"
        raise UsageError(msg)
    rooms = _filled(plan, weights)
    if any(room.free < 0 or room.is_contested for room in rooms):
        msg = (
            f"{weights} does not fit the slots of {', '.join(plan.variants)}: nobody may move between "
            "treatments; give the experiment's target the split that is wanted as `split_pct`"
        )
        raise UsageError(msg)
    reach = _reach(plan, weights)
    return tuple(_slot(plan, index, room, reach) for index, room in enumerate(rooms))


def _filled(plan: FlagPlan, weights: Weights) -> list[_Room]:
    total = sum(plan.parts)
    rooms = [_Room(Fraction(part, total), [], []) for part in plan.parts]
    for index, weight_pct in enumerate(weights.treatments, start=1):
        wanted = Fraction(weight_pct, _WHOLE_PCT)
        own = min(wanted, rooms[index].size)
        rooms[index].bottom.append((index, own))
        _overflow(rooms, index, wanted - own)
    return rooms


def _overflow(rooms: list[_Room], index: int, rest: Fraction) -> None:
    """Put what does not fit into its own slot elsewhere, by sizes only: never by what others have."""
    others = [*range(index + 1, len(rooms)), *range(1, index)]
    for place in (0, *others):
        taken = min(rest, rooms[place].size)
        if taken:
            # The first treatment comes from the top of control's slot, and meets the second from the bottom.
            end = rooms[place].bottom if place == 0 and index > 1 else rooms[place].top
            end.append((index, taken))
        rest -= taken


def _reach(plan: FlagPlan, weights: Weights) -> Fraction:
    """How much of control's own slot is exposed: as much as of the treatment that is furthest.

    Without a planned split control has no slot; then everybody is exposed once any treatment has a share.
    """
    if not plan.split_pct:
        return Fraction(1 if weights.given else 0)
    sizes = plan.split_pct[1:]
    return min(
        Fraction(1), max(Fraction(w, size) for w, size in zip(weights.treatments, sizes, strict=False))
    )


def _slot(plan: FlagPlan, index: int, room: _Room, reach: Fraction) -> Slot:
    if room.size == 0:
        return ()
    is_of_a_treatment = plan.split_pct and index > 0
    controlled = Fraction(0) if is_of_a_treatment else room.free * reach
    rest = ((plan.control, controlled), (None, room.free - controlled))
    ranges = [
        *((plan.variants[owner], share) for owner, share in room.bottom),
        *rest,
        *((plan.variants[owner], share) for owner, share in room.top),
    ]
    return tuple(Range(variant=name, share=share / room.size) for name, share in ranges if share)
