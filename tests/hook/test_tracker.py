"""`client.track` reaches the engine, and everything else the provider that is held."""

import asyncio
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from openfeature import api
from openfeature.evaluation_context import EvaluationContext
from openfeature.event import ProviderEvent, ProviderEventDetails
from openfeature.hook import Hook
from openfeature.provider.in_memory_provider import InMemoryFlag, InMemoryProvider
from openfeature.track import TrackingEventDetails

from engine.intake import Occurrence
from engine.intake.cloud import record_of
from engine.openfeature import Sender, Tracker
from tests.hook.receiving import Engine

ADA = EvaluationContext("ada")


def a_provider() -> InMemoryProvider:
    values: dict[str, Any] = {"b": True, "s": "x", "i": 7, "f": 0.5, "o": {"k": 1}}
    return InMemoryProvider({key: InMemoryFlag("on", {"on": value}) for key, value in values.items()})


def client_of(tracker: Tracker) -> Any:
    api.set_provider_and_wait(tracker, domain="shop")
    return api.get_client("shop")


def test_what_is_tracked_arrives_as_an_event_of_the_unit(engine: Engine, sender: Sender) -> None:
    client = client_of(Tracker(a_provider(), sender))
    client.track("purchase", ADA, TrackingEventDetails(12.5, {"id": 4711, "shop": "north"}))
    client.track("visit", ADA)
    assert sender.flush(10)
    purchase, visit = (record_of(event, 4e9) for event in engine.events)
    assert isinstance(purchase, Occurrence)
    assert isinstance(visit, Occurrence)
    assert (purchase.unit, purchase.name, purchase.value, purchase.event_id) == (
        "ada",
        "purchase",
        12.5,
        "4711",
    )
    assert (visit.name, visit.value) == ("visit", None)
    assert "shop" not in engine.data()[0]


@pytest.mark.parametrize(
    ("value", "sent"),
    [(Decimal("12.50"), 12.5), (7, 7.0), (Fraction(1, 2), 0.5), (np.float32(0.5), 0.5), (np.int64(3), 3.0)],
)
def test_every_kind_of_number_is_one(engine: Engine, sender: Sender, value: Any, sent: float) -> None:
    client_of(Tracker(a_provider(), sender)).track("purchase", ADA, TrackingEventDetails(value))
    assert sender.flush(10)
    record = record_of(engine.events[0], 4e9)
    assert isinstance(record, Occurrence)
    assert record.value == sent


def test_an_event_whose_value_is_no_finite_number_is_sent_without_it(
    engine: Engine, sender: Sender, caplog: pytest.LogCaptureFixture
) -> None:
    tracker = Tracker(a_provider(), sender)
    client = client_of(tracker)
    strange: list[Any] = [float("nan"), float("inf"), Decimal("sNaN"), 10**400, "12", True, 1j, object()]
    for value in strange:
        client.track("purchase", ADA, TrackingEventDetails(value, {"id": ""}))
    assert sender.flush(10)
    records = [record_of(event, 4e9) for event in engine.events]
    assert [record.value for record in records if isinstance(record, Occurrence)] == [None] * len(strange)
    assert (tracker.valueless, sender.refused) == (len(strange), 0)
    assert caplog.text.count("without its value") == 1


def test_the_provider_that_is_held_is_told_too(sender: Sender) -> None:
    held = Held()
    client_of(Tracker(held, sender)).track("purchase", ADA, TrackingEventDetails(1.0))
    assert held.told == ["initialize", "track purchase"]


def test_what_nobody_did_is_no_event(engine: Engine, sender: Sender) -> None:
    client_of(Tracker(a_provider(), sender)).track("purchase")
    assert sender.flush(10)
    assert engine.events == []


def test_trouble_while_tracking_breaks_nothing(sender: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> bool:
        raise RuntimeError("no")

    monkeypatch.setattr(sender, "send", broken)
    client_of(Tracker(a_provider(), sender)).track("purchase", ADA)


def test_every_kind_of_flag_is_evaluated_by_the_provider_that_is_held(sender: Sender) -> None:
    client = client_of(Tracker(a_provider(), sender))
    assert client.get_boolean_value("b", False) is True
    assert client.get_string_value("s", "") == "x"
    assert client.get_integer_value("i", 0) == 7
    assert client.get_float_value("f", 0.0) == 0.5
    assert client.get_object_value("o", {}) == {"k": 1}

    async def all_of_them() -> list[Any]:
        return [
            await client.get_boolean_value_async("b", False),
            await client.get_string_value_async("s", ""),
            await client.get_integer_value_async("i", 0),
            await client.get_float_value_async("f", 0.0),
            await client.get_object_value_async("o", {}),
        ]

    assert asyncio.run(all_of_them()) == [True, "x", 7, 0.5, {"k": 1}]
    assert client.get_string_details("unknown", "code").value == "code"


class Held(InMemoryProvider):
    """Says what it was told."""

    def __init__(self) -> None:
        super().__init__({})
        self.told: list[str] = []

    def initialize(self, evaluation_context: EvaluationContext) -> None:
        self.told.append("initialize")

    def track(
        self,
        tracking_event_name: str,
        evaluation_context: EvaluationContext | None = None,
        tracking_event_details: TrackingEventDetails | None = None,
    ) -> None:
        self.told.append(f"track {tracking_event_name}")

    def shutdown(self) -> None:
        self.told.append("shutdown")

    def get_provider_hooks(self) -> list[Hook]:
        return [Hook()]


def test_life_and_events_of_the_provider_are_passed_on(sender: Sender) -> None:
    held = Held()
    tracker = Tracker(held, sender)
    client = client_of(tracker)
    assert held.told == ["initialize"]
    assert client.provider is tracker
    assert tracker.get_metadata() == held.get_metadata()
    assert len(tracker.get_provider_hooks()) == 1
    seen: list[Any] = []
    client.add_handler(ProviderEvent.PROVIDER_CONFIGURATION_CHANGED, seen.append)
    held.emit_provider_configuration_changed(ProviderEventDetails(flags_changed=["x"]))
    assert [details.flags_changed for details in seen] == [["x"]]
    api.clear_providers()
    assert held.told == ["initialize", "shutdown"]
