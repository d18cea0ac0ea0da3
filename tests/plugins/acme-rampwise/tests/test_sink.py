import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from acme_rampwise.sink import EventFile, EventFileOptions

from engine.ports import Sink
from engine.testing.sinks import SinkContract, a_notice


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "events.jsonl"


class TestEventFile(SinkContract):
    @pytest.fixture
    def sink(self, file: Path) -> Sink:
        return EventFile(EventFileOptions(path=str(file)))

    @pytest.fixture
    def received(self, file: Path) -> Callable[[], Sequence[str]]:
        return lambda: [json.loads(line)["id"] for line in file.read_text().splitlines()]

    @pytest.fixture
    def unreachable(self, tmp_path: Path) -> Sink:
        return EventFile(EventFileOptions(path=str(tmp_path / "nowhere" / "events.jsonl")))


def test_a_line_is_a_cloud_event_with_the_notice_as_data(file: Path) -> None:
    EventFile(EventFileOptions(path=str(file))).deliver(a_notice())
    event = json.loads(file.read_text())
    assert (event["specversion"], event["type"]) == ("1.0", "com.acme.release.rollback")
    assert event["data"]["weights_pct"] == {"v1": 100, "v2": 0}
