"""Providers by name and by class: checked before they are called, made when they are asked."""

import sys
import threading
import types

import pytest
from openfeature.evaluation_context import EvaluationContext
from openfeature.flag_evaluation import FlagResolutionDetails, Reason
from openfeature.provider.in_memory_provider import InMemoryFlag

from engine.adapters.gates import FlagGate, open_gate
from engine.core.gate import GateStatus
from engine.core.model import GateChoice
from engine.errors import PluginError
from tests.adapters.answering import Answering
from tests.local.waiting import eventually


@pytest.fixture
def this_module(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets experiments name what stands here."""
    module = types.ModuleType("flag_service")
    vars(module).update(globals())
    monkeypatch.setitem(sys.modules, "flag_service", module)


class FlagService(Answering):
    """A provider that connects when it is made, and cannot while the service is away."""

    is_away: Exception | None = None
    hold: threading.Event | None = None

    def __init__(self, key: str = "") -> None:
        super().__init__(FlagResolutionDetails(value=True, reason=Reason.STATIC))
        self._key = key
        if FlagService.is_away:
            raise FlagService.is_away

    def initialize(self, evaluation_context: EvaluationContext) -> None:
        if FlagService.hold:
            FlagService.hold.wait(30)


def flag_service(**options: object) -> FlagGate:
    choice = GateChoice(flag="checkout", provider="flag_service:FlagService", options=options)
    return open_gate(choice, "checkout-v2", timeout_s=0.2)


@pytest.mark.parametrize("trouble", [ConnectionRefusedError("away"), TimeoutError(), ValueError("odd")])
def test_a_provider_that_cannot_be_reached_is_unknown_and_is_made_again_at_the_next_read(
    trouble: Exception, monkeypatch: pytest.MonkeyPatch, this_module: None
) -> None:
    monkeypatch.setattr(FlagService, "is_away", trouble)
    gate = flag_service()
    state = gate.read()
    assert state.status is GateStatus.UNKNOWN
    assert state.reason
    monkeypatch.setattr(FlagService, "is_away", None)
    assert gate.read().status is GateStatus.OPEN


def test_a_provider_that_hangs_while_it_connects_is_unknown_until_it_has(
    monkeypatch: pytest.MonkeyPatch, this_module: None
) -> None:
    connected = threading.Event()
    monkeypatch.setattr(FlagService, "hold", connected)
    gate = flag_service()
    assert [gate.read().status for _ in range(2)] == [GateStatus.UNKNOWN] * 2
    connected.set()
    eventually(lambda: gate.read().status is GateStatus.OPEN)


def not_a_provider(**_: object) -> None:
    raise AssertionError("called, though it is no provider")


class NotAProvider:
    __init__ = not_a_provider


@pytest.mark.parametrize("name", ["not_a_provider", "NotAProvider", "__doc__"])
def test_what_is_no_provider_class_is_refused_without_being_called(name: str, this_module: None) -> None:
    with pytest.raises(PluginError, match="no class derived from OpenFeature's AbstractProvider"):
        open_gate(GateChoice(flag="x", provider=f"flag_service:{name}", options={}), "x")


def test_options_that_a_provider_does_not_take_are_refused_at_once(this_module: None) -> None:
    with pytest.raises(PluginError, match=r"its options do not fit: .*unexpected keyword argument 'colour'"):
        flag_service(colour="red")


def test_an_unknown_gate_plugin_is_refused_at_once() -> None:
    with pytest.raises(PluginError, match="no plugin gates/fil; did you mean file"):
        open_gate(GateChoice(flag="x", provider="fil", options={}), "x")


def test_any_provider_class_can_be_named_in_the_experiment():
    choice = GateChoice(
        flag="checkout",
        provider="openfeature.provider.in_memory_provider:InMemoryProvider",
        options={"flags": {"checkout": InMemoryFlag("on", {"on": True})}},
    )
    assert open_gate(choice, "checkout-v2").read().status is GateStatus.OPEN


@pytest.mark.parametrize(
    ("provider", "options"),
    [
        ("nowhere.at:All", {}),
        ("json:Nothing", {}),
        ("openfeature.provider.in_memory_provider:InMemoryProvider", {}),
    ],
)
def test_a_provider_that_cannot_be_made_says_what_to_check(provider, options):
    with pytest.raises(PluginError, match="cannot be made"):
        open_gate(GateChoice(flag="x", provider=provider, options=options), "x")


def test_built_in_gates_load_through_entry_points():
    choice = GateChoice(flag="checkout", provider="memory", options={"open": False})
    assert open_gate(choice, "checkout-v2").read().status is GateStatus.CLOSED
