"""What every query engine must do: bring back exactly what plain Python does of the same rows."""

import random
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from analysis.product.totals import ALL, Variable
from analysis.warehouse import look
from tests.analysis.warehouse import reference
from tests.analysis.warehouse.data import (
    DAY_US,
    NO_TIME,
    NOW_S,
    START_US,
    Event,
    Exposure,
    people,
    plan,
    purchases,
)


def with_every_fault(seed: int = 1, units: int = 60) -> tuple[list[Exposure], list[Event]]:
    """Rows of weeks in no order: exposed twice, crossed, renamed, of staff, early, in the future, ..."""
    dice = random.Random(seed)
    exposures = [
        Exposure(
            unit=None if dice.random() < 0.02 else f"u{dice.randrange(units)}",
            us=dice.randrange(-5, 12 * 86_400) * 1_000_000 + dice.randrange(10**6),
            variant=dice.choice([None, "newer", *["old"] * 10, *["new"] * 10]),
            country=dice.choice(["de", "fr", "Ωλ'", None]),
            browser=dice.choice(["firefox", "safari"]),
            staff=dice.choice([*["no"] * 30, None, "yes", "bot"]),
        )
        for _ in range(units * 5 // 4)
    ]
    exposures += [
        Exposure(unit="u1", us=30 * DAY_US, variant="old"),
        Exposure(unit="u3", us=NO_TIME, variant="old"),
    ]
    events = [
        Event(
            unit=None if dice.random() < 0.02 else f"u{dice.randrange(units * 8 // 7)}",
            us=dice.randrange(-6 * 86_400, 21 * 86_400) * 1_000_000 + dice.randrange(10**6),
            name=dice.choice(["visit", "purchase", "other"]),
            id=dice.choice([None, f"e{dice.randrange(10**6)}"]),
            amount=dice.choice([None, dice.randrange(-500, 5000) / 100]),
        )
        for _ in range(units * 15)
    ]
    events += [Event(unit="u3", us=NO_TIME, name="visit", id=None)]
    return exposures, [*events, *events[:40], *_of_a_machine(), *_of_careless_applications()]


def _of_a_machine() -> list[Event]:
    return [Event(unit="u2", us=13 * 86_400_000_000 + step, name="visit", id=None) for step in range(1100)]


def _of_careless_applications() -> list[Event]:
    """Amounts that are none or do not fit, of every kind that all engines' columns can hold; empty ids."""
    amounts = (float("nan"), 2e13, -2e13, 1e12, -1e12, 3.25)
    return [
        Event(unit=f"u{unit}", us=12 * 86_400_000_000 + step, name="purchase", id=name, amount=amount)
        for unit in range(8)
        for name in ("", f"careless{unit}")
        for step, amount in enumerate(amounts)
    ]


class WarehouseContract(ABC):
    """Subclassed once per engine."""

    @abstractmethod
    def put(self, exposures: Sequence[Exposure], events: Sequence[Event]) -> str:
        """Writes both tables, and says where they are."""

    def look(self, exposures: Sequence[Exposure], events: Sequence[Event], **more: Any) -> None:
        """Looks, and compares with plain Python."""
        asked = plan(self.put(exposures, events), **more)
        self.found = look(asked, NOW_S)
        expected = reference.look(asked, exposures, events, NOW_S)
        assert self.found.counted == expected.counted
        assert self.found.caps == expected.caps
        assert self.found == expected

    def test_totals_of_tables_with_every_fault_are_those_of_plain_python(self) -> None:
        exposures, events = with_every_fault()
        self.look(exposures, events)
        counted = self.found.counted
        found = (counted.repeated, counted.duplicates, counted.early, counted.crossed, counted.future)
        assert all(found)
        assert all((counted.excluded, any(counted.machines.values()), counted.unknown, self.found.caps))
        assert all((counted.incomplete, all(counted.valueless.values()), any(counted.early_units.values())))

    def test_units_exposed_before_the_start_are_left_out_with_every_fault(self) -> None:
        exposures, events = with_every_fault(seed=2)
        start_s = START_US / 1e6 + 4 * 86_400
        self.look(exposures, events, starts_s=start_s, ends_s=start_s + 5 * 86_400)
        assert self.found.counted.before_start

    def test_products_beyond_64_bits_are_exact(self) -> None:
        units = people(40)
        amounts = [9e8 + index + 0.123456 for index in range(40)]
        events = [
            Event(unit=unit.unit, us=unit.us + 1, name="purchase", id=None, amount=amount)
            for unit, amount in zip(units, amounts, strict=True)
        ]
        self.look(units, events)
        moments = self.found.moments["old", ALL, "per_visit"]
        assert moments.products[Variable.Y, Variable.Y] > 2**96

    def test_nobody_who_counts_is_no_error(self) -> None:
        strangers = [Exposure(unit="u1", us=0, variant="blue"), Exposure(unit="u2", us=0, variant="red")]
        self.look(strangers, purchases(people(2)))
        assert self.found.units == {}
        assert self.found.counted.unknown == {"blue": 1, "red": 1}
