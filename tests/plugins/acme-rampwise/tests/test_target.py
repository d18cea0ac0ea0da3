import json
from collections.abc import Callable
from pathlib import Path

import pytest
from acme_rampwise.target import WeightFile, WeightFileOptions

from engine.core.target import TargetGone, Weights
from engine.ports import Target
from engine.testing.targets import ReversibleTargetContract, state


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "weights.json"
    ready = {"v1": 1_700_000_000.0, "v2": 1_700_000_000.0}
    file.write_text(json.dumps({"weights": {"v1": 100, "v2": 0}, "ready_since_s": ready, "listen": 8080}))
    return file


class TestWeightFile(ReversibleTargetContract):
    @pytest.fixture
    def target(self, file: Path) -> Target:
        return WeightFile(WeightFileOptions(path=str(file), control="v1", treatment="v2"))

    @pytest.fixture
    def vanish(self, file: Path) -> Callable[[], None]:
        return file.unlink

    def test_what_others_keep_in_the_file_stays(self, file: Path, target: Target) -> None:
        state(target.apply(Weights.of(20)))
        assert json.loads(file.read_text())["listen"] == 8080
        assert list(file.parent.iterdir()) == [file]

    def test_a_version_that_is_not_deployed_is_not_ready(self, file: Path, target: Target) -> None:
        file.write_text(json.dumps({"weights": {"v1": 100, "v2": 0}, "ready_since_s": {"v1": 1.0}}))
        health = state(target.observe()).treatment
        assert (health.ready, health.detail) == (False, "v2 is not deployed")

    @pytest.mark.parametrize(
        "content",
        [
            "",
            "[]",
            "{}",
            '{"weights": {"v1": 70, "v2": 20}}',
            '{"weights": {"v1": 100, "v2": 0}, "ready_since_s": []}',
        ],
    )
    def test_a_file_that_holds_something_else_is_no_answer(
        self, file: Path, target: Target, content: str
    ) -> None:
        file.write_text(content)
        assert isinstance(target.apply(Weights.of(20)), TargetGone)
        assert file.read_text() == content
