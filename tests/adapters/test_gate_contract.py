"""The built-in gates keep the contract that plugins keep."""

from collections.abc import Callable
from pathlib import Path

import pytest

from engine.adapters.gates import file_provider, memory_provider, write_flag
from engine.adapters.gates.providers import Factory
from engine.ports import Json
from engine.testing.gates import FLAG, AskingGateContract, GateContract


class TestFileGate(AskingGateContract):
    @pytest.fixture
    def factory(self) -> Factory:
        return file_provider

    @pytest.fixture
    def options_of(self, flags: Path) -> Callable[[bool], Json]:
        return lambda is_open: {"path": str(write_flag(FLAG, is_open=is_open, path=flags))}

    @pytest.fixture
    def unreachable(self, tmp_path: Path) -> Json:
        return {"path": str(tmp_path / "nowhere" / "flags.json")}


class TestMemoryGate(GateContract):
    @pytest.fixture
    def factory(self) -> Factory:
        return memory_provider

    @pytest.fixture
    def options_of(self) -> Callable[[bool], Json]:
        return lambda is_open: {"open": is_open}
