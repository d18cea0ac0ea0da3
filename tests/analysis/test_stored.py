"""Stored evidence that cannot be taken up: said at once, not in the middle of a run."""

import pytest

from analysis.evaluate import Evidence
from engine.core.model import Bound
from engine.errors import CorruptRecord
from tests.analysis.evaluating import ALL, BAD, ONE, after
from tests.builders import a_metric, an_experiment


@pytest.mark.parametrize("plain", [{}, {"metrics": 3}, {"metrics": [{"name": "errors"}]}])
def test_unreadable_evidence_is_a_corrupt_record(plain: dict[str, object]) -> None:
    with pytest.raises(CorruptRecord, match="cannot be read"):
        Evidence.from_plain(ONE, plain)


def test_evidence_with_a_broken_array_is_a_corrupt_record() -> None:
    plain = after(ONE, BAD).to_plain()
    for broken in ({"shape": [3], "f8": "AAAA"}, {"f8": ""}, "zeros", {"shape": [1], "f8": "%%"}):
        plain["metrics"][0]["sums"]["effect"] = broken
        with pytest.raises(CorruptRecord):
            Evidence.from_plain(ONE, plain)


def test_evidence_of_other_metrics_is_a_corrupt_record() -> None:
    with pytest.raises(CorruptRecord, match="latency"):
        Evidence.from_plain(ALL, after(ONE, BAD).to_plain())


def test_evidence_of_a_metric_that_keeps_other_sums_is_a_corrupt_record() -> None:
    """Another version may keep others; adding to them would fail in the middle of a run."""
    other = an_experiment(metrics=(a_metric(tolerance=Bound(relative=0.05, absolute=0.001)),))
    with pytest.raises(CorruptRecord, match="other sums"):
        Evidence.from_plain(other, after(ONE, BAD).to_plain())
