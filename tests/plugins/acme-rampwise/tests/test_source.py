import json
from pathlib import Path

import pytest
from acme_rampwise.source import SampleFile, SampleFileOptions

from engine.core.measure import MissingReason
from engine.ports import MetricSource
from engine.testing.sources import METRICS, SourceContract, history, windows


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "samples.jsonl"
    file.write_text("".join(json.dumps(scrape._asdict()) + "\n" for scrape in history()))
    return file


class TestSampleFile(SourceContract):
    @pytest.fixture
    def source(self, file: Path) -> MetricSource:
        return SampleFile(SampleFileOptions(path=str(file)))

    @pytest.fixture
    def broken(self, tmp_path: Path) -> MetricSource:
        return SampleFile(SampleFileOptions(path=str(tmp_path / "nowhere")))


@pytest.mark.parametrize("line", ["no JSON", "[]", "{}", '{"at_s": "?", "name": "requests_total"}'])
def test_a_file_of_something_else_is_trouble(file: Path, line: str) -> None:
    file.write_text(f"{line}\n")
    batch = SampleFile(SampleFileOptions(path=str(file))).read(METRICS, windows(0, 1), {})
    assert batch.trouble is not None
    assert batch.trouble.reason is MissingReason.SOURCE_ERROR


def test_a_line_that_is_still_being_written_waits(file: Path) -> None:
    whole = SampleFile(SampleFileOptions(path=str(file)))
    readings = whole.read(METRICS, windows(0, 3), {}).readings
    with file.open("a") as samples:
        samples.write('{"at_s": 17000')
    assert whole.read(METRICS, windows(0, 3), {}).readings == readings
