# ruff: noqa: S101, D102 (a suite asserts, and the names of its tests are sentences)
"""What every gate must do. Subclass the suite of its kind and provide the fixtures that the suite names.

`GateContract` is for every provider, also for one whose flag is one of its options; `AskingGateContract` is
the same and more, for a provider that asks a file or a server for the flag. Neither starts or stops that.
"""

import time
from collections.abc import Callable, Iterator
from functools import partial
from uuid import uuid4

import pytest
from openfeature import api

from engine.adapters.gates.gate import FlagGate
from engine.adapters.gates.providers import Factory
from engine.core.gate import GateStatus
from engine.core.model import GateChoice
from engine.ports import Json

FLAG = "checkout-v2"
"""The flag that the suite reads."""
BOUND_S = 5.0


def gate_of(factory: Factory, options: Json, flag: str = FLAG) -> FlagGate:
    """The gate that the engine makes of a plugin and the options under `gate:`; it reads this flag."""
    choice = GateChoice(flag=flag, provider="tested", options=options)
    return FlagGate(partial(factory, FLAG, options), choice, f"contract-{uuid4()}", BOUND_S)


class GateContract:
    """The suite for every gate: fixtures `factory` and `options_of`."""

    @pytest.fixture
    def factory(self) -> Factory:
        """The function that the entry point names."""
        raise NotImplementedError

    @pytest.fixture
    def options_of(self) -> Callable[[bool], Json]:
        """Opens or closes `FLAG` where the provider reads it, and returns the provider's options."""
        raise NotImplementedError

    @pytest.fixture(autouse=True)
    def no_providers_left(self) -> Iterator[None]:
        """Every test starts without providers of another."""
        yield
        api.clear_providers()

    @pytest.mark.parametrize(("is_open", "status"), [(True, GateStatus.OPEN), (False, GateStatus.CLOSED)])
    def test_the_flag_says_what_was_set(
        self, factory: Factory, options_of: Callable[[bool], Json], is_open: bool, status: GateStatus
    ) -> None:
        state = gate_of(factory, options_of(is_open)).read()
        assert (state.status, state.flag) == (status, FLAG), state
        assert state.provider

    @pytest.mark.parametrize("is_open", [True, False])
    def test_reading_changes_nothing(
        self, factory: Factory, options_of: Callable[[bool], Json], is_open: bool
    ) -> None:
        gate = gate_of(factory, options_of(is_open))
        assert len({gate.read() for _ in range(3)}) == 1

    def test_a_flag_that_nobody_set_is_unknown(
        self, factory: Factory, options_of: Callable[[bool], Json]
    ) -> None:
        state = gate_of(factory, options_of(True), flag="nobody-set-this").read()
        assert state.status is GateStatus.UNKNOWN
        assert state.reason


class AskingGateContract(GateContract):
    """The suite for a gate whose flag is kept elsewhere than in its options: fixture `unreachable` as well.

    `options_of` then sets the flag where it is kept; what a gate was made with holds for both settings.
    """

    @pytest.fixture
    def unreachable(self) -> Json:
        """Options with which nobody answers."""
        raise NotImplementedError

    def test_a_closed_flag_counts_at_the_next_read(
        self, factory: Factory, options_of: Callable[[bool], Json]
    ) -> None:
        gate = gate_of(factory, options_of(True))
        assert gate.read().status is GateStatus.OPEN
        options_of(False)
        assert gate.read().status is GateStatus.CLOSED

    def test_a_provider_without_an_answer_is_unknown_in_time(
        self, factory: Factory, unreachable: Json
    ) -> None:
        began_s = time.monotonic()
        state = gate_of(factory, unreachable).read()
        assert state.status is GateStatus.UNKNOWN
        assert state.reason
        assert time.monotonic() - began_s < 2 * BOUND_S
