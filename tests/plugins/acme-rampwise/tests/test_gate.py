import json
from collections.abc import Callable
from pathlib import Path

import pytest
from acme_rampwise.gate import switch_file

from engine.adapters.gates.providers import Factory
from engine.core.gate import GateStatus
from engine.ports import Json
from engine.testing.gates import FLAG, AskingGateContract, gate_of


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "switches.json"


class TestSwitchFile(AskingGateContract):
    @pytest.fixture
    def factory(self) -> Factory:
        return switch_file

    @pytest.fixture
    def options_of(self, file: Path) -> Callable[[bool], Json]:
        def turned(is_open: bool) -> Json:
            file.write_text(json.dumps({FLAG: is_open}))
            return {"path": str(file)}

        return turned

    @pytest.fixture
    def unreachable(self, tmp_path: Path) -> Json:
        return {"path": str(tmp_path / "nowhere")}


@pytest.mark.parametrize("content", ["", '{"checkout-v2": "yes"}', '{"checkout-v2": 1}', "7"])
def test_what_is_no_switch_is_unknown(file: Path, content: str) -> None:
    file.write_text(content)
    assert gate_of(switch_file, {"path": str(file)}).read().status is GateStatus.UNKNOWN
